/**
 * A port's bytes on their way into a stream: handed over at once while the transport takes them, and
 * gathered into one write while it is busy. There are no timers here.
 *
 * @module
 */
import { concat } from "../bytes/concat.ts";
import type { SendStream } from "../transport/connection.ts";

/** What happens when more waits than may wait. */
export type OutletPolicy =
  /** `push()` answers a promise: nothing more is read from the port until there is room. */
  | "block"
  /** The oldest bytes are dropped, and counted. */
  | "drop-oldest";

/** The sending side of one client. */
export class Outlet {
  /** Bytes handed to the transport. */
  sent = 0;
  /** Bytes dropped: too many waited, the client was gone, or {@link clear}. */
  dropped = 0;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #policy: OutletPolicy;
  readonly #limit: number;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #busy = false;
  #ended = false;
  #room: PromiseWithResolvers<void> | undefined;

  /**
   * Takes the stream over.
   *
   * @param limit most bytes that wait.
   */
  constructor(stream: SendStream, policy: OutletPolicy, limit: number) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
    this.#policy = policy;
    this.#limit = limit;
  }

  /** Sends bytes, which are not to be changed any more. A promise: wait for it before the next. */
  push(bytes: Uint8Array): void | Promise<void> {
    if (this.#ended) {
      this.dropped += bytes.length;
      return;
    }
    if (!this.#busy) return this.#write(bytes);
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (this.#queued <= this.#limit) return;
    if (this.#policy === "block") return (this.#room ??= Promise.withResolvers()).promise;
    while (this.#queued > this.#limit) {
      const oldest = this.#queue.shift()!;
      this.#queued -= oldest.length;
      this.dropped += oldest.length;
    }
  }

  /** Drops what waits. */
  clear(): void {
    this.dropped += this.#queued;
    this.#queue = [];
    this.#queued = 0;
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Ends the stream: what waits is dropped, the peer learns `reason`'s code. Idempotent. */
  abort(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.clear();
    this.#writer.abort(reason).catch(() => {});
  }

  /** Ends the stream in peace, once the transport has taken what it was given. */
  async finish(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.clear();
    await this.#writer.close().catch(() => {});
  }

  #write(bytes: Uint8Array): void {
    this.#busy = true;
    this.sent += bytes.length;
    this.#writer.write(bytes).then(() => this.#taken(), () => this.#failed());
  }

  #taken(): void {
    this.#busy = false;
    if (this.#queued === 0 || this.#ended) return;
    const next = concat(...this.#queue);
    this.#queue = [];
    this.#queued = 0;
    this.#room?.resolve();
    this.#room = undefined;
    this.#write(next);
  }

  #failed(): void {
    this.#ended = true;
    this.clear();
  }
}
