/**
 * The system calls that device bindings are made of, each usable alone. A call answers what the
 * system call answers, and on failure the negated errno, as the kernel itself does it; `check()`
 * turns that into an {@link FfiError}. errno is read right after the call, on the same thread.
 *
 * `ioctl` and `open` are variadic in C. On x86_64 and arm64 Linux variadic arguments travel as the
 * named ones do; on Apple's arm64 they travel on the stack, so there the argument registers are
 * filled up first. The macOS side is written after its headers and is not run by the project's tests.
 *
 * @module
 */
import { FfiError } from "./errors.ts";
import { DARWIN_CLOCK, DARWIN_ERRNO, DARWIN_OPEN } from "./libc_darwin.ts";
import {
  CLOCK as LINUX_CLOCK,
  ERRNO as LINUX_ERRNO,
  EVENTFD,
  MMAN,
  OPEN as LINUX_OPEN,
  POLL,
  pollfd,
  timespec,
} from "./libc_layout.ts";
import { lazyLibrary } from "./library.ts";

const DARWIN = Deno.build.os === "darwin";

/** errno values of this system by name. */
export const ERRNO: Readonly<Record<keyof typeof DARWIN_ERRNO, number>> = DARWIN
  ? DARWIN_ERRNO
  : LINUX_ERRNO;
/** Flags of `open()` on this system. */
export const OPEN: Readonly<Record<keyof typeof DARWIN_OPEN, number>> = DARWIN
  ? DARWIN_OPEN
  : LINUX_OPEN;
const CLOCK: Readonly<Record<keyof typeof DARWIN_CLOCK, number>> = DARWIN
  ? DARWIN_CLOCK
  : LINUX_CLOCK;
/** Events of `poll()`, the same on every system, and macOS's tables. */
export { DARWIN_ERRNO, DARWIN_OPEN, POLL };
/** Layout of `struct pollfd`; the same on every system. */
export { pollfd };

const SYMBOLS = {
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  poll_async: {
    name: "poll",
    parameters: ["buffer", "u64", "i32"],
    result: "i32",
    nonblocking: true,
  },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  munmap: { parameters: ["pointer", "usize"], result: "i32" },
  strerror: { parameters: ["i32"], result: "pointer" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const LINUX_SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  ioctl_value: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  mremap: { parameters: ["pointer", "usize", "usize", "i32", "pointer"], result: "pointer" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Six words that fill the argument registers x2 to x7, after which arguments go on the stack. */
const FILL = ["u64", "u64", "u64", "u64", "u64", "u64"] as const;
const DARWIN_SYMBOLS = {
  open: { parameters: ["buffer", "i32", ...FILL, "u32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", ...FILL, "buffer"], result: "i32" },
  ioctl_value: { name: "ioctl", parameters: ["i32", "u64", ...FILL, "u64"], result: "i32" },
  pipe: { parameters: ["buffer"], result: "i32" },
  __error: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

const LOCATION = {
  name: "libc",
  override: "XOQ_LIBC",
  candidates: () =>
    DARWIN
      ? ["/usr/lib/libSystem.B.dylib"]
      : Deno.build.os === "linux"
      ? ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]
      : [],
};
const common = lazyLibrary(LOCATION, SYMBOLS);
const linux = lazyLibrary(LOCATION, LINUX_SYMBOLS);
const darwin = lazyLibrary(LOCATION, DARWIN_SYMBOLS);

/** errno of this thread: only right after a synchronous call. */
function errno(): number {
  const pointer = DARWIN ? darwin().symbols.__error() : linux().symbols.__errno_location();
  return pointer === null ? 0 : new Deno.UnsafePointerView(pointer).getInt32();
}

/** A call's result, or the negated errno. */
function outcome(result: number | bigint): number {
  return result < 0 ? -errno() : Number(result);
}

/** A NUL-terminated string. */
function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("a path holds a NUL");
  return new TextEncoder().encode(text + "\0");
}

/** Throws {@link FfiError} for a negative result (negated errno), else answers it. */
export function check(result: number, operation: string, detail = ""): number {
  if (result >= 0) return result;
  const reason = strerror(-result);
  throw new FfiError("libc", operation, -result, detail === "" ? reason : `${detail}: ${reason}`);
}

/** What errno means, in the system's words. */
export function strerror(code: number): string {
  const pointer = common().symbols.strerror(code);
  return pointer === null ? `errno ${code}` : new Deno.UnsafePointerView(pointer).getCString();
}

/** open(2): a descriptor, or the negated errno. `mode` counts only where a file is created. */
export function open(path: string, flags: number, mode = 0): number {
  return outcome(
    DARWIN
      ? darwin().symbols.open(cString(path), flags, 0n, 0n, 0n, 0n, 0n, 0n, mode)
      : linux().symbols.open(cString(path), flags, mode),
  );
}

/** close(2): 0, or the negated errno. */
export function close(fd: number): number {
  return outcome(common().symbols.close(fd));
}

/** read(2): bytes read (0 at the end), or the negated errno. */
export function read(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return outcome(common().symbols.read(fd, into, BigInt(into.byteLength)));
}

/** write(2): bytes written, or the negated errno. */
export function write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return outcome(common().symbols.write(fd, bytes, BigInt(bytes.byteLength)));
}

/** ioctl(2) with a structure or with a number: its result, or the negated errno. */
export function ioctl(
  fd: number,
  request: number,
  argument: Uint8Array<ArrayBuffer> | number,
): number {
  const code = BigInt(request);
  if (typeof argument === "number") {
    const value = BigInt(argument);
    return outcome(
      DARWIN
        ? darwin().symbols.ioctl_value(fd, code, 0n, 0n, 0n, 0n, 0n, 0n, value)
        : linux().symbols.ioctl_value(fd, code, value),
    );
  }
  return outcome(
    DARWIN
      ? darwin().symbols.ioctl(fd, code, 0n, 0n, 0n, 0n, 0n, 0n, argument)
      : linux().symbols.ioctl(fd, code, argument),
  );
}

/**
 * poll(2) right now, without waiting: the number of descriptors with events, or the negated errno.
 *
 * @param fds array of `struct pollfd`; its `revents` are filled in.
 */
export function pollNow(fds: Uint8Array<ArrayBuffer>): number {
  return outcome(common().symbols.poll(fds, BigInt(fds.byteLength / pollfd.size), 0));
}

/**
 * poll(2) on a thread of Deno's blocking pool, until there is an event. Only one at a time in the
 * whole program, please: `Poller` shares it.
 *
 * @returns the number of descriptors with events, or a negative number (why is not known: errno
 *   belongs to that thread).
 */
export async function pollBlocking(
  fds: Uint8Array<ArrayBuffer>,
  timeoutMs = -1,
): Promise<number> {
  return await common().symbols.poll_async(fds, BigInt(fds.byteLength / pollfd.size), timeoutMs);
}

/** Memory mapped from a descriptor. */
export interface Mapping {
  /** The memory itself: not to be touched after `munmap()`. */
  readonly memory: Uint8Array<ArrayBuffer>;
  /** For `munmap()`. */
  readonly address: NonNullable<Deno.PointerValue>;
}

/** mmap(2), shared and (where asked) writable: the mapping, or the negated errno. */
export function mmap(
  fd: number,
  length: number,
  offset: number,
  access: "read" | "read-write",
): Mapping | number {
  const protection = access === "read" ? MMAN.PROT_READ : MMAN.PROT_READ | MMAN.PROT_WRITE;
  const address = common().symbols.mmap(
    null,
    BigInt(length),
    protection,
    MMAN.MAP_SHARED,
    fd,
    BigInt(offset),
  );
  if (mapFailed(address)) return -errno();
  const memory = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, length));
  return { memory, address };
}

/** MAP_FAILED is all ones. */
function mapFailed(address: Deno.PointerValue): address is null {
  return address === null || BigInt(Deno.UnsafePointer.value(address)) === 0xffffffffffffffffn;
}

/**
 * Puts ordinary memory with the same content in the place of a mapping, Linux: whoever still reads
 * it reads on, and the file it came from is let go. The replacement is atomic. 0, or the negated
 * errno; `munmap()` is needed as before.
 */
export function detachMapping({ address, memory }: Mapping): number {
  const length = BigInt(memory.byteLength);
  const copy = common().symbols.mmap(
    null,
    length,
    MMAN.PROT_READ | MMAN.PROT_WRITE,
    MMAN.MAP_PRIVATE | MMAN.MAP_ANONYMOUS,
    -1,
    0n,
  );
  if (mapFailed(copy)) return -errno();
  new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(copy, memory.byteLength)).set(memory);
  const flags = MMAN.MREMAP_MAYMOVE | MMAN.MREMAP_FIXED;
  return mapFailed(linux().symbols.mremap(copy, length, length, flags, address)) ? -errno() : 0;
}

/** munmap(2): 0, or the negated errno. */
export function munmap(mapping: Mapping): number {
  return outcome(common().symbols.munmap(mapping.address, BigInt(mapping.memory.byteLength)));
}

/** A descriptor that `signal()` makes readable: an eventfd, on macOS a pipe. */
export interface WakeUp {
  /** To be polled for POLLIN. */
  readonly fd: number;
  /** Makes it readable. */
  signal(): void;
  /** Makes it unreadable again. */
  clear(): void;
  /** Closes it. */
  close(): void;
}

/** Makes a descriptor to wake a poll with. Throws {@link FfiError}. */
export function createWakeUp(): WakeUp {
  const [reading, writing] = DARWIN ? createPipe() : createEventfd();
  // An eventfd's counter is eight bytes; a pipe takes any.
  const one = new Uint8Array(8);
  one[0] = 1;
  const drained = new Uint8Array(8);
  return {
    fd: reading,
    signal: () => void write(writing, one),
    clear: () => void read(reading, drained),
    close: () => {
      close(reading);
      if (writing !== reading) close(writing);
    },
  };
}

function createEventfd(): [number, number] {
  const fd = check(
    outcome(linux().symbols.eventfd(0, EVENTFD.EFD_CLOEXEC | EVENTFD.EFD_NONBLOCK)),
    "eventfd",
  );
  return [fd, fd];
}

function createPipe(): [number, number] {
  const ends = new Int32Array(2);
  check(outcome(darwin().symbols.pipe(new Uint8Array(ends.buffer))), "pipe");
  return [ends[0]!, ends[1]!];
}

/** socket(2), Linux: a descriptor, or the negated errno. */
export function socket(family: number, type: number, protocol: number): number {
  return outcome(linux().symbols.socket(family, type, protocol));
}

/** bind(2), Linux: 0, or the negated errno. */
export function bind(fd: number, address: Uint8Array<ArrayBuffer>): number {
  return outcome(linux().symbols.bind(fd, address, address.byteLength));
}

const time = new Uint8Array(timespec.size);
const timeView = new DataView(time.buffer);

/** clock_gettime(2) of the monotonic clock, in µs. */
export function monotonicMicros(): number {
  common().symbols.clock_gettime(CLOCK.CLOCK_MONOTONIC, time);
  const seconds = Number(timeView.getBigInt64(timespec.tv_sec, true));
  return seconds * 1e6 + Math.round(Number(timeView.getBigInt64(timespec.tv_nsec, true)) / 1000);
}
