/**
 * How many requests each side may make: MAX_REQUEST_ID and REQUESTS_BLOCKED, draft-14 and draft-16,
 * sections 9.5 and 9.6.
 *
 * @module
 */
import { MoqtViolation, violation } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import type { RequestIds } from "./request_ids.ts";

/** Credit of both sides of one session. */
export class RequestCredit {
  readonly #ids: RequestIds;
  readonly #maxRequests: number;
  readonly #send: (
    message: MessageOf<"max-request-id"> | MessageOf<"requests-blocked">,
  ) => void;
  readonly #waiting = new Set<() => void>();
  /** Ids of ours are below this. */
  #limit = 0;
  /** The limit that was told to block. */
  #blockedAt = -1;
  /** Requests of the peer's that are not over. */
  #open = 0;
  #ended: { error: unknown } | undefined;
  /** Ids of the peer's are below this. */
  peerLimit: number;

  /** The peer may have `maxRequests` at once. */
  constructor(
    ids: RequestIds,
    maxRequests: number,
    send: (message: MessageOf<"max-request-id"> | MessageOf<"requests-blocked">) => void,
  ) {
    this.#ids = ids;
    this.#maxRequests = maxRequests;
    this.#send = send;
    this.peerLimit = maxRequests * 2;
  }

  /** What the peer's set-up lets this side make. */
  begin(max: number): void {
    this.#limit = max;
  }

  /** The peer lets more be made. Throws a violation. */
  raise(max: number): void {
    if (max <= this.#limit) throw violation("MAX_REQUEST_ID does not grow");
    this.#limit = max;
    this.#wake();
  }

  /** Checks the id of a peer's request or update. Throws a violation. */
  accept(id: number, inOrder: boolean): void {
    if (id >= this.peerLimit) {
      throw new MoqtViolation("too-many-requests", `request id ${id} is above the limit`);
    }
    if (inOrder) this.#ids.acceptInOrder(id);
    else this.#ids.accept(id);
  }

  /** The next id of ours, once the peer allows one. */
  async take(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    while (this.#ended === undefined && this.#ids.next >= this.#limit) {
      if (this.#blockedAt !== this.#limit) {
        this.#blockedAt = this.#limit;
        this.#send({ kind: "requests-blocked", max: this.#limit });
      }
      await this.#more(signal);
    }
    if (this.#ended !== undefined) throw this.#ended.error;
    return this.#ids.take();
  }

  #more(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        this.#waiting.delete(wake);
        reject(signal!.reason);
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** The peer made a request. */
  opened(): void {
    this.#open++;
  }

  /** One of the peer's requests is over. */
  release(): void {
    this.#open--;
    this.grant();
  }

  /** Lets the peer make more requests, where half of its credit is used or none is left. */
  grant(): void {
    const next = this.#ids.peerNext - this.#ids.peerNext % 2;
    const limit = next + 2 * Math.max(0, this.#maxRequests - this.#open);
    const more = limit - this.peerLimit;
    if (this.#ended !== undefined || more <= 0) return;
    if (more < this.#maxRequests && next < this.peerLimit) return;
    this.peerLimit = limit;
    this.#send({ kind: "max-request-id", max: limit });
  }

  /** Nothing follows: who waits fails. */
  end(error: unknown): void {
    this.#ended ??= { error };
    this.#wake();
  }
}
