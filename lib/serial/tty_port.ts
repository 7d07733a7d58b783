/**
 * A serial port that is a terminal of this system (Linux, macOS). Waiting is one thread for all of
 * them; reading and writing are synchronous calls on a descriptor that doesn't block.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { ERRNO, OPEN, open, POLL, read, strerror, write } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";
import { termios } from "../../ffi/termios.ts";
import { LostError, UnsupportedError, type XoqError } from "../errors.ts";
import { lineMilliseconds } from "./format.ts";
import { pause } from "./pause.ts";
import type {
  LineCounters,
  LineFormat,
  LineLevels,
  LocalSerialPort,
  ModemLines,
  OpenOptions,
  QueueName,
  WaitOptions,
} from "./port.ts";
import { openError } from "./tty_errors.ts";

/** Waiting for descriptors; see `ffi/poller.ts`. */
export interface DescriptorPoller {
  /** Waits until the descriptor has one of the events, and answers those it has. */
  wait(fd: number, events: number, options?: WaitOptions): Promise<number>;
  /** Closes a descriptor that nobody waits for any more. */
  close(fd: number): Promise<void>;
}

/** Waits for all serial ports and pseudo-terminals of this program. */
export const serialPoller: DescriptorPoller = new Poller();

/** Most bytes one read gives. */
const READ_BYTES = 65_536;
/** A rate further than this from the one asked for is no rate that works: UARTs tolerate some 3 %. */
const BAUD_TOLERANCE = 0.03;
/** Rates that every line has: a driver that takes none of them has no line. */
const PROBE_RATES = [9_600, 19_200, 115_200] as const;
/** How long closing waits for what was written to be sent, in milliseconds. The rest is dropped. */
const CLOSE_DRAIN_MS = 500;
/** Events after which a descriptor without data is dead. */
const GONE = POLL.POLLHUP | POLL.POLLERR | POLL.POLLNVAL;

const scratch = new Uint8Array(READ_BYTES);

/** Opens a terminal. Throws what `SerialDriver.open` throws. */
export function openTty(path: string, options: OpenOptions): TtyPort {
  const flags = OPEN.O_RDWR | OPEN.O_NOCTTY | OPEN.O_NONBLOCK | OPEN.O_CLOEXEC;
  const fd = open(path, flags);
  if (fd < 0) throw openError(path, -fd);
  const port = new TtyPort(path, fd);
  try {
    port.begin(options);
    return port;
  } catch (error) {
    void port.close();
    throw error;
  }
}

/** See the module. */
export class TtyPort implements LocalSerialPort {
  readonly path: string;
  readonly #fd: number;
  readonly #ended = new AbortController();
  #format: LineFormat;
  #hangUpOnClose: boolean | undefined;
  #lost: LostError | undefined;
  #closing: Promise<void> | undefined;

  /** Takes an open descriptor that doesn't block. */
  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    this.#format = {
      baudRate: 0,
      dataBits: 8,
      parity: "none",
      stopBits: 1,
      rtscts: false,
      xonxoff: false,
    };
  }

  /** Makes a fresh descriptor ready: exclusive, raw, in the format, what lay there dropped. */
  begin(options: OpenOptions): void {
    if (options.exclusive) {
      const result = termios.setExclusive(this.#fd);
      // Terminals without locks or TIOCEXCL are shared: there is nothing more to be had.
      if (result === -ERRNO.EAGAIN || result === -ERRNO.EBUSY) throw openError(this.path, -result);
    }
    this.#hangUpOnClose = options.hangUpOnClose;
    this.#apply(options.format);
    termios.setLowLatency(this.#fd);
    if (options.lines !== undefined && termios.lines(this.#fd) !== undefined) {
      this.setLines(options.lines);
    }
    termios.flush(this.#fd, "both");
  }

  get format(): Readonly<LineFormat> {
    return this.#format;
  }

  readNow(): Uint8Array | undefined {
    this.#assertOpen();
    let filled = 0;
    while (filled < READ_BYTES) {
      const count = read(this.#fd, filled === 0 ? scratch : scratch.subarray(filled));
      if (count > 0) filled += count;
      else if (count === -ERRNO.EAGAIN) break;
      else if (count !== -ERRNO.EINTR) {
        this.#gone(count === 0 ? "it hung up" : strerror(-count));
        break;
      }
    }
    if (filled > 0) return scratch.slice(0, filled);
    if (this.#lost !== undefined) throw this.#lost;
    return undefined;
  }

  async read(): Promise<Uint8Array> {
    for (;;) {
      const bytes = this.readNow();
      if (bytes !== undefined) return bytes;
      const events = await this.#wait(POLL.POLLIN);
      if ((events & GONE) !== 0 && (events & POLL.POLLIN) === 0) this.#gone("it hung up");
    }
  }

  write(bytes: Uint8Array, options: WaitOptions = {}): void | Promise<void> {
    const rest = this.#writeSome(bytes as Uint8Array<ArrayBuffer>);
    if (rest.length > 0) return this.#writeRest(rest, options);
  }

  async configure(changes: Partial<LineFormat>, options: WaitOptions = {}): Promise<LineFormat> {
    await this.drain(options);
    this.#assertOpen();
    this.#apply({ ...this.#format, ...changes });
    return { ...this.#format };
  }

  lines(): ModemLines | undefined {
    this.#assertOpen();
    return termios.lines(this.#fd);
  }

  setLines({ brk, dtr, rts }: LineLevels): void {
    this.#assertOpen();
    if (dtr !== undefined || rts !== undefined) {
      const result = termios.setLines(this.#fd, {
        ...(dtr === undefined ? {} : { dtr }),
        ...(rts === undefined ? {} : { rts }),
      });
      if (result < 0) throw this.#unsupported("DTR and RTS", result);
    }
    if (brk !== undefined) {
      const result = termios.setBreak(this.#fd, brk);
      if (result < 0) throw this.#unsupported("break", result);
    }
  }

  async drain(options: WaitOptions = {}): Promise<void> {
    const signals = [this.#ended.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const signal = AbortSignal.any(signals);
    for (;;) {
      this.#assertOpen();
      if (this.#lost !== undefined) throw this.#lost;
      signal.throwIfAborted();
      const queued = termios.outputQueue(this.#fd);
      if (queued <= 0) break;
      // The kernel waits too, but holds a thread as long as flow control holds the line.
      await pause(Math.max(1, lineMilliseconds(this.#format, queued)), signal);
    }
    // What is left is in the hardware's FIFO: a moment.
    await termios.drain(this.#fd);
  }

  flush(queue: QueueName): void {
    this.#assertOpen();
    termios.flush(this.#fd, queue);
  }

  counters(): LineCounters | undefined {
    this.#assertOpen();
    return termios.counters(this.#fd);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    if (this.#lost === undefined && termios.outputQueue(this.#fd) > 0) {
      await this.drain({ signal: AbortSignal.timeout(CLOSE_DRAIN_MS) }).catch(() => {});
      // Left there, it would hold the close up for as long as the driver likes.
      termios.flush(this.#fd, "output");
    }
    this.#ended.abort(new DOMException("the port was closed", "AbortError"));
    await serialPoller.close(this.#fd);
  }

  #apply(format: LineFormat): void {
    let before: LineFormat;
    let taken: LineFormat;
    try {
      before = termios.format(this.#fd);
      taken = termios.setFormat(this.#fd, format, this.#hangUpOnClose);
    } catch (error) {
      if (!(error instanceof FfiError)) throw error;
      if (error.code !== ERRNO.EINVAL) {
        this.#gone(strerror(error.code));
        throw this.#lost;
      }
      throw new UnsupportedError(`${this.path} refuses ${format.baudRate} baud`, { cause: error });
    }
    const wrong = Math.abs(taken.baudRate - format.baudRate) > format.baudRate * BAUD_TOLERANCE;
    if (wrong && !this.#hasNoRate(before, format)) {
      throw new UnsupportedError(
        `${this.path} can't do ${format.baudRate} baud: its driver took ${taken.baudRate}`,
      );
    }
    this.#format = wrong ? { ...taken, baudRate: format.baudRate } : taken;
  }

  /** Terminals without a line (the device's end of a USB cable) keep a rate that means nothing. */
  #hasNoRate(before: LineFormat, format: LineFormat): boolean {
    return PROBE_RATES.every((baudRate) =>
      termios.setFormat(this.#fd, { ...format, baudRate }, this.#hangUpOnClose).baudRate ===
        before.baudRate
    );
  }

  /** Writes what goes at once; answers the rest. */
  #writeSome(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    let rest = bytes;
    while (rest.length > 0) {
      this.#assertOpen();
      if (this.#lost !== undefined) throw this.#lost;
      const count = write(this.#fd, rest);
      if (count >= 0) rest = rest.subarray(count);
      else if (count === -ERRNO.EAGAIN) break;
      else if (count !== -ERRNO.EINTR) this.#gone(strerror(-count));
    }
    return rest;
  }

  async #writeRest(bytes: Uint8Array<ArrayBuffer>, options: WaitOptions): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const events = await this.#wait(POLL.POLLOUT, options.signal);
      rest = this.#writeSome(rest);
      if ((events & GONE) !== 0 && rest.length > 0) this.#gone("it hung up");
    }
  }

  #wait(events: number, signal?: AbortSignal): Promise<number> {
    const ended = this.#ended.signal;
    const either = signal === undefined ? ended : AbortSignal.any([ended, signal]);
    return serialPoller.wait(this.#fd, events, { signal: either });
  }

  #gone(reason: string): void {
    this.#lost ??= new LostError(`${this.path} is gone: ${reason}`);
  }

  #assertOpen(): void {
    this.#ended.signal.throwIfAborted();
    if (this.#closing !== undefined && this.#lost !== undefined) throw this.#lost;
  }

  #unsupported(what: string, result: number): XoqError {
    if (result === -ERRNO.EIO || result === -ERRNO.ENODEV || result === -ERRNO.ENXIO) {
      this.#gone(strerror(-result));
      return this.#lost!;
    }
    return new UnsupportedError(`${this.path} has no ${what}: ${strerror(-result)}`);
  }
}
