/**
 * Puts the objects of one group in order, whatever subgroups and datagrams they came in.
 *
 * @module
 */
import { PROPERTY } from "../wire/properties.ts";
import { losePatience } from "./patience.ts";
import type { ObjectGap, ReceivedObject } from "./objects.ts";

/** What an object that waits takes beside its payload, about. */
const OBJECT_BYTES = 64;

/** Objects in order, with what is missing told. Feed it, and iterate it; one reader. */
export class GroupAssembler implements AsyncIterable<ReceivedObject | ObjectGap> {
  readonly #patienceMs: number;
  readonly #pending: ReceivedObject[] = [];
  #next = 0;
  #openStreams = 0;
  #cutOff = false;
  /** Known once the group's end was told: objects from here on do not exist. */
  #end: number | undefined;
  #closed = false;
  #impatient = false;
  #calm = () => {};
  #wake: (() => void) | undefined;
  #late = 0;
  #bytes = 0;
  #room: (() => void) | undefined;
  /** The group's id. */
  readonly id: number;

  readonly #onRead: () => void;
  #isRead = false;

  /**
   * Waits `patienceMs` for an object that is missing before it tells the gap; `onRead` is called when
   * its reader begins.
   */
  constructor(id: number, patienceMs: number, onRead: () => void = () => {}) {
    this.id = id;
    this.#patienceMs = patienceMs;
    this.#onRead = onRead;
  }

  /** Whether its reader has begun, or wants none of it. */
  get isRead(): boolean {
    return this.#isRead || this.#abandoned;
  }

  /** Objects that came after their place was given up, or twice. */
  get late(): number {
    return this.#late;
  }

  /** Bytes that wait for the reader, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A stream of the group began. */
  opened(): void {
    this.#openStreams++;
  }

  /** An object came. */
  add(object: ReceivedObject): void {
    if (object.status !== "normal") {
      this.#end = Math.min(this.#end ?? Infinity, object.id);
      this.#stir();
      return;
    }
    if (object.id < this.#next) {
      this.#late++;
      return;
    }
    let at = this.#pending.length;
    while (at > 0 && this.#pending[at - 1]!.id > object.id) at--;
    if (this.#pending[at - 1]?.id === object.id) {
      this.#late++;
      return;
    }
    this.#pending.splice(at, 0, object);
    this.#bytes += object.payload.length + OBJECT_BYTES;
    this.#stir();
  }

  /** A stream ended; `last` is the group's last object where the stream told so. */
  ended(whole: boolean, last?: number): void {
    if (this.#openStreams > 0) this.#openStreams--;
    if (!whole) this.#cutOff = true;
    if (last !== undefined) this.#end = Math.min(this.#end ?? Infinity, last + 1);
    this.#stir();
  }

  /** No further streams of the group begin, as far as one can tell. */
  close(): void {
    this.#closed = true;
    this.#stir();
  }

  /** Whether streams of the group are open. */
  get hasStreams(): boolean {
    return this.#openStreams > 0;
  }

  /** Whether it was closed. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Nothing more comes at all, not even on streams that are open. */
  finish(): void {
    if (this.#openStreams > 0) this.#cutOff = true;
    this.#openStreams = 0;
    this.close();
  }

  /** Resolves once fewer than `limit` bytes wait. */
  async room(limit: number): Promise<void> {
    while (this.#bytes >= limit && !this.#abandoned) {
      await new Promise<void>((resolve) => {
        const before = this.#room;
        this.#room = () => {
          before?.();
          resolve();
        };
      });
    }
  }

  #abandoned = false;

  /** Nobody reads any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#calm();
    this.#pending.length = 0;
    this.#bytes = 0;
    this.#free();
    this.#stir();
    this.#onRead();
  }

  /** Ends it where its reader is; true where there was more to read. */
  giveUp(): boolean {
    const isLeft = !this.#abandoned && (this.#pending.length > 0 || this.#openStreams > 0);
    if (isLeft) this.abandon();
    return isLeft;
  }

  #free(): void {
    this.#room?.();
    this.#room = undefined;
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** What comes next, now; undefined: wait; null: the end. */
  #take(): ReceivedObject | ObjectGap | undefined | null {
    if (this.#abandoned) return null;
    const first = this.#pending[0];
    if (first === undefined) return this.#takeEnd();
    if (first.id > this.#next && !this.#isAbsent(first)) {
      if (!this.#impatient && !this.#isSettled()) return undefined;
      const gap: ObjectGap = {
        kind: "gap",
        group: this.id,
        from: this.#next,
        to: first.id - 1,
      };
      this.#next = first.id;
      return gap;
    }
    this.#pending.shift();
    this.#bytes -= first.payload.length + OBJECT_BYTES;
    this.#next = first.id + 1;
    this.#impatient = false;
    this.#free();
    return first;
  }

  /** Whether the publisher says that what is missing before an object does not exist. */
  #isAbsent(object: ReceivedObject): boolean {
    const told = object.properties?.find(({ type }) => type === PROPERTY.priorObjectGap)?.value;
    return typeof told === "bigint" && BigInt(object.id - this.#next) <= told;
  }

  /** Whether nothing more comes: a stream that tells the group's end may overtake others of it. */
  #isSettled(): boolean {
    return this.#openStreams === 0 && this.#closed;
  }

  #takeEnd(): ObjectGap | undefined | null {
    if (this.#end !== undefined && this.#next >= this.#end) return null;
    if (this.#openStreams > 0) return undefined;
    if (!this.#closed && this.#end === undefined) return undefined;
    if (!this.#closed && !this.#impatient) return undefined;
    const missing = this.#end !== undefined || this.#cutOff;
    const gap: ObjectGap = {
      kind: "gap",
      group: this.id,
      from: this.#next,
      ...(this.#end === undefined ? {} : { to: this.#end - 1 }),
    };
    this.#end = this.#next;
    return missing ? gap : null;
  }

  /** Objects and gaps in order, to the group's end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedObject | ObjectGap, void, undefined> {
    this.#isRead = true;
    this.#onRead();
    try {
      while (true) {
        const item = this.#take();
        if (item === null) return;
        if (item !== undefined) {
          yield item;
          continue;
        }
        await this.#wait();
      }
    } finally {
      this.abandon();
    }
  }

  #wait(): Promise<void> {
    const stuck = this.#pending.length > 0 || (this.#end !== undefined && this.#openStreams === 0);
    return new Promise((resolve) => {
      const done = () => {
        this.#calm();
        resolve();
      };
      this.#wake = done;
      if (!stuck) return;
      this.#calm = losePatience(() => {
        this.#impatient = true;
        done();
      }, this.#patienceMs);
    });
  }
}
