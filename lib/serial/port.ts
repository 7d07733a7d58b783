/**
 * What a serial port is, whatever is behind it: a terminal of this system, the echo port, a binding
 * of npm serialport, or a port across the network.
 *
 * Contract, checked by `tests/compliance/serial.ts` against every implementation:
 * - `read()` waits for at least one byte and gives what has come, as soon as it has come.
 * - `write()` has handed every byte on when it is done; where it answers no promise it is done at
 *   once. One write is under way at a time.
 * - `setLines()` with several lines changes them together.
 * - A port that goes away ends a pending `read()` and `write()` with `LostError`, and every later one;
 *   what had been received is given first. `close()` ends them with an `AbortError`.
 * - Requests that the hardware has no means for (modem lines of a pseudo-terminal) answer `undefined`,
 *   or throw `UnsupportedError`.
 *
 * @module
 */
import type { LineCounters, LineFormat, ModemLines, QueueName } from "../../ffi/termios_system.ts";

export type { LineCounters, LineFormat, ModemLines, QueueName };

/** The lines that are ours to set. Absent ones stay as they are. */
export interface LineLevels {
  /** Data terminal ready. */
  dtr?: boolean;
  /** Request to send. */
  rts?: boolean;
  /** Break: the transmit line is held in the space state. */
  brk?: boolean;
}

/** How to wait. */
export interface WaitOptions {
  /** Gives up. */
  signal?: AbortSignal;
}

/** An open serial port. */
export interface SerialPort extends AsyncDisposable {
  /** What it is called now: `/dev/ttyUSB0`, `COM3`, `test`. */
  readonly path: string;
  /** Speed, frame and flow control now. */
  readonly format: Readonly<LineFormat>;
  /** The next bytes, in a buffer of the caller's own. At most one call is pending at a time. */
  read(): Promise<Uint8Array>;
  /** Hands bytes on; a promise only where that takes time. */
  write(bytes: Uint8Array, options?: WaitOptions): void | Promise<void>;
  /** Changes what is given, once everything written before has been sent. Answers what was taken. */
  configure(changes: Partial<LineFormat>, options?: WaitOptions): Promise<LineFormat>;
  /** Lines now, ours and theirs; `undefined` where there are none. */
  lines(): ModemLines | undefined | Promise<ModemLines | undefined>;
  /** Sets lines. Throws `UnsupportedError` where there are none. */
  setLines(levels: LineLevels): void | Promise<void>;
  /** Waits until everything written has been sent. */
  drain(options?: WaitOptions): Promise<void>;
  /** Drops what was received and not read, or written and not sent. */
  flush(queue: QueueName): void | Promise<void>;
  /** What the driver has counted; `undefined` where it doesn't. */
  counters(): LineCounters | undefined | Promise<LineCounters | undefined>;
  /** Ends everything pending and closes. Idempotent. */
  close(): Promise<void>;
}

/** A port on this machine: it can be read without waiting. */
export interface LocalSerialPort extends SerialPort {
  /** What has been received, without waiting; `undefined` when there is nothing. */
  readNow(): Uint8Array | undefined;
}

/** A serial port that can be opened. */
export interface SerialPortInfo {
  /** The stable id by which it is found again after replugging: by-id name, or what stands in for it. */
  id: string;
  /** Where it is now. */
  path: string;
  /** Name for people. */
  label: string;
  /** All names it answers to (`/dev/ttyUSB0`, `ttyUSB0`, by-id, by-path, `vid:pid:serial`). */
  aliases: string[];
  /** Driver's name, where the system tells. */
  driver: string | undefined;
  /** USB vendor id, four hex digits. */
  vendorId: string | undefined;
  /** USB product id, four hex digits. */
  productId: string | undefined;
  /** Serial number of the adapter. */
  serialNumber: string | undefined;
  /** Who made it. */
  manufacturer: string | undefined;
  /** Where it is plugged in: `1-1.2`. */
  location: string | undefined;
}

/** How to open a port. */
export interface OpenOptions {
  /** Speed, frame and flow control. */
  format: LineFormat;
  /** Refuse it to others. */
  exclusive: boolean;
  /** Lines to set directly after opening. */
  lines?: LineLevels;
  /** Drop DTR when it is closed; absent: as the system has it. */
  hangUpOnClose?: boolean;
}

/** A way to reach serial ports. */
export interface SerialDriver {
  /** `"tty"`, `"test"`, … */
  readonly name: string;
  /** Ports here now. */
  list(): Promise<SerialPortInfo[]>;
  /** Opens one. Throws `NotFoundError`, `BusyError`, `DeniedError` (each with a hint), `UnsupportedError`. */
  open(info: SerialPortInfo, options: OpenOptions): Promise<LocalSerialPort>;
  /**
   * Waits until the port with this `id` is here (at once when it is) and answers where it is now.
   * Rejects with the signal's reason.
   */
  reappears(info: SerialPortInfo, options?: WaitOptions): Promise<SerialPortInfo>;
}
