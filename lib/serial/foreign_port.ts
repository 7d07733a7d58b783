/**
 * A port of another binding of npm serialport's interface, as one of ours.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { LostError, UnsupportedError } from "../errors.ts";
import type {
  LineFormat,
  LineLevels,
  LocalSerialPort,
  ModemLines,
  QueueName,
  WaitOptions,
} from "./port.ts";

/** What is used of a port of another binding: of `BindingPortInterface`, its buffers as what they are. */
export interface ForeignPort {
  /** Whether it is open. */
  isOpen: boolean;
  /** Closes it. */
  close(): Promise<void>;
  /** At least one byte. */
  read(buffer: Uint8Array, offset: number, length: number): Promise<{ bytesRead: number }>;
  /** Hands bytes on. */
  write(buffer: Uint8Array): Promise<void>;
  /** Changes the rate. */
  update(options: { baudRate: number }): Promise<void>;
  /** Sets all lines. */
  set(options: { brk: boolean; dtr: boolean; rts: boolean }): Promise<void>;
  /** The other side's lines. */
  get(): Promise<{ cts: boolean; dsr: boolean; dcd: boolean }>;
  /** Drops what is queued. */
  flush(): Promise<void>;
  /** Waits until all is sent. */
  drain(): Promise<void>;
}

/** Most bytes of one read. */
const READ_BYTES = 65_536;

/** See the module. Its reads can't be made not to wait, and its counters are unknown. */
export class ForeignBindingPort implements LocalSerialPort {
  readonly path: string;
  readonly #port: ForeignPort;
  readonly #buffer = Buffer.alloc(READ_BYTES);
  #format: LineFormat;
  /** The interface sets all lines with each call, so what was set last has to be known. */
  #levels = { brk: false, dtr: true, rts: true };
  #closed = false;

  /** Takes the port over. */
  constructor(path: string, port: ForeignPort, format: LineFormat) {
    this.path = path;
    this.#port = port;
    this.#format = { ...format };
  }

  /** Format as it was set. */
  get format(): Readonly<LineFormat> {
    return this.#format;
  }

  /** Nothing: it can't be known without waiting. */
  readNow(): undefined {
    return undefined;
  }

  async read(): Promise<Uint8Array> {
    return await this.#orLost(async () => {
      const { bytesRead } = await this.#port.read(this.#buffer, 0, READ_BYTES);
      return new Uint8Array(this.#buffer.subarray(0, bytesRead));
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    const { buffer, byteOffset, byteLength } = bytes;
    return this.#orLost(() => this.#port.write(Buffer.from(buffer, byteOffset, byteLength)));
  }

  async configure(changes: Partial<LineFormat>): Promise<LineFormat> {
    const { baudRate, ...frame } = changes;
    const changed = (Object.keys(frame) as (keyof typeof frame)[])
      .filter((key) => frame[key] !== this.#format[key]);
    if (changed.length > 0) {
      throw new UnsupportedError(
        `${this.path}: ${changed.join(", ")} can't be changed while open`,
        {
          hint: "start the server with the frame that is wanted",
        },
      );
    }
    await this.drain();
    if (baudRate !== undefined) {
      await this.#orLost(() => this.#port.update({ baudRate }));
      this.#format = { ...this.#format, baudRate };
    }
    return { ...this.#format };
  }

  async lines(): Promise<ModemLines> {
    const theirs = await this.#orLost(() => this.#port.get());
    const { dtr, rts } = this.#levels;
    return { dtr, rts, ...theirs, ri: false };
  }

  async setLines(levels: LineLevels): Promise<void> {
    this.#levels = { ...this.#levels, ...levels };
    await this.#orLost(() => this.#port.set(this.#levels));
  }

  async drain(options: WaitOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#orLost(() => this.#port.drain());
  }

  async flush(_queue: QueueName): Promise<void> {
    await this.#orLost(() => this.#port.flush());
  }

  counters(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#port.isOpen) await this.#port.close().catch(() => {});
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #orLost<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (cause) {
      if (this.#closed) throw new DOMException("the port was closed", "AbortError");
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new LostError(`${this.path} is gone: ${why}`, { cause });
    }
  }
}
