/**
 * Keeps one bus open: when it goes, waits for it and opens it again.
 *
 * @module
 */
import { Backoff } from "../backoff.ts";
import type { DeviceEvent } from "../device.ts";
import { XoqError } from "../errors.ts";
import type { BusState, CanBusDriver, CanBusInfo, CanBusWish, OpenCanBus } from "./bus.ts";
import type { CanFrame } from "./frame.ts";

/** What a keeper tells. */
export interface BusKeeperEvents {
  /** The bus is open, for the first time or again. */
  onOpen: (bus: OpenCanBus) => void;
  /** It is gone; `onOpen` follows when it is back. */
  onGone: () => void;
  /** Frames of other nodes. */
  onFrames: (frames: CanFrame[]) => void;
  /** Its state changed. */
  onState: (state: BusState) => void;
  /** For people. */
  onEvent: (event: DeviceEvent) => void;
}

/** See the module. */
export class BusKeeper implements AsyncDisposable {
  /** Times the bus was opened again. */
  reopened = 0;
  readonly #driver: CanBusDriver;
  readonly #id: string;
  readonly #wish: CanBusWish;
  readonly #events: BusKeeperEvents;
  readonly #closing = new AbortController();
  #bus: OpenCanBus | undefined;
  #info: CanBusInfo | undefined;
  #reopening: Promise<void> | undefined;

  /** Opens nothing yet: see {@link start}. */
  constructor(driver: CanBusDriver, id: string, wish: CanBusWish, events: BusKeeperEvents) {
    this.#driver = driver;
    this.#id = id;
    this.#wish = wish;
    this.#events = events;
  }

  /** The bus, while it is there. */
  get bus(): OpenCanBus | undefined {
    return this.#bus;
  }

  /** What it is, or was when it was last there. */
  get info(): CanBusInfo | undefined {
    return this.#bus?.info ?? this.#info;
  }

  /** Opens the bus for the first time. Throws as the driver does. */
  async start(): Promise<void> {
    this.#take(await this.#driver.open(this.#id, this.#wish));
  }

  /** Closes the bus and stops waiting for it. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const bus = this.#bus;
    this.#bus = undefined;
    await bus?.close();
    await this.#reopening;
  }

  #take(bus: OpenCanBus): void {
    this.#bus = bus;
    bus.onReceive = this.#events.onFrames;
    bus.onState = this.#events.onState;
    bus.onGone = (reason) => {
      this.#info = bus.info;
      this.#bus = undefined;
      this.#events.onGone();
      this.#events.onEvent({ type: "lost", reason: reason.message });
      void bus.close();
      this.#reopening = this.#reopen();
    };
    this.#events.onOpen(bus);
  }

  async #reopen(): Promise<void> {
    const { signal } = this.#closing;
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        await this.#driver.reappears(this.#id, { signal });
        const bus = await this.#driver.open(this.#id, this.#wish);
        if (signal.aborted) {
          await bus.close();
          return;
        }
        this.reopened++;
        this.#take(bus);
        this.#events.onEvent({ type: "back", path: this.#id });
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof XoqError) || error.code !== "not-found") {
          this.#events.onEvent({
            type: "error",
            code: error instanceof XoqError ? error.code : "failed",
            message: error instanceof Error ? error.message : String(error),
          });
        }
        await backoff.wait(signal);
      }
    }
  }
}
