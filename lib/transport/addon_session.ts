/**
 * A connection of the prebuilt addon as a {@link Session}.
 *
 * What it lacks: a reset or a stop reaches the peer only when the write or read that is pending has
 * come to an end (on this side it is knocked out at once); a stop is seen at the next write only; the
 * idle timeout is the peer's, or 30 s between two addons.
 *
 * @module
 */
import { Interrupt } from "../interrupt.ts";
import type {
  AddonConnection,
  AddonReceiveStream,
  AddonSendStream,
  AddonStream,
} from "./addon_types.ts";
import { type ConnectionStats, type PathInfo, TransportError } from "./connection.ts";
import type { Halves, ReceiveHalf, SendHalf, Session, SessionEnd } from "./session.ts";

/** Bytes of one write or read: they are copied number by number. */
const PIECE_BYTES = 65_536;
/** As many streams as the native library allows. */
const MAX_STREAMS = 2048n;

/** The addon's texts are its only errors: these are Debug forms of the crate's enums. */
const PATTERNS = {
  reset: /\bReset\((\d+)\)/,
  stopped: /\bStopped\((\d+)\)/,
  applicationClose: /ApplicationClose\s*\{\s*error_code:\s*(\d+)/,
  timedOut: /\bTimedOut\b|timed out/,
  locallyClosed: /LocallyClosed|EndpointClosed|^closed$/,
  refused: /\bno_application_protocol|doesn't support|refused|error_code: Code|ConnectionClosed/i,
  closedByPeer: /^closed by peer: (?:([^]*) \(code (\d+)\)|(\d+))$/,
};

/** Translates an error of the addon. */
export function addonError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TransportError) return error;
  const text = error.message;
  const stream = PATTERNS.reset.exec(text) ?? PATTERNS.stopped.exec(text);
  if (stream !== null) {
    const what = stream[0].startsWith("Reset") ? "reset the stream" : "stopped reading the stream";
    return new TransportError(`the peer ${what} with code ${stream[1]}`, {
      streamErrorCode: Number(stream[1]),
      cause: error,
    });
  }
  if (/ClosedStream/.test(text)) {
    return new TransportError("the stream has ended on this side", { cause: error });
  }
  return sessionError(error);
}

function sessionError(cause: Error): TransportError {
  const text = cause.message;
  const closed = PATTERNS.applicationClose.exec(text);
  const common = { source: "session", cause } as const;
  if (closed !== null) {
    return new TransportError(`the peer closed the connection with code ${closed[1]}`, {
      ...common,
      failure: "closed",
      closeCode: Number(closed[1]),
    });
  }
  if (PATTERNS.locallyClosed.test(text)) {
    return new TransportError("the connection was closed here", { ...common, failure: "closed" });
  }
  if (PATTERNS.timedOut.test(text)) {
    const message = "nothing was heard of the peer any more";
    return new TransportError(message, { ...common, failure: "timeout" });
  }
  return new TransportError(`the connection was reset: ${text}`, { ...common, failure: "reset" });
}

/** Translates the failure of a dial. */
export function dialError(error: unknown): TransportError {
  const cause = error instanceof Error ? error : new Error(String(error));
  const refused = PATTERNS.refused.test(cause.message);
  return new TransportError(
    refused
      ? `the peer refused the connection: ${cause.message}`
      : `the peer cannot be reached: ${cause.message}`,
    { source: "session", failure: refused ? "refused" : "unreachable", cause },
  );
}

class AddonSender implements SendHalf {
  readonly #stream: AddonSendStream;
  readonly #knockedOut = new Interrupt();
  #ended = false;

  constructor(stream: AddonSendStream) {
    this.#stream = stream;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.byteLength; at += PIECE_BYTES) {
      const piece = this.#stream.writeAll(Array.from(data.subarray(at, at + PIECE_BYTES)));
      await this.#knockedOut.wait(piece);
    }
  }

  async finish(): Promise<void> {
    this.#ended = true;
    await this.#stream.finish();
  }

  reset(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#knockedOut.interrupt(new TransportError("the stream has ended on this side"));
    this.#stream.reset(BigInt(code)).catch(() => {});
  }

  setPriority(priority: number): void {
    this.#stream.setPriority(priority).catch(() => {});
  }

  watch(): void {}

  free(): void {
    this.reset(0);
  }
}

class AddonReceiver implements ReceiveHalf {
  readonly #stream: AddonReceiveStream;
  readonly #knockedOut = new Interrupt();
  #ended = false;

  constructor(stream: AddonReceiveStream) {
    this.#stream = stream;
  }

  async read(): Promise<Uint8Array | undefined> {
    try {
      const read = this.#stream.read(PIECE_BYTES);
      const bytes = await this.#knockedOut.wait(read);
      if (bytes.length > 0) return Uint8Array.from(bytes);
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    this.#ended = true;
    return undefined;
  }

  stop(code: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#knockedOut.interrupt(new TransportError("the stream has ended on this side"));
    this.#stream.stop(BigInt(code)).catch(() => {});
  }
}

function halves(stream: AddonStream): Halves {
  return { send: new AddonSender(stream.send), receive: new AddonReceiver(stream.recv) };
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A session of the addon's endpoint. */
export class AddonSession implements Session {
  readonly #connection: AddonConnection;
  #ended = false;
  /** The negotiated ALPN. */
  readonly protocol: string;
  /** The peer's endpoint id. */
  readonly remoteId: string;
  /** Makes a text of the addon's an error of ours. */
  readonly translate: (error: unknown) => unknown = addonError;

  /** Takes over a connection. */
  constructor(connection: AddonConnection) {
    this.#connection = connection;
    this.protocol = new TextDecoder().decode(Uint8Array.from(connection.alpn()));
    this.remoteId = hex(connection.remoteId().toBytes());
    connection.setMaxConcurrentBiStreams(MAX_STREAMS);
    connection.setMaxConcurrentUniStreams(MAX_STREAMS);
  }

  /** The largest datagram now. */
  get maxDatagramSize(): number {
    return this.#ended ? 0 : this.#connection.maxDatagramSize() ?? 0;
  }

  /** Opens a stream. A stream that comes after `signal` has aborted is reset. */
  async openBidirectional(priority: number, signal: AbortSignal | undefined): Promise<Halves> {
    const stream = await raceSignal(this.#connection.openBi(), signal, (late) => {
      late.send.reset(0n).catch(() => {});
      late.recv.stop(0n).catch(() => {});
    });
    if (priority !== 0) await stream.send.setPriority(priority);
    return halves(stream);
  }

  /** Opens a stream. A stream that comes after `signal` has aborted is reset. */
  async openUnidirectional(priority: number, signal: AbortSignal | undefined): Promise<SendHalf> {
    const stream = await raceSignal(this.#connection.openUni(), signal, (late) => {
      late.reset(0n).catch(() => {});
    });
    if (priority !== 0) await stream.setPriority(priority);
    return new AddonSender(stream);
  }

  /** Waits for a stream of the peer's. */
  async acceptBidirectional(): Promise<Halves> {
    return halves(await this.#connection.acceptBi());
  }

  /** Waits for a stream of the peer's. */
  async acceptUnidirectional(): Promise<ReceiveHalf> {
    return new AddonReceiver(await this.#connection.acceptUni());
  }

  /** Sends a datagram. */
  sendDatagram(data: Uint8Array): boolean {
    if (data.byteLength > this.maxDatagramSize) return false;
    this.#connection.sendDatagram(Array.from(data));
    return true;
  }

  /** Waits for a datagram. */
  async receiveDatagram(): Promise<Uint8Array> {
    return Uint8Array.from(await this.#connection.readDatagram());
  }

  /** Counters now; packets are counted as UDP datagrams. */
  stats(): ConnectionStats {
    const stats = this.#connection.stats();
    const selected = this.#connection.paths().find((path) => path.isSelected);
    return {
      bytesSent: stats.udpTxBytes,
      bytesReceived: stats.udpRxBytes,
      packetsLost: stats.lostPackets,
      packetsSent: stats.udpTxDatagrams,
      packetsReceived: stats.udpRxDatagrams,
      rttMs: selected?.rttMs ?? 0,
      ...(selected === undefined ? {} : { congestionWindow: selected.stats.cwnd }),
    };
  }

  /** Paths now. */
  paths(): PathInfo[] {
    return this.#connection.paths().map(({ isRelay, isSelected, remoteAddr, rttMs }) => ({
      kind: isRelay ? "relay" : "direct",
      remote: /^(?:Ip|Relay)\((.*)\)$/.exec(remoteAddr)?.[1] ?? remoteAddr,
      selected: isSelected,
      rttMs,
    }));
  }

  /** Waits for the paths to change. */
  async pathsChanged(): Promise<void> {
    const changed = Promise.withResolvers<void>();
    let first = true;
    const watch = this.#connection.watchPaths(() => {
      // The first call tells what is, not what changes.
      if (!first) changed.resolve();
      first = false;
    });
    const ended = this.#connection.closed().then((text) => {
      throw new Error(text);
    });
    try {
      await Promise.race([changed.promise, ended]);
    } finally {
      await watch.stop();
    }
  }

  /** Ends the session at once. */
  close(code: number, reason: string): void {
    this.#connection.close(BigInt(code), Array.from(new TextEncoder().encode(reason)));
  }

  /** Resolves when the session has ended. */
  async closed(): Promise<SessionEnd> {
    const text = await this.#connection.closed();
    const byPeer = PATTERNS.closedByPeer.exec(text);
    if (byPeer !== null) {
      const [, reason = "", code, bareCode] = byPeer;
      return { by: "peer", closeCode: Number(code ?? bareCode), reason };
    }
    if (PATTERNS.locallyClosed.test(text)) return { by: "local" };
    return { by: "failure", error: sessionError(new Error(text)) };
  }

  /** The collector frees the rest. */
  free(): void {
    this.#ended = true;
  }
}

/** `promise`, or the reason of `signal`; what comes too late goes to `dispose`. */
export async function raceSignal<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  dispose: (late: T) => void,
): Promise<T> {
  if (signal === undefined) return await promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } catch (error) {
    if (signal.aborted) promise.then(dispose, () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
