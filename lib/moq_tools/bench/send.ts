/**
 * The publisher of a benchmark.
 *
 * @module
 */
import { DIRECT_BYTES } from "../../moqt/publish/batches.ts";
import type { Publication, SubgroupWriter } from "../../moqt/publish/publication.ts";
import { TransportError } from "../../transport/connection.ts";
import type { Load } from "./load.ts";
import { Pace, sleep, Turns } from "./pace.ts";
import { Payloads, timestamp, WallClock } from "./stamp.ts";

/** What was sent. */
export interface SendTally {
  /** Objects the transport took, or dropped where they went in datagrams. */
  objects: number;
  /** Bytes of payload. */
  bytes: number;
  /** Groups begun. */
  groups: number;
}

/** Datagrams that go before others have their turn. */
const DATAGRAMS_A_TURN = 32;

/** Sends a load to one subscriber. */
export class LoadSender {
  readonly #publication: Publication;
  readonly #load: Load;
  readonly #signal: AbortSignal;
  readonly #payloads: Payloads;
  readonly #clock = new WallClock();
  readonly #pace = new Pace();
  readonly #turns = new Turns();
  #sinceTurn = 0;
  /** What was sent so far. */
  readonly tally: SendTally = { objects: 0, bytes: 0, groups: 0 };

  /** Sends until `signal` aborts, or the subscriber wants no more. */
  constructor(publication: Publication, load: Load, signal: AbortSignal) {
    const over = new AbortController();
    publication.closed.then(() => over.abort());
    this.#publication = publication;
    this.#load = load;
    this.#signal = AbortSignal.any([signal, over.signal]);
    this.#payloads = new Payloads(load.maxBytes);
  }

  /** Sends groups from `firstGroup` on; `onGroup` is told of each. Rejects where a stream fails. */
  async run(firstGroup: number, onGroup: (group: number) => void = () => {}): Promise<void> {
    let ending: Promise<unknown> = Promise.resolve();
    for (let group = firstGroup; await this.#isWanted(); group++) {
      onGroup(group);
      this.tally.groups++;
      if (this.#load.datagrams) {
        await this.#datagrams(group);
        continue;
      }
      const writers = await this.#open(group);
      if (writers === undefined) break;
      const whole = await this.#objects(group, writers).catch((error) => {
        // The subscriber left, or stopped this stream only: the next group is another one.
        if (!this.#signal.aborted && writers.every(({ state }) => state === "open")) throw error;
        return false;
      });
      if (!whole) { for (const writer of writers) writer.reset("cancelled"); }
      // One group's end may still be under way while the next one is sent.
      await ending;
      ending = Promise.all(writers.map((writer) => writer.close()));
    }
    await ending;
  }

  /** Waits while the subscriber wants nothing sent; false: it is over. */
  async #isWanted(): Promise<boolean> {
    while (this.#publication.parameters.forward === false && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#signal.removeEventListener("abort", done);
          forget();
          resolve();
        };
        const forget = this.#publication.onUpdate(done);
        this.#signal.addEventListener("abort", done, { once: true });
      });
    }
    return !this.#signal.aborted;
  }

  async #open(group: number): Promise<SubgroupWriter[] | undefined> {
    const { streams, groupObjects } = this.#load;
    try {
      return await Promise.all(
        Array.from({ length: streams }, (_, subgroup) =>
          this.#publication.subgroup({
            group,
            subgroup,
            endOfGroup: subgroup === (groupObjects - 1) % streams,
            signal: this.#signal,
          })),
      );
    } catch (error) {
      // Who leaves ends the connection, which may be known before the end of the subscription is.
      if (this.#signal.aborted || error instanceof TransportError) return undefined;
      throw error;
    }
  }

  /** Sends a group's objects; false: it was broken off. */
  async #objects(group: number, writers: readonly SubgroupWriter[]): Promise<boolean> {
    const { groupObjects, streams } = this.#load;
    let due = 0;
    for (let id = 0; id < groupObjects; id++) {
      while (due < 1) {
        this.#turns.look();
        due = this.#pace.due(this.#load.rate, this.#turns.now);
        if (due < 1) await sleep(this.#pace.waitMs, this.#signal);
        if (this.#signal.aborted) return false;
      }
      due--;
      // Those that are due together are not sent together.
      if (this.#load.rate > 0) this.#turns.read();
      this.#pace.taken(1);
      const writer = writers[id % streams]!;
      let object = this.#object(group, id);
      while (!writer.tryWrite(object)) {
        await writer.ready;
        if (this.#signal.aborted) return false;
        this.#turns.look();
        object = this.#object(group, id);
      }
      this.tally.objects++;
      this.tally.bytes += object.payload.length;
      if (this.#turns.step()) {
        await this.#turns.give();
        if (this.#signal.aborted) return false;
      }
    }
    return true;
  }

  #object(group: number, id: number) {
    const { sizeOf, letterOf } = this.#load;
    const bytes = sizeOf(id);
    const letter = letterOf?.(id);
    // Small ones are copied when they are written.
    const payload = bytes < DIRECT_BYTES
      ? this.#payloads.shared(group, id, bytes, letter)
      : this.#payloads.own(group, id, bytes, letter);
    return { id, payload, properties: timestamp(this.#clock.now(this.#turns.now)) };
  }

  async #datagrams(group: number): Promise<void> {
    const { groupObjects, sizeOf, rate } = this.#load;
    for (let id = 0; id < groupObjects && !this.#signal.aborted; id++) {
      this.#turns.look();
      while (this.#pace.due(rate, this.#turns.now) < 1 && !this.#signal.aborted) {
        await sleep(this.#pace.waitMs, this.#signal);
        this.#turns.look();
      }
      this.#pace.taken(1);
      this.#publication.datagram({
        group,
        id,
        priority: 128,
        endOfGroup: id === groupObjects - 1,
        status: "normal",
        payload: this.#payloads.own(group, id, sizeOf(id)),
        properties: timestamp(this.#clock.now()),
      });
      this.tally.objects++;
      this.tally.bytes += sizeOf(id);
      // Nothing tells when a datagram has gone: a few at a time keep the transport's queue short. They
      // are counted across groups, which may be of one.
      const isMany = rate <= 0 && ++this.#sinceTurn >= DATAGRAMS_A_TURN;
      if (this.#turns.step() || isMany) {
        this.#sinceTurn = 0;
        await this.#turns.give();
      }
    }
  }
}
