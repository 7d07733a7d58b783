/**
 * The port `test`: what is written comes back, as with a wire between TX and RX; RTS is wired to CTS,
 * DTR to DSR and DCD. It needs no hardware, and takes any format.
 *
 * @module
 */
import { DEFAULT_FORMAT } from "./format.ts";
import type {
  LineCounters,
  LineFormat,
  LineLevels,
  LocalSerialPort,
  ModemLines,
  OpenOptions,
  QueueName,
  SerialDriver,
  SerialPortInfo,
  WaitOptions,
} from "./port.ts";
import { LostError } from "../errors.ts";

/** Most bytes that wait to be read. Policy: block, a write waits until they are read. */
export const ECHO_BUFFER_BYTES = 262_144;

/** An echo. */
export class TestSerialPort implements LocalSerialPort {
  readonly path: string = "test";
  /** Every change of a line, with the time of `performance.now()`: for tests. */
  readonly history: { at: number; levels: LineLevels }[] = [];
  #format: LineFormat;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #lines = { dtr: true, rts: true, brk: false };
  #counters: LineCounters = {
    rx: 0,
    tx: 0,
    framing: 0,
    overrun: 0,
    parity: 0,
    breaks: 0,
    bufferOverrun: 0,
    cts: 0,
    dsr: 0,
    dcd: 0,
    ri: 0,
  };
  #ended: unknown;
  #changed = Promise.withResolvers<void>();

  /** Opens an echo of its own. */
  constructor(options: Partial<OpenOptions> = {}) {
    this.#format = { ...DEFAULT_FORMAT, ...options.format };
    if (options.lines !== undefined) this.setLines(options.lines);
  }

  get format(): Readonly<LineFormat> {
    return this.#format;
  }

  readNow(): Uint8Array | undefined {
    const first = this.#queue.shift();
    if (first === undefined) {
      if (this.#ended !== undefined) throw this.#ended;
      return undefined;
    }
    this.#queued -= first.length;
    this.#counters.rx += first.length;
    this.#change();
    return first;
  }

  async read(): Promise<Uint8Array> {
    for (;;) {
      const bytes = this.readNow();
      if (bytes !== undefined) return bytes;
      await this.#changed.promise;
    }
  }

  write(bytes: Uint8Array, options: WaitOptions = {}): void | Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    if (bytes.length === 0) return;
    if (this.#queued > 0 && this.#queued + bytes.length > ECHO_BUFFER_BYTES) {
      return this.#writeLater(bytes, options);
    }
    this.#counters.tx += bytes.length;
    this.#queued += bytes.length;
    this.#queue.push(bytes.slice());
    this.#change();
  }

  configure(changes: Partial<LineFormat>): Promise<LineFormat> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#format = { ...this.#format, ...changes };
    return Promise.resolve({ ...this.#format });
  }

  lines(): ModemLines {
    const { dtr, rts } = this.#lines;
    return { dtr, rts, cts: rts, dsr: dtr, dcd: dtr, ri: false };
  }

  setLines(levels: LineLevels): void {
    if (this.#ended !== undefined) throw this.#ended;
    this.history.push({ at: performance.now(), levels });
    const before = this.#lines;
    this.#lines = { ...before, ...levels };
    if (this.#lines.rts !== before.rts) this.#counters.cts++;
    if (this.#lines.dtr !== before.dtr) {
      this.#counters.dsr++;
      this.#counters.dcd++;
    }
    if (this.#lines.brk && !before.brk) this.#counters.breaks++;
  }

  async drain(options: WaitOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    await undefined;
  }

  flush(queue: QueueName): void {
    if (queue === "output") return;
    this.#queue = [];
    this.#queued = 0;
    this.#change();
  }

  counters(): LineCounters {
    return { ...this.#counters };
  }

  /** Pretends to be unplugged: what was received is given first. */
  unplug(): void {
    this.#ended ??= new LostError("the test port was unplugged");
    this.#change();
  }

  close(): Promise<void> {
    this.#queue = [];
    this.#queued = 0;
    this.#ended ??= new DOMException("the port was closed", "AbortError");
    this.#change();
    return Promise.resolve();
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #writeLater(bytes: Uint8Array, options: WaitOptions): Promise<void> {
    const { signal } = options;
    const abort = () => this.#change();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      while (this.#queued > 0 && this.#queued + bytes.length > ECHO_BUFFER_BYTES) {
        signal?.throwIfAborted();
        if (this.#ended !== undefined) throw this.#ended;
        await this.#changed.promise;
      }
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    this.write(bytes);
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** What is known of the port `test`. */
export const TEST_PORT: SerialPortInfo = {
  id: "test",
  path: "test",
  label: "echo (needs no hardware)",
  aliases: ["test"],
  driver: undefined,
  vendorId: undefined,
  productId: undefined,
  serialNumber: undefined,
  manufacturer: undefined,
  location: undefined,
};

/** The driver of the port `test`. */
export const testSerialDriver: SerialDriver = {
  name: "test",
  list: () => Promise.resolve([TEST_PORT]),
  open: (_info, options) => Promise.resolve(new TestSerialPort(options)),
  reappears: (info) => Promise.resolve(info),
};
