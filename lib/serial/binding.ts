/**
 * npm serialport's view of a serial port (`@serialport/bindings-interface`), over any of ours: so
 * `@serialport/stream` and serialport's parsers work on ports of this machine and across the network.
 *
 * @module
 */
import type {
  BindingOpenOptions,
  BindingPortInfo,
  BindingPortStatus,
  BindingRead,
  BindingSetOptions,
  BindingUpdateOptions,
} from "./binding_types.ts";
import { XoqError } from "../errors.ts";
import { checkChanges, DEFAULT_FORMAT } from "./format.ts";
import type { LineFormat, LineLevels, SerialPort, SerialPortInfo } from "./port.ts";

export type {
  BindingOpenOptions,
  BindingPortInfo,
  BindingPortStatus,
  BindingRead,
  BindingSetOptions,
  BindingUpdateOptions,
} from "./binding_types.ts";

/** How ports are found and opened for a {@link SerialBinding}. */
export interface BindingSource {
  /** Ports there are. */
  list(): Promise<SerialPortInfo[]>;
  /** Opens one. */
  open(path: string, options: BindingOpen): Promise<SerialPort>;
}

/** What the interface's options come to. */
export interface BindingOpen {
  /** Format. */
  format: LineFormat;
  /** Refuse it to others. */
  exclusive: boolean;
  /** Drop DTR on close. */
  hangUpOnClose: boolean;
}

/** A binding: give it to `SerialPortStream` as `binding`. */
export class SerialBinding {
  readonly #source: BindingSource;

  /** Makes a binding. */
  constructor(source: BindingSource) {
    this.#source = source;
  }

  /** Ports there are. */
  async list(): Promise<BindingPortInfo[]> {
    return (await this.#source.list()).map((port) => ({
      path: port.path,
      manufacturer: port.manufacturer,
      serialNumber: port.serialNumber,
      pnpId: port.id,
      locationId: port.location,
      productId: port.productId,
      vendorId: port.vendorId,
    }));
  }

  /** Opens a port. Throws `TypeError` for options that make no sense, else what the port's opening throws. */
  async open(options: BindingOpenOptions): Promise<SerialBindingPort> {
    if (typeof options.path !== "string" || options.path === "") {
      throw new TypeError("a serial port is opened by its path");
    }
    if (options.stopBits === 1.5) throw new TypeError("1.5 stop bits are not to be had");
    const full: Required<BindingOpenOptions> = {
      dataBits: 8,
      lock: true,
      stopBits: 1,
      parity: "none",
      rtscts: false,
      xon: false,
      xoff: false,
      xany: false,
      hupcl: true,
      ...options,
    };
    const format = {
      ...DEFAULT_FORMAT,
      ...checkChanges({
        baudRate: full.baudRate,
        dataBits: full.dataBits,
        stopBits: full.stopBits,
        parity: full.parity,
        rtscts: full.rtscts,
        xonxoff: full.xon || full.xoff,
      }),
    };
    const open = { format, exclusive: full.lock, hangUpOnClose: full.hupcl };
    return new SerialBindingPort(await this.#source.open(full.path, open), full);
  }
}

/** An open port as the interface has it. */
export class SerialBindingPort {
  /** What it was opened with. */
  readonly openOptions: Required<BindingOpenOptions>;
  /** Whether it is open. */
  isOpen = true;
  readonly #port: SerialPort;
  readonly #closing = new AbortController();
  /** Bytes received beyond what was asked for. */
  #rest: Uint8Array = new Uint8Array(0);
  #writing: Promise<void> | undefined;
  /** A read that a closing left behind, or that is under way. */
  #reading: Promise<Uint8Array> | undefined;

  /** Takes the port over. */
  constructor(port: SerialPort, openOptions: Required<BindingOpenOptions>) {
    this.#port = port;
    this.openOptions = openOptions;
  }

  /** The port behind it. */
  get port(): SerialPort {
    return this.#port;
  }

  /** Closes. What is pending ends as canceled. */
  async close(): Promise<void> {
    this.#assertOpen();
    this.isOpen = false;
    this.#closing.abort();
    await this.#port.close();
  }

  /** At least one byte. */
  async read<B extends Uint8Array>(
    buffer: B,
    offset: number,
    length: number,
  ): Promise<BindingRead<B>> {
    this.#assertOpen();
    if (!(length >= 1) || offset < 0 || offset + length > buffer.length) {
      throw new TypeError("the piece of the buffer to read into is not in it");
    }
    if (this.#rest.length === 0) {
      try {
        this.#rest = await (this.#reading ??= this.#port.read());
      } catch (error) {
        throw this.#canceledOr(error);
      } finally {
        this.#reading = undefined;
      }
    }
    const taken = this.#rest.subarray(0, length);
    buffer.set(taken, offset);
    this.#rest = this.#rest.subarray(taken.length);
    return { buffer, bytesRead: taken.length };
  }

  /** Hands bytes on. */
  async write(buffer: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (this.#writing !== undefined) throw new XoqError("failed", "a write is under way already");
    const pending = this.#port.write(buffer, { signal: this.#closing.signal });
    if (pending === undefined) return;
    this.#writing = pending;
    try {
      await pending;
    } catch (error) {
      throw this.#canceledOr(error);
    } finally {
      this.#writing = undefined;
    }
  }

  /** Changes the rate. */
  async update(options: BindingUpdateOptions): Promise<void> {
    this.#assertOpen();
    await this.#port.configure(checkChanges({ baudRate: options.baudRate }));
  }

  /** Sets lines: each is set by each call, to the interface's defaults where it isn't given. */
  async set(options: BindingSetOptions): Promise<void> {
    this.#assertOpen();
    const { brk = false, dtr = true, rts = true } = options;
    const levels: LineLevels = { brk, dtr, rts };
    await this.#port.setLines(levels);
  }

  /** The other side's lines. */
  async get(): Promise<BindingPortStatus> {
    this.#assertOpen();
    const lines = await this.#port.lines();
    return { cts: lines?.cts ?? false, dsr: lines?.dsr ?? false, dcd: lines?.dcd ?? false };
  }

  /** The rate the driver took. */
  getBaudRate(): Promise<{ baudRate: number }> {
    this.#assertOpen();
    return Promise.resolve({ baudRate: this.#port.format.baudRate });
  }

  /** Drops what was received and not read, and written and not sent. */
  async flush(): Promise<void> {
    this.#assertOpen();
    this.#rest = new Uint8Array(0);
    await this.#port.flush("both");
  }

  /** Waits until all is sent. */
  async drain(): Promise<void> {
    this.#assertOpen();
    await this.#writing;
    this.#assertOpen();
    await this.#port.drain({ signal: this.#closing.signal });
  }

  #assertOpen(): void {
    if (!this.isOpen) throw new XoqError("failed", "Port is not open");
  }

  /** The interface's way to say that closing, not a fault, ended it. */
  #canceledOr(error: unknown): unknown {
    if (this.isOpen) return error;
    return Object.assign(new Error("the port was closed", { cause: error }), { canceled: true });
  }
}
