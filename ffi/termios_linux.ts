/**
 * Terminals on Linux: `struct termios2`, whose speeds are numbers and not codes
 * (ioctl_tty(2), <asm/termbits.h>).
 *
 * @module
 */
import { check, ioctl } from "./libc.ts";
import { lazyLibrary } from "./library.ts";
import {
  CC,
  CFLAG,
  FLOCK,
  IFLAG,
  LFLAG,
  LOW_LATENCY,
  MODEM,
  QUEUE,
  serial_icounter_struct as icounter,
  serial_struct,
  termios2,
  TTY,
} from "./termios_layout.ts";
import type { LineCounters, LineFormat, TermiosSystem } from "./termios_system.ts";
import { withErrno } from "./termios_errno.ts";

const libc = lazyLibrary({
  name: "libc",
  override: "XOQ_LIBC",
  candidates: () => ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`],
}, {
  // tcdrain(3) is this request; it waits, so it has a thread of its own.
  drain: {
    name: "ioctl",
    parameters: ["i32", "u64", "u64"],
    result: "i32",
    nonblocking: true,
  },
  flock: { parameters: ["i32", "i32"], result: "i32" },
});

const XON = 0x11;
const XOFF = 0x13;
const SIZES = [[5, CFLAG.CS5], [6, CFLAG.CS6], [7, CFLAG.CS7], [8, CFLAG.CS8]] as const;

/** `struct termios2`, read and written. */
class Attributes {
  readonly bytes = new Uint8Array(termios2.size);
  readonly #view = new DataView(this.bytes.buffer);

  static of(fd: number): Attributes {
    const attributes = new Attributes();
    check(ioctl(fd, TTY.TCGETS2, attributes.bytes), "TCGETS2");
    return attributes;
  }

  get(field: "c_iflag" | "c_cflag" | "c_lflag" | "c_ospeed"): number {
    return this.#view.getUint32(termios2[field], true);
  }

  set(field: "c_iflag" | "c_oflag" | "c_cflag" | "c_lflag", value: number): void {
    this.#view.setUint32(termios2[field], value, true);
  }

  setSpeed(baudRate: number): void {
    this.#view.setUint32(termios2.c_ispeed, baudRate, true);
    this.#view.setUint32(termios2.c_ospeed, baudRate, true);
  }

  character(index: number, value: number): void {
    this.bytes[termios2.c_cc + index] = value;
  }
}

function decode(attributes: Attributes): LineFormat {
  const control = attributes.get("c_cflag");
  const input = attributes.get("c_iflag");
  const odd = (control & CFLAG.PARODD) !== 0;
  const parity = (control & CFLAG.PARENB) === 0
    ? "none"
    : (control & CFLAG.CMSPAR) !== 0
    ? (odd ? "mark" : "space")
    : (odd ? "odd" : "even");
  return {
    baudRate: attributes.get("c_ospeed"),
    dataBits: SIZES.find(([, flag]) => (control & CFLAG.CSIZE) === flag)?.[0] ?? 8,
    parity,
    stopBits: (control & CFLAG.CSTOPB) === 0 ? 1 : 2,
    rtscts: (control & CFLAG.CRTSCTS) !== 0,
    xonxoff: (input & (IFLAG.IXON | IFLAG.IXOFF)) !== 0,
  };
}

function controlFlags(format: LineFormat, before: number, hangUp: boolean | undefined): number {
  const parity = {
    none: 0,
    even: CFLAG.PARENB,
    odd: CFLAG.PARENB | CFLAG.PARODD,
    space: CFLAG.PARENB | CFLAG.CMSPAR,
    mark: CFLAG.PARENB | CFLAG.CMSPAR | CFLAG.PARODD,
  }[format.parity];
  const size = SIZES.find(([bits]) => bits === format.dataBits)?.[1] ?? CFLAG.CS8;
  const keptHangUp = hangUp === undefined ? before & CFLAG.HUPCL : 0;
  // Input speed code 0 (B0): the same as output.
  return CFLAG.BOTHER | CFLAG.CREAD | CFLAG.CLOCAL | size | parity | keptHangUp |
    (hangUp === true ? CFLAG.HUPCL : 0) |
    (format.stopBits === 2 ? CFLAG.CSTOPB : 0) |
    (format.rtscts ? CFLAG.CRTSCTS : 0);
}

/** Linux's terminals. */
export const linuxTermios: TermiosSystem = {
  format: (fd) => decode(Attributes.of(fd)),

  setFormat(fd, format, hangUpOnClose) {
    const attributes = Attributes.of(fd);
    const before = attributes.get("c_cflag");
    attributes.set("c_iflag", format.xonxoff ? IFLAG.IXON | IFLAG.IXOFF : 0);
    attributes.set("c_oflag", 0);
    attributes.set("c_lflag", attributes.get("c_lflag") & LFLAG.EXTPROC);
    attributes.set("c_cflag", controlFlags(format, before, hangUpOnClose) >>> 0);
    attributes.character(CC.VMIN, 1);
    attributes.character(CC.VTIME, 0);
    attributes.character(CC.VSTART, XON);
    attributes.character(CC.VSTOP, XOFF);
    attributes.setSpeed(format.baudRate);
    check(ioctl(fd, TTY.TCSETS2, attributes.bytes), "TCSETS2", `${format.baudRate} baud`);
    return decode(Attributes.of(fd));
  },

  lines(fd) {
    const bits = modemBits(fd);
    if (bits < 0) return undefined;
    const has = (flag: number) => (bits & flag) !== 0;
    return {
      dtr: has(MODEM.TIOCM_DTR),
      rts: has(MODEM.TIOCM_RTS),
      cts: has(MODEM.TIOCM_CTS),
      dsr: has(MODEM.TIOCM_DSR),
      dcd: has(MODEM.TIOCM_CAR),
      ri: has(MODEM.TIOCM_RNG),
    };
  },

  setLines(fd, { dtr, rts }) {
    const before = modemBits(fd);
    if (before < 0) return before;
    let bits = before;
    if (dtr !== undefined) bits = dtr ? bits | MODEM.TIOCM_DTR : bits & ~MODEM.TIOCM_DTR;
    if (rts !== undefined) bits = rts ? bits | MODEM.TIOCM_RTS : bits & ~MODEM.TIOCM_RTS;
    wordView.setInt32(0, bits, true);
    return ioctl(fd, TTY.TIOCMSET, word);
  },

  setBreak: (fd, on) => ioctl(fd, on ? TTY.TIOCSBRK : TTY.TIOCCBRK, 0),

  flush: (fd, queue) =>
    ioctl(
      fd,
      TTY.TCFLSH,
      { input: QUEUE.TCIFLUSH, output: QUEUE.TCOFLUSH, both: QUEUE.TCIOFLUSH }[queue],
    ),

  outputQueue(fd) {
    const result = ioctl(fd, TTY.TIOCOUTQ, word);
    return result < 0 ? result : wordView.getInt32(0, true);
  },

  async drain(fd) {
    await libc().symbols.drain(fd, BigInt(TTY.TCSBRK), 1n);
  },

  counters(fd) {
    const bytes = new Uint8Array(icounter.size);
    if (ioctl(fd, TTY.TIOCGICOUNT, bytes) < 0) return undefined;
    const view = new DataView(bytes.buffer);
    const field = (name: Exclude<keyof typeof icounter, "size">) =>
      view.getUint32(icounter[name], true);
    return {
      rx: field("rx"),
      tx: field("tx"),
      framing: field("frame"),
      overrun: field("overrun"),
      parity: field("parity"),
      breaks: field("brk"),
      bufferOverrun: field("buf_overrun"),
      cts: field("cts"),
      dsr: field("dsr"),
      dcd: field("dcd"),
      ri: field("rng"),
    } satisfies LineCounters;
  },

  setExclusive(fd) {
    const locked = withErrno(() => libc().symbols.flock(fd, FLOCK.LOCK_EX | FLOCK.LOCK_NB));
    return locked < 0 ? locked : ioctl(fd, TTY.TIOCEXCL, 0);
  },

  setLowLatency(fd) {
    const bytes = new Uint8Array(serial_struct.size);
    const read = ioctl(fd, TTY.TIOCGSERIAL, bytes);
    if (read < 0) return read;
    const view = new DataView(bytes.buffer);
    const flags = view.getInt32(serial_struct.flags, true);
    if ((flags & LOW_LATENCY.ASYNC_LOW_LATENCY) !== 0) return 0;
    view.setInt32(serial_struct.flags, flags | LOW_LATENCY.ASYNC_LOW_LATENCY, true);
    return ioctl(fd, TTY.TIOCSSERIAL, bytes);
  },
};

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

/** The lines as bits, or the negated errno. */
function modemBits(fd: number): number {
  const result = ioctl(fd, TTY.TIOCMGET, word);
  return result < 0 ? result : wordView.getInt32(0, true);
}
