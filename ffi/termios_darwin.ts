/**
 * Terminals on macOS, after <sys/termios.h>, <sys/ttycom.h> and <IOKit/serial/ioss.h>. Written from
 * the headers' published text; not run on a Mac by the project's tests.
 *
 * @module
 */
import { FfiError } from "./errors.ts";
import { check, ioctl } from "./libc.ts";
import { lazyLibrary } from "./library.ts";
import { withErrno } from "./termios_errno.ts";
import type { LineFormat, TermiosSystem } from "./termios_system.ts";

const libc = lazyLibrary({
  name: "libSystem",
  override: "XOQ_LIBC",
  candidates: () => ["/usr/lib/libSystem.B.dylib"],
}, {
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  cfmakeraw: { parameters: ["buffer"], result: "void" },
  cfsetspeed: { parameters: ["buffer", "u64"], result: "i32" },
  tcflush: { parameters: ["i32", "i32"], result: "i32" },
  tcdrain: { parameters: ["i32"], result: "i32", nonblocking: true },
  flock: { parameters: ["i32", "i32"], result: "i32" },
});

/** `struct termios`: four flag words and two speeds of 64 bits, twenty control characters. */
const TERMIOS = { size: 72, c_iflag: 0, c_cflag: 16, c_cc: 32, c_ospeed: 64 } as const;
const CC = { VSTART: 12, VSTOP: 13, VMIN: 16, VTIME: 17 } as const;
const IFLAG = { IXON: 0x200, IXOFF: 0x400 } as const;
const CFLAG = {
  CSIZE: 0x300,
  CS5: 0x0,
  CS6: 0x100,
  CS7: 0x200,
  CS8: 0x300,
  CSTOPB: 0x400,
  CREAD: 0x800,
  PARENB: 0x1000,
  PARODD: 0x2000,
  HUPCL: 0x4000,
  CLOCAL: 0x8000,
  CRTSCTS: 0x30000,
} as const;
const TTY = {
  TIOCEXCL: 0x2000740d,
  TIOCSBRK: 0x2000747b,
  TIOCCBRK: 0x2000747a,
  TIOCMGET: 0x4004746a,
  TIOCMSET: 0x8004746d,
  TIOCOUTQ: 0x40047473,
  IOSSIOSPEED: 0x80085402,
  IOSSDATALAT: 0x80085400,
} as const;
const MODEM = { DTR: 2, RTS: 4, CTS: 0x20, CAR: 0x40, RNG: 0x80, DSR: 0x100 } as const;
const TCSANOW = 0;
const LOCK_EX_NB = 2 | 4;
/** Received bytes are handed on after so many µs at most. */
const LATENCY_MICROS = 1n;
const SIZES = [[5, CFLAG.CS5], [6, CFLAG.CS6], [7, CFLAG.CS7], [8, CFLAG.CS8]] as const;

function attributesOf(fd: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(TERMIOS.size));
  const bytes = new Uint8Array(view.buffer);
  check(withErrno(() => libc().symbols.tcgetattr(fd, bytes)), "tcgetattr");
  return view;
}

function decode(view: DataView<ArrayBuffer>): LineFormat {
  const control = Number(view.getBigUint64(TERMIOS.c_cflag, true));
  const input = Number(view.getBigUint64(TERMIOS.c_iflag, true));
  return {
    baudRate: Number(view.getBigUint64(TERMIOS.c_ospeed, true)),
    dataBits: SIZES.find(([, flag]) => (control & CFLAG.CSIZE) === flag)?.[0] ?? 8,
    parity: (control & CFLAG.PARENB) === 0 ? "none" : (control & CFLAG.PARODD) ? "odd" : "even",
    stopBits: (control & CFLAG.CSTOPB) === 0 ? 1 : 2,
    rtscts: (control & CFLAG.CRTSCTS) !== 0,
    xonxoff: (input & (IFLAG.IXON | IFLAG.IXOFF)) !== 0,
  };
}

const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

function modemBits(fd: number): number {
  const result = ioctl(fd, TTY.TIOCMGET, word);
  return result < 0 ? result : wordView.getInt32(0, true);
}

/** macOS's terminals. */
export const darwinTermios: TermiosSystem = {
  format: (fd) => decode(attributesOf(fd)),

  setFormat(fd, format, hangUpOnClose) {
    if (format.parity === "mark" || format.parity === "space") {
      throw new FfiError("libc", "tcsetattr", 22, `macOS has no ${format.parity} parity`);
    }
    const view = attributesOf(fd);
    const bytes = new Uint8Array(view.buffer);
    const before = Number(view.getBigUint64(TERMIOS.c_cflag, true));
    libc().symbols.cfmakeraw(bytes);
    const control = CFLAG.CREAD | CFLAG.CLOCAL |
      (SIZES.find(([bits]) => bits === format.dataBits)?.[1] ?? CFLAG.CS8) |
      (format.parity === "none" ? 0 : CFLAG.PARENB) |
      (format.parity === "odd" ? CFLAG.PARODD : 0) |
      (format.stopBits === 2 ? CFLAG.CSTOPB : 0) |
      (format.rtscts ? CFLAG.CRTSCTS : 0) |
      (hangUpOnClose === undefined ? before & CFLAG.HUPCL : hangUpOnClose ? CFLAG.HUPCL : 0);
    view.setBigUint64(TERMIOS.c_cflag, BigInt(control), true);
    view.setBigUint64(
      TERMIOS.c_iflag,
      BigInt(format.xonxoff ? IFLAG.IXON | IFLAG.IXOFF : 0),
      true,
    );
    bytes[TERMIOS.c_cc + CC.VMIN] = 1;
    bytes[TERMIOS.c_cc + CC.VTIME] = 0;
    bytes[TERMIOS.c_cc + CC.VSTART] = 0x11;
    bytes[TERMIOS.c_cc + CC.VSTOP] = 0x13;
    // tcsetattr takes only the classic rates; IOSSIOSPEED then takes any, and must come last.
    libc().symbols.cfsetspeed(bytes, 9600n);
    check(withErrno(() => libc().symbols.tcsetattr(fd, TCSANOW, bytes)), "tcsetattr");
    const speed = new Uint8Array(8);
    new DataView(speed.buffer).setBigUint64(0, BigInt(format.baudRate), true);
    check(ioctl(fd, TTY.IOSSIOSPEED, speed), "IOSSIOSPEED", `${format.baudRate} baud`);
    return { ...decode(attributesOf(fd)), baudRate: format.baudRate };
  },

  lines(fd) {
    const bits = modemBits(fd);
    if (bits < 0) return undefined;
    const has = (flag: number) => (bits & flag) !== 0;
    return {
      dtr: has(MODEM.DTR),
      rts: has(MODEM.RTS),
      cts: has(MODEM.CTS),
      dsr: has(MODEM.DSR),
      dcd: has(MODEM.CAR),
      ri: has(MODEM.RNG),
    };
  },

  setLines(fd, { dtr, rts }) {
    const before = modemBits(fd);
    if (before < 0) return before;
    let bits = before;
    if (dtr !== undefined) bits = dtr ? bits | MODEM.DTR : bits & ~MODEM.DTR;
    if (rts !== undefined) bits = rts ? bits | MODEM.RTS : bits & ~MODEM.RTS;
    wordView.setInt32(0, bits, true);
    return ioctl(fd, TTY.TIOCMSET, word);
  },

  setBreak: (fd, on) => ioctl(fd, on ? TTY.TIOCSBRK : TTY.TIOCCBRK, 0),

  flush(fd, queue) {
    return withErrno(() => libc().symbols.tcflush(fd, { input: 1, output: 2, both: 3 }[queue]));
  },

  outputQueue(fd) {
    const result = ioctl(fd, TTY.TIOCOUTQ, word);
    return result < 0 ? result : wordView.getInt32(0, true);
  },

  async drain(fd) {
    await libc().symbols.tcdrain(fd);
  },

  counters: () => undefined,

  setExclusive(fd) {
    const locked = withErrno(() => libc().symbols.flock(fd, LOCK_EX_NB));
    return locked < 0 ? locked : ioctl(fd, TTY.TIOCEXCL, 0);
  },

  setLowLatency(fd) {
    const latency = new Uint8Array(8);
    new DataView(latency.buffer).setBigUint64(0, LATENCY_MICROS, true);
    return ioctl(fd, TTY.IOSSDATALAT, latency);
  },
};
