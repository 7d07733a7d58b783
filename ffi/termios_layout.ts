/**
 * Made by `scripts/layouts.ts` from `ffi/termios_layout.c`: do not edit.
 * The same on every 64-bit little-endian Linux (x86_64 and arm64, GNU and musl).
 *
 * @module
 */

/** Constants TTY. */
export const TTY = {
  TCGETS2: 0x802c542a,
  TCSETS2: 0x402c542b,
  TCSBRK: 21513,
  TCFLSH: 21515,
  TIOCSBRK: 21543,
  TIOCCBRK: 21544,
  TIOCMGET: 21525,
  TIOCMSET: 21528,
  TIOCGICOUNT: 21597,
  TIOCEXCL: 21516,
  TIOCNXCL: 21517,
  TIOCOUTQ: 21521,
  TIOCGSERIAL: 21534,
  TIOCSSERIAL: 21535,
} as const;

/** Constants PTY. */
export const PTY = {
  TIOCPKT: 21536,
  TIOCGPTN: 0x80045430,
  TIOCSPTLCK: 0x40045431,
  TIOCPKT_FLUSHREAD: 1,
  TIOCPKT_FLUSHWRITE: 2,
  TIOCPKT_IOCTL: 64,
} as const;

/** Constants MODEM. */
export const MODEM = {
  TIOCM_DTR: 2,
  TIOCM_RTS: 4,
  TIOCM_CTS: 32,
  TIOCM_CAR: 64,
  TIOCM_RNG: 128,
  TIOCM_DSR: 256,
} as const;

/** Constants QUEUE. */
export const QUEUE = {
  TCIFLUSH: 0,
  TCOFLUSH: 1,
  TCIOFLUSH: 2,
} as const;

/** Constants IFLAG. */
export const IFLAG = {
  IXON: 1024,
  IXOFF: 4096,
  IXANY: 2048,
} as const;

/** Constants CFLAG. */
export const CFLAG = {
  CBAUD: 4111,
  BOTHER: 4096,
  IBSHIFT: 16,
  CSIZE: 48,
  CS5: 0,
  CS6: 16,
  CS7: 32,
  CS8: 48,
  CSTOPB: 64,
  CREAD: 128,
  PARENB: 256,
  PARODD: 512,
  CMSPAR: 0x40000000,
  HUPCL: 1024,
  CLOCAL: 2048,
  CRTSCTS: 0x80000000,
} as const;

/** Constants LFLAG. */
export const LFLAG = {
  EXTPROC: 0x10000,
} as const;

/** Constants CC. */
export const CC = {
  VMIN: 6,
  VTIME: 5,
  VSTART: 8,
  VSTOP: 9,
} as const;

/** Constants LOW_LATENCY. */
export const LOW_LATENCY = {
  ASYNC_LOW_LATENCY: 8192,
} as const;

/** Constants FLOCK. */
export const FLOCK = {
  LOCK_EX: 2,
  LOCK_NB: 4,
} as const;

/** Constants INOTIFY. */
export const INOTIFY = {
  IN_OPEN: 32,
  IN_CLOSE: 24,
  IN_CLOEXEC: 0x80000,
  IN_NONBLOCK: 2048,
} as const;

/** `struct inotify_event`: its size and its fields' offsets, in bytes. */
export const inotify_event = {
  size: 16,
  mask: 4,
  len: 12,
} as const;

/** `struct termios2`: its size and its fields' offsets, in bytes. */
export const termios2 = {
  size: 44,
  c_iflag: 0,
  c_oflag: 4,
  c_cflag: 8,
  c_lflag: 12,
  c_line: 16,
  c_cc: 17,
  c_ispeed: 36,
  c_ospeed: 40,
} as const;

/** `struct serial_icounter_struct`: its size and its fields' offsets, in bytes. */
export const serial_icounter_struct = {
  size: 80,
  cts: 0,
  dsr: 4,
  rng: 8,
  dcd: 12,
  rx: 16,
  tx: 20,
  frame: 24,
  overrun: 28,
  parity: 32,
  brk: 36,
  buf_overrun: 40,
} as const;

/** `struct serial_struct`: its size and its fields' offsets, in bytes. */
export const serial_struct = {
  size: 72,
  flags: 16,
} as const;
