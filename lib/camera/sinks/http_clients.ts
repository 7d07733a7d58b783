/**
 * Who is connected to the HTTP server: a bounded number, and nobody who has stopped reading.
 *
 * @module
 */
import type { Feed, Subscription, SubscriptionStats } from "../../media/feed.ts";
import type { EncodedFrame } from "../../media/frame.ts";

/** Most streams and pages at once. */
export const MAX_CLIENTS = 64;
/** A client that takes nothing for this long, in ms, while there is something to take, is dropped. */
export const STUCK_MS = 10_000;
/** How often clients are looked at, in ms. */
const SWEEP_MS = 1000;

/** What a client reads. */
export type ClientKind = "page" | "mjpg" | "mp4" | "raw" | "snapshot";

/** One client, for `/status.json`. */
export interface HttpClient {
  /** What it reads. */
  kind: ClientKind;
  /** Device it watches. */
  device: string;
  /** Where it is: `IP:PORT`. */
  remote: string;
  /** Since when, ms since the epoch. */
  since: number;
  /** Counters; absent before it began to read. */
  stats: SubscriptionStats | undefined;
}

/** A client's place among the others; disposing it gives the place free. */
export interface ClientSeat extends Disposable {
  /** Ends the client: it is stuck, or the server closes. */
  readonly signal: AbortSignal;
  /** Says that something was handed to the client, which now has to take it. */
  busy(): void;
  /** Says that the client took everything so far. */
  idle(): void;
  /** Whose counters to show. */
  subscription: Subscription | undefined;
}

/** All clients of one server. */
export class HttpClients implements Disposable {
  readonly #seats = new Map<Seat, Omit<HttpClient, "stats">>();
  readonly #onChange: ((clients: number) => void) | undefined;
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * Makes an empty register, and looks for stuck clients until it is disposed.
   *
   * @param stuckMs see {@link STUCK_MS}; shorter in tests.
   */
  constructor(onChange?: (clients: number) => void, stuckMs: number = STUCK_MS) {
    this.#onChange = onChange;
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const seat of this.#seats.keys()) {
        if (now - seat.busySince > stuckMs) seat.end(new Error("the client reads nothing"));
      }
    }, Math.min(SWEEP_MS, stuckMs));
    Deno.unrefTimer(this.#timer);
  }

  /** Clients now. */
  list(): HttpClient[] {
    return [...this.#seats].map(([seat, client]) => ({
      ...client,
      stats: seat.subscription?.stats,
    }));
  }

  /** Takes a place; `undefined` when all {@link MAX_CLIENTS} are taken. */
  enter(kind: ClientKind, device: string, remote: string): ClientSeat | undefined {
    if (this.#seats.size >= MAX_CLIENTS) return undefined;
    const seat = new Seat(() => {
      if (this.#seats.delete(seat)) this.#onChange?.(this.#seats.size);
    });
    this.#seats.set(seat, { kind, device, remote, since: Date.now() });
    this.#onChange?.(this.#seats.size);
    return seat;
  }

  /** Ends all of them. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const seat of [...this.#seats.keys()]) {
      seat.end(new DOMException("the server closes", "AbortError"));
    }
  }
}

class Seat implements ClientSeat {
  subscription: Subscription | undefined;
  busySince = Infinity;
  readonly #controller = new AbortController();
  readonly #left: () => void;

  constructor(left: () => void) {
    this.#left = left;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  busy(): void {
    if (this.busySince === Infinity) this.busySince = performance.now();
  }

  idle(): void {
    this.busySince = Infinity;
  }

  end(reason: Error): void {
    this.#controller.abort(reason);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.subscription?.[Symbol.dispose]();
    this.#left();
  }
}

/** Whether a seat's signal ended because the server does, which is no fault of the client's. */
export function isServerClosing(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "AbortError";
}

/**
 * A response body of live frames. The next frame is asked for when the client took the one before:
 * a slow client loses frames in its subscription, and nobody waits for it.
 *
 * @param write bytes of a frame; `undefined`: nothing for this one; `"end"`: the body ends here.
 */
export function liveBody(
  feed: Feed,
  seat: ClientSeat,
  write: (frame: EncodedFrame) => Uint8Array | undefined | "end",
  preamble?: Uint8Array,
): ReadableStream<Uint8Array> {
  const subscription = feed.subscribe({ signal: seat.signal });
  seat.subscription = subscription;
  let ended = false;
  const end = (finish: () => void) => {
    if (ended) return;
    ended = true;
    seat[Symbol.dispose]();
    finish();
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // A client that is stuck, or the server's end, must not wait for a pull that never comes.
      const abort = () =>
        end(() =>
          isServerClosing(seat.signal.reason)
            ? controller.close()
            : controller.error(seat.signal.reason)
        );
      seat.signal.addEventListener("abort", abort, { once: true });
      if (preamble !== undefined) controller.enqueue(preamble);
    },
    async pull(controller) {
      seat.idle();
      try {
        for (;;) {
          const result = await subscription.next();
          if (ended) return;
          const bytes = result.done ? "end" : write(result.value);
          if (bytes === "end") return end(() => controller.close());
          if (bytes === undefined) continue;
          seat.busy();
          controller.enqueue(bytes);
          return;
        }
      } catch (error) {
        end(() => controller.error(error));
      }
    },
    cancel() {
      end(() => {});
    },
  }, { highWaterMark: 0 });
}
