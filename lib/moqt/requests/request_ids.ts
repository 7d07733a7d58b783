/**
 * Ids of requests: draft-18, section 10.1; draft-16, section 9.1.
 *
 * @module
 */
import { MoqtViolation } from "../errors.ts";

/** Which side of the connection this is. */
export type Role = "client" | "server";

/** How far a peer's request id may be ahead of one that has not come. */
const MAX_AHEAD = 4096;

/**
 * Gives this side's ids, and checks the peer's. Requests that come on streams of their own (in
 * draft-16 SUBSCRIBE_NAMESPACE) may overtake others, so an id need not be the next one; it must be a
 * new one, and one of the peer's.
 */
export class RequestIds {
  readonly #peerParity: number;
  /** Ids that came before {@link #peerNext} did. */
  readonly #ahead = new Set<number>();
  #next: number;
  #peerNext: number;
  #lastInOrder = -1;

  /** Clients have even ids, servers odd ones. */
  constructor(role: Role) {
    this.#next = role === "client" ? 0 : 1;
    this.#peerParity = 1 - this.#next;
    this.#peerNext = this.#peerParity;
  }

  /** The id the next request gets. */
  get next(): number {
    return this.#next;
  }

  /** The lowest id of the peer's that has not come. */
  get peerNext(): number {
    return this.#peerNext;
  }

  /** Takes the next id. */
  take(): number {
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  /** Whether an id is one that this side gave. */
  isOurs(id: number): boolean {
    return id % 2 !== this.#peerParity && id < this.#next;
  }

  /** Whether an id is, or was, that of a request of either side. */
  existed(id: number): boolean {
    return this.isOurs(id) ||
      (id % 2 === this.#peerParity && (id < this.#peerNext || this.#ahead.has(id)));
  }

  /** Checks the id of a peer's new request. Throws a violation. */
  accept(id: number): void {
    // Ids that are skipped for good would be remembered for ever.
    const isNew = id % 2 === this.#peerParity && id >= this.#peerNext && !this.#ahead.has(id) &&
      id <= this.#peerNext + 2 * MAX_AHEAD;
    if (!isNew) {
      throw new MoqtViolation(
        "invalid-request-id",
        `request id ${id} is none of the peer's new ones`,
      );
    }
    this.#ahead.add(id);
    while (this.#ahead.delete(this.#peerNext)) this.#peerNext += 2;
  }

  /** The same, for requests of one stream, whose ids grow. */
  acceptInOrder(id: number): void {
    this.accept(id);
    if (id < this.#lastInOrder) {
      throw new MoqtViolation("invalid-request-id", `request id ${id} is below the last one`);
    }
    this.#lastInOrder = id;
  }
}
