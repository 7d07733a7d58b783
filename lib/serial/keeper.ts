/**
 * Keeps a port open: reads it all the time, notices when it goes, and takes the same one (by id)
 * when it is back, with the format and lines it had.
 *
 * @module
 */
import { DeniedError, LostError } from "../errors.ts";
import { pause } from "./pause.ts";
import type {
  LineFormat,
  LineLevels,
  LocalSerialPort,
  OpenOptions,
  SerialDriver,
  SerialPortInfo,
} from "./port.ts";

/** How long after a failed attempt to take a port back the next follows, in milliseconds. */
const RETRY_MS = 150;

/** What a keeper tells. */
export interface KeeperEvents {
  /** Bytes came. A promise: nothing more is read before it resolves. */
  onBytes(bytes: Uint8Array): void | Promise<void>;
  /** The port went. */
  onLost(reason: string): void;
  /** It is back. */
  onBack(path: string): void;
  /** It is back, but can't be opened (told once per loss). */
  onTrouble(error: unknown): void;
}

/** See the module. */
export class PortKeeper implements AsyncDisposable {
  readonly #driver: SerialDriver;
  readonly #options: OpenOptions;
  readonly #events: KeeperEvents;
  readonly #ended = new AbortController();
  #info: SerialPortInfo;
  #port: LocalSerialPort | undefined;
  #running: Promise<void> | undefined;

  private constructor(
    driver: SerialDriver,
    info: SerialPortInfo,
    options: OpenOptions,
    events: KeeperEvents,
  ) {
    this.#driver = driver;
    this.#info = info;
    this.#options = { ...options };
    this.#events = events;
  }

  /** Opens the port and begins to read it. Throws as the driver's `open`. */
  static async open(
    driver: SerialDriver,
    info: SerialPortInfo,
    options: OpenOptions,
    events: KeeperEvents,
  ): Promise<PortKeeper> {
    const keeper = new PortKeeper(driver, info, options, events);
    keeper.#port = await driver.open(info, options);
    keeper.#running = keeper.#run();
    return keeper;
  }

  /** What is known of the port; its path may change. */
  get info(): SerialPortInfo {
    return this.#info;
  }

  /** The port; `undefined` while it is lost. */
  get port(): LocalSerialPort | undefined {
    return this.#port;
  }

  /** The format it has, or will have when it is back. */
  get format(): Readonly<LineFormat> {
    return this.#port?.format ?? this.#options.format;
  }

  /** The port. Throws `LostError` while there is none. */
  present(): LocalSerialPort {
    if (this.#port === undefined) throw new LostError(`${this.#info.path} is unplugged`);
    return this.#port;
  }

  /** Changes the format, now or when the port is back. */
  async configure(changes: Partial<LineFormat>, signal?: AbortSignal): Promise<LineFormat> {
    const wanted = { ...this.format, ...changes };
    const taken = await this.#port?.configure(changes, signal === undefined ? {} : { signal });
    this.#options.format = taken ?? wanted;
    return this.#options.format;
  }

  /** Remembers lines that were set, for when the port comes back. A break is over by then. */
  remember({ dtr, rts }: LineLevels): void {
    this.#options.lines = {
      ...this.#options.lines,
      ...(dtr === undefined ? {} : { dtr }),
      ...(rts === undefined ? {} : { rts }),
    };
  }

  /** What came and was not yet told. */
  unread(): Uint8Array | undefined {
    try {
      return this.#port?.readNow();
    } catch {
      // The pending read says so, too.
      return undefined;
    }
  }

  /** Closes. Idempotent. */
  async close(): Promise<void> {
    this.#ended.abort();
    await this.#port?.close();
    await this.#running;
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const port = this.#port;
      if (port === undefined) return;
      const reason = await this.#read(port);
      if (this.#ended.signal.aborted) return;
      // Closed at once: an open descriptor keeps the name of an unplugged port taken.
      this.#port = undefined;
      await port.close();
      this.#events.onLost(reason);
      await this.#takeBack();
    }
  }

  /** Reads until the port is gone; answers why. */
  async #read(port: LocalSerialPort): Promise<string> {
    try {
      for (;;) {
        const wait = this.#events.onBytes(await port.read());
        if (wait !== undefined) await wait;
      }
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #takeBack(): Promise<void> {
    const { signal } = this.#ended;
    let told = false;
    while (!signal.aborted) {
      try {
        this.#info = await this.#driver.reappears(this.#info, { signal });
        const port = await this.#driver.open(this.#info, this.#options);
        if (signal.aborted) {
          await port.close();
          return;
        }
        this.#port = port;
        this.#events.onBack(this.#info.path);
        return;
      } catch (error) {
        if (signal.aborted) return;
        // The name is there before udev has set its permissions: the first refusals mean nothing.
        if (!told && !(error instanceof LostError || error instanceof DeniedError)) {
          told = true;
          this.#events.onTrouble(error);
        }
        await pause(RETRY_MS, signal);
      }
    }
  }
}
