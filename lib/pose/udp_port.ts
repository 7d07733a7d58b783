/**
 * The UDP port that phones send to. While a phone is active it has a socket of its own, connected to
 * it: the kernel keeps what it sends apart from what anybody else sends, and what others send is read
 * in small portions, so that no flood delays a pose.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { close, ERRNO, POLL } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";
import {
  allowSharing,
  connectUdp,
  HAS_UDP,
  localAddress,
  nothingThere,
  openUdp,
  RECEIVE_BYTES,
  receiveUdp,
  sendUdp,
  SocketAddress,
  UDP,
} from "../../ffi/udp.ts";
import { BusyError, DeniedError, XoqError } from "../errors.ts";

/** Datagrams read from one socket before others have their turn. */
const BATCH = 32;
/** How long nothing is read from strangers after a full batch while a phone is active, in ms. */
const FLOOD_PAUSE_MS = 5;

/** Takes a datagram: the first `length` bytes, valid until it returns, and where it came from. */
export type DatagramHandler = (
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  from: SocketAddress,
) => void;

/** A bound port. */
export interface UdpPort extends AsyncDisposable {
  /** UDP port. */
  readonly port: number;
  /** Times that reading strangers' datagrams paused. */
  readonly pauses: number;
  /** Sends at once or not at all. Whether the system took it. */
  send(bytes: Uint8Array<ArrayBuffer>, to: SocketAddress): boolean;
  /** Sets the phone apart from everybody else, until {@link UdpPort.release}. */
  favour(peer: SocketAddress): void;
  /** Nobody is set apart any more. */
  release(): void;
  /** Closes the sockets. Idempotent. */
  close(): Promise<void>;
}

/** Binds. Throws `BusyError` where the port is taken, `DeniedError`, `XoqError`. */
export async function openUdpPort(
  host: string,
  port: number,
  handler: DatagramHandler,
): Promise<UdpPort> {
  if (!HAS_UDP) {
    const { DgramPort } = await import("./dgram_port.ts");
    return await DgramPort.open(host, port, handler);
  }
  try {
    return new SystemPort(openUdp(new SocketAddress(host, port)), handler);
  } catch (error) {
    if (!(error instanceof FfiError)) throw error;
    throw portError(error, host, port, {
      busy: error.code === UDP.EADDRINUSE,
      denied: error.code === ERRNO.EACCES,
    });
  }
}

/** What a failed bind says to a person. */
export function portError(
  cause: unknown,
  host: string,
  port: number,
  why: { busy: boolean; denied: boolean },
): XoqError {
  const hint = "another program has it; --wifi-port takes another port, 0 a free one";
  if (why.busy) return new BusyError(`UDP port ${port} is in use`, { hint, cause });
  if (why.denied) {
    return new DeniedError(`UDP port ${port} needs privileges`, {
      hint: "take one above 1023 with --wifi-port",
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new XoqError("failed", `UDP ${host}:${port} can't be opened: ${reason}`, { cause });
}

/** The C library's sockets. */
class SystemPort implements UdpPort {
  readonly port: number;
  pauses = 0;
  readonly #poller = new Poller();
  readonly #handler: DatagramHandler;
  readonly #fd: number;
  readonly #host: string;
  readonly #ended = new AbortController();
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  readonly #from = new SocketAddress();
  readonly #reading: Promise<void>;
  #favoured: { fd: number; peer: SocketAddress; stop: AbortController } | undefined;
  #closing: Promise<void>[] = [];

  constructor(fd: number, handler: DatagramHandler) {
    this.#fd = fd;
    this.#handler = handler;
    const { host, port } = localAddress(fd);
    this.#host = host;
    this.port = port;
    this.#reading = this.#readAll();
  }

  send(bytes: Uint8Array<ArrayBuffer>, to: SocketAddress): boolean {
    const favoured = this.#favoured;
    if (favoured !== undefined && favoured.peer.ip === to.ip && favoured.peer.port === to.port) {
      if (sendUdp(favoured.fd, bytes) >= 0) return true;
      // Its route may be gone, or an old refusal came to light: the other socket knows of neither.
    }
    return sendUdp(this.#fd, bytes, to) >= 0;
  }

  favour(peer: SocketAddress): void {
    this.release();
    let fd: number;
    try {
      allowSharing(this.#fd, true);
      fd = openUdp(new SocketAddress(this.#host, this.port), { share: true });
    } catch (error) {
      // Without it everything arrives on the one socket.
      if (error instanceof FfiError) return;
      throw error;
    } finally {
      allowSharing(this.#fd, false);
    }
    if (connectUdp(fd, peer) < 0) {
      close(fd);
      return;
    }
    const copy = new SocketAddress();
    copy.copy(peer);
    const stop = new AbortController();
    this.#favoured = { fd, peer: copy, stop };
    this.#closing.push(this.#readFavoured(fd, stop.signal));
    if (this.#closing.length > 16) this.#closing = this.#closing.slice(-8);
  }

  release(): void {
    this.#favoured?.stop.abort();
    this.#favoured = undefined;
  }

  async close(): Promise<void> {
    this.release();
    this.#ended.abort();
    await this.#reading;
    await Promise.all(this.#closing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #readAll(): Promise<void> {
    const { signal } = this.#ended;
    while (await this.#readable(this.#fd, signal)) {
      const full = this.#drain(this.#fd);
      if (full && this.#favoured !== undefined) {
        this.pauses++;
        await pause(FLOOD_PAUSE_MS, signal);
      }
    }
    await this.#poller.close(this.#fd);
  }

  async #readFavoured(fd: number, signal: AbortSignal): Promise<void> {
    while (await this.#readable(fd, signal)) this.#drain(fd);
    // What came before the phone was let go of is nobody's any more.
    await this.#poller.close(fd);
  }

  async #readable(fd: number, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#poller.wait(fd, POLL.POLLIN, { signal });
      return !signal.aborted;
    } catch {
      return false;
    }
  }

  /** Reads until there is nothing, or a batch is full: whether it is. */
  #drain(fd: number): boolean {
    for (let n = 0; n < BATCH; n++) {
      const length = receiveUdp(fd, this.#buffer, this.#from);
      if (length >= 0) this.#handler(this.#buffer, length, this.#from);
      else if (nothingThere(length)) return false;
      // Anything else is a refusal of something sent before (ICMP), told once.
    }
    return true;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
}
