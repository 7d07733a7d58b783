/**
 * UDP sockets over IPv4 by the C library: what a receiver needs that must neither allocate for each
 * datagram nor hear strangers. Two sockets may share a port, and one of them be connected: the
 * kernel gives it what its peer sends and nothing else, in a buffer of its own.
 *
 * Calls answer what the system call answers, and on failure the negated errno. Waiting is a
 * {@link Poller}'s. Linux and macOS.
 *
 * @module
 */
import { check, close, ERRNO } from "./libc.ts";
import { lazyLibrary } from "./library.ts";
import { DARWIN_UDP } from "./udp_darwin.ts";
import { sockaddr_in, UDP as LINUX_UDP } from "./udp_layout.ts";

const DARWIN = Deno.build.os === "darwin";

/** Constants of this system by name. */
export const UDP: Readonly<Record<keyof typeof DARWIN_UDP, number>> = DARWIN
  ? DARWIN_UDP
  : LINUX_UDP;

/** Whether this system's C library is spoken here. */
export const HAS_UDP: boolean = DARWIN || Deno.build.os === "linux";

// Lengths of datagrams fit an i32, so that no call makes a BigInt of its result.
const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  recvfrom: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"],
    result: "i32",
  },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const ERRNO_SYMBOL = {
  location: {
    name: DARWIN ? "__error" : "__errno_location",
    parameters: [],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;

const libc = lazyLibrary({
  name: "libc",
  override: "XOQ_LIBC",
  candidates: () =>
    DARWIN
      ? ["/usr/lib/libSystem.B.dylib"]
      : HAS_UDP
      ? ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]
      : [],
}, { ...SYMBOLS, ...ERRNO_SYMBOL });

/** A call's result, or the negated errno. */
function outcome(result: number): number {
  if (result >= 0) return result;
  const pointer = libc().symbols.location();
  return pointer === null ? -1 : -new Deno.UnsafePointerView(pointer).getInt32();
}

/** An IPv4 address and port as the kernel reads it: a `struct sockaddr_in` that can be filled anew. */
export class SocketAddress {
  /** The struct's bytes. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(sockaddr_in.size);
  readonly #view = new DataView(this.bytes.buffer);

  /** All addresses and no port, or the given ones. Throws `TypeError` for what is no IPv4 address. */
  constructor(host = "0.0.0.0", port = 0) {
    // macOS has a length byte in front of the family's.
    if (DARWIN) {
      this.bytes[0] = sockaddr_in.size;
      this.bytes[1] = UDP.AF_INET;
    } else this.#view.setUint16(sockaddr_in.sin_family, UDP.AF_INET, true);
    this.set(host, port);
  }

  /** Names another place. */
  set(host: string, port: number): void {
    const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host);
    const octets = match?.slice(1).map(Number);
    if (octets === undefined || octets.some((octet) => octet > 255)) {
      throw new TypeError(`${JSON.stringify(host)} is no IPv4 address`);
    }
    this.#view.setUint16(sockaddr_in.sin_port, port);
    this.bytes.set(octets, sockaddr_in.sin_addr);
  }

  /** Copies another's place. */
  copy(other: SocketAddress): void {
    this.bytes.set(other.bytes);
  }

  /** The address as a number, network order read as big-endian. */
  get ip(): number {
    return this.#view.getUint32(sockaddr_in.sin_addr);
  }

  /** UDP port. */
  get port(): number {
    return this.#view.getUint16(sockaddr_in.sin_port);
  }

  /** `192.0.2.1`. */
  get host(): string {
    return this.bytes.subarray(sockaddr_in.sin_addr, sockaddr_in.sin_addr + 4).join(".");
  }

  /** `192.0.2.1:50000`. */
  toString(): string {
    return `${this.host}:${this.port}`;
  }
}

/**
 * Opens a socket bound to an address (port 0: any). With `share` it may have the port of another one
 * that allows it (see {@link allowSharing}). Throws `FfiError`.
 */
export function openUdp(address: SocketAddress, options: { share?: boolean } = {}): number {
  const { symbols } = libc();
  const type = UDP.SOCK_DGRAM | UDP.SOCK_CLOEXEC;
  const fd = check(outcome(symbols.socket(UDP.AF_INET, type, 0)), "socket", "UDP");
  try {
    if (options.share === true) setOption(fd, UDP.SO_REUSEADDR, 1);
    const { bytes } = address;
    check(outcome(symbols.bind(fd, bytes, bytes.byteLength)), "bind", String(address));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/**
 * Whether sockets opened with `share` may have this one's port from now on. Allowed only while one is
 * being opened, it keeps other programs away.
 */
export function allowSharing(fd: number, allowed: boolean): void {
  setOption(fd, UDP.SO_REUSEADDR, allowed ? 1 : 0);
}

function setOption(fd: number, option: number, value: number): void {
  const word = new Uint8Array(new Int32Array([value]).buffer);
  const result = libc().symbols.setsockopt(fd, UDP.SOL_SOCKET, option, word, word.byteLength);
  check(outcome(result), "setsockopt", String(option));
}

/** Gives the socket one peer: nothing else is received any more. 0, or the negated errno. */
export function connectUdp(fd: number, peer: SocketAddress): number {
  return outcome(libc().symbols.connect(fd, peer.bytes, peer.bytes.byteLength));
}

/** Where the socket is bound. Throws `FfiError`. */
export function localAddress(fd: number): SocketAddress {
  const address = new SocketAddress();
  const length = new Uint8Array(new Uint32Array([address.bytes.byteLength]).buffer);
  check(outcome(libc().symbols.getsockname(fd, address.bytes, length)), "getsockname");
  return address;
}

const length = new Uint32Array(1);
const lengthBytes = new Uint8Array(length.buffer);

/** Bytes of a {@link receiveUdp} buffer. */
export const RECEIVE_BYTES = 2_048;
const CAPACITY = BigInt(RECEIVE_BYTES);

/**
 * The next datagram, without waiting: its length (what is longer than the buffer is cut), and where
 * it came from in `from`; or the negated errno: `-EAGAIN` where there is none. Allocates nothing.
 *
 * @param into {@link RECEIVE_BYTES} long; else `RangeError`.
 */
export function receiveUdp(
  fd: number,
  into: Uint8Array<ArrayBuffer>,
  from: SocketAddress,
): number {
  if (into.byteLength !== RECEIVE_BYTES) {
    throw new RangeError(`a receive buffer has ${RECEIVE_BYTES} bytes`);
  }
  length[0] = from.bytes.byteLength;
  const { symbols } = libc();
  return outcome(
    symbols.recvfrom(fd, into, CAPACITY, UDP.MSG_DONTWAIT, from.bytes, lengthBytes),
  );
}

/** Sends to a place, or to the connected socket's peer, without waiting: bytes sent, or the negated errno. */
export function sendUdp(fd: number, bytes: Uint8Array<ArrayBuffer>, to?: SocketAddress): number {
  const { symbols } = libc();
  const size = BigInt(bytes.byteLength);
  const now = UDP.MSG_DONTWAIT;
  if (to === undefined) return outcome(symbols.send(fd, bytes, size, now));
  return outcome(symbols.sendto(fd, bytes, size, now, to.bytes, to.bytes.byteLength));
}

/** Whether a failure only says that there is nothing to receive now. */
export function nothingThere(result: number): boolean {
  return result === -ERRNO.EAGAIN;
}
