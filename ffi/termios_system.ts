/**
 * What terminals are asked for, whatever the system; implemented by `termios_linux.ts` and
 * `termios_darwin.ts`.
 *
 * @module
 */

/** Speed, frame and flow control of a line. */
export interface LineFormat {
  /** Bits per second, any positive integer. */
  baudRate: number;
  /** Bits of a character. */
  dataBits: 5 | 6 | 7 | 8;
  /** Parity bit: mark is always 1, space always 0. */
  parity: "none" | "even" | "odd" | "mark" | "space";
  /** Stop bits. */
  stopBits: 1 | 2;
  /** Flow control by the RTS and CTS lines. */
  rtscts: boolean;
  /** Flow control by the characters XON (0x11) and XOFF (0x13). */
  xonxoff: boolean;
}

/** Lines as they are now; `true` is asserted. */
export interface ModemLines {
  /** Data terminal ready (ours). */
  dtr: boolean;
  /** Request to send (ours). */
  rts: boolean;
  /** Clear to send (theirs). */
  cts: boolean;
  /** Data set ready (theirs). */
  dsr: boolean;
  /** Carrier detect (theirs). */
  dcd: boolean;
  /** Ring indicator (theirs). */
  ri: boolean;
}

/** What the driver has counted since it was loaded. */
export interface LineCounters {
  /** Bytes received. */
  rx: number;
  /** Bytes sent. */
  tx: number;
  /** Characters without a stop bit. */
  framing: number;
  /** Characters lost in the hardware. */
  overrun: number;
  /** Characters with wrong parity. */
  parity: number;
  /** Breaks received. */
  breaks: number;
  /** Characters lost because nobody read them in time. */
  bufferOverrun: number;
  /** Changes of CTS. */
  cts: number;
  /** Changes of DSR. */
  dsr: number;
  /** Changes of DCD. */
  dcd: number;
  /** Rings. */
  ri: number;
}

/** Which queue. */
export type QueueName = "input" | "output" | "both";

/** A system's terminals. Numbers answered are results, or the negated errno. */
export interface TermiosSystem {
  /** Reads speed, frame and flow control. Throws `FfiError`. */
  format(fd: number): LineFormat;
  /** Sets them, with raw input and output. Answers the format the driver took. Throws `FfiError`. */
  setFormat(fd: number, format: LineFormat, hangUpOnClose: boolean | undefined): LineFormat;
  /** Reads the lines; `undefined` where the device has none. */
  lines(fd: number): ModemLines | undefined;
  /** Sets DTR and RTS with ONE request. */
  setLines(fd: number, lines: { dtr?: boolean; rts?: boolean }): number;
  /** Begins or ends a break. */
  setBreak(fd: number, on: boolean): number;
  /** Drops what is queued. */
  flush(fd: number, queue: QueueName): number;
  /** Bytes written that the driver has not handed to the hardware. */
  outputQueue(fd: number): number;
  /** Waits, on another thread, until everything is sent. A failure is not told. */
  drain(fd: number): Promise<void>;
  /** Counters; `undefined` where the driver has none. */
  counters(fd: number): LineCounters | undefined;
  /** Refuses further opens, by ioctl and by lock: 0, or the negated errno. */
  setExclusive(fd: number): number;
  /** Asks the driver to hand input on at once: 0, or the negated errno. */
  setLowLatency(fd: number): number;
}
