/**
 * The way of a track to one subscriber: a stream for each group.
 *
 * @module
 */
import type { SendStream } from "../../transport/connection.ts";
import { resetReason } from "./errors.ts";
import type { LiteResetName } from "./versions.ts";

/** A group as its track keeps it. */
export interface SentGroup {
  /** Which. */
  readonly sequence: number;
  /** Encoded frames from the one with the number `trimmed`. */
  readonly frames: Uint8Array[];
  /** Frames that are not kept any more. */
  trimmed: number;
  /** Bytes of all frames. */
  bytes: number;
  /** Bytes of those that are kept. */
  kept: number;
  /** Whether no frame follows. */
  ended: boolean;
}

/** Opens a group's stream; gives what goes in front of its frames. */
export type GroupOpener = (
  sequence: number,
  signal: AbortSignal,
) => Promise<{ stream: SendStream; head: Uint8Array }>;

/** What a track hears of a subscriber. */
export interface SenderEvents {
  /** A group was cut off. */
  reset(): void;
  /** Nothing waits for it. */
  drained(): void;
  /** Nothing is sent to it any more. */
  over(): void;
}

/** Small frames are written together, up to so many bytes. */
const BATCH_BYTES = 32 << 10;

/** Sends to one subscriber. */
export class TrackSender {
  readonly #open: GroupOpener;
  readonly #limits: { lateGroups: number; maxPendingBytes: number };
  readonly #events: SenderEvents;
  readonly #groups = new Map<number, GroupSender>();
  readonly #over = Promise.withResolvers<void>();
  #stopped = false;
  #finishing = false;

  /** Made by its track. */
  constructor(
    open: GroupOpener,
    limits: { lateGroups: number; maxPendingBytes: number },
    events: SenderEvents,
  ) {
    this.#open = open;
    this.#limits = limits;
    this.#events = events;
  }

  /** Resolves when nothing is sent any more. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Bytes that wait. */
  get pendingBytes(): number {
    let bytes = 0;
    for (const group of this.#groups.values()) bytes += group.pendingBytes;
    return bytes;
  }

  /** The first frame of a group that was not sent; undefined: none of it is wanted. */
  position(group: SentGroup): number | undefined {
    return this.#groups.get(group.sequence)?.position;
  }

  /** A group began: those that are too old are cut off. */
  startGroup(group: SentGroup): void {
    if (this.#stopped || this.#finishing) return;
    const sender = new GroupSender(group, this.#open, {
      sent: () => this.pendingBytes === 0 && this.#events.drained(),
      over: () => this.#forget(group.sequence),
    });
    this.#groups.set(group.sequence, sender);
    const late = [...this.#groups.values()].slice(0, -1 - this.#limits.lateGroups);
    for (const old of late) this.#cut(old, "old");
    sender.wake();
  }

  /** A group got longer, or ended. */
  wake(group: SentGroup): void {
    const sender = this.#groups.get(group.sequence);
    if (sender === undefined) return;
    for (const oldest of [...this.#groups.values()]) {
      if (this.pendingBytes <= this.#limits.maxPendingBytes) break;
      this.#cut(oldest, "too-far-behind");
    }
    sender.wake();
  }

  #cut(sender: GroupSender, name: LiteResetName): void {
    if (sender.cut(name)) this.#events.reset();
  }

  #forget(sequence: number): void {
    this.#groups.delete(sequence);
    this.#events.drained();
    if (this.#finishing && this.#groups.size === 0) this.#end();
  }

  /** Resolves once all whole groups are sent; one that goes on is cut off, as it would seem whole. */
  finish(): Promise<void> {
    this.#finishing = true;
    for (const group of [...this.#groups.values()]) {
      if (!group.isWhole) this.#cut(group, "going-away");
    }
    if (this.#groups.size === 0) this.#end();
    return this.#over.promise;
  }

  /** Cuts everything off. Idempotent. */
  stop(): void {
    for (const group of [...this.#groups.values()]) group.cut("cancelled");
    this.#end();
  }

  #end(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#events.over();
    this.#over.resolve();
  }
}

/** One group's way to one subscriber. */
class GroupSender {
  readonly #group: SentGroup;
  readonly #open: GroupOpener;
  readonly #events: { sent(): void; over(): void };
  readonly #abort = new AbortController();
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #head: Uint8Array | undefined;
  #sentBytes = 0;
  #running = false;
  #over = false;
  position = 0;

  constructor(group: SentGroup, open: GroupOpener, events: { sent(): void; over(): void }) {
    this.#group = group;
    this.#open = open;
    this.#events = events;
  }

  get pendingBytes(): number {
    return this.#group.bytes - this.#sentBytes;
  }

  get isWhole(): boolean {
    return this.#group.ended;
  }

  wake(): void {
    if (this.#running || this.#over) return;
    this.#running = true;
    // What fails is the subscriber's wish, or the connection's end: either way nothing is sent any more.
    this.#pump().catch(() => this.#finish());
  }

  /** Gives the group up; true where something of it was, or was to be, sent. */
  cut(name: LiteResetName): boolean {
    if (this.#over) return false;
    const begun = this.#writer !== undefined || this.#group.bytes > 0;
    const reason = resetReason(name);
    this.#writer?.abort(reason).catch(() => {});
    this.#abort.abort(reason);
    this.#finish();
    return begun;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.over();
  }

  async #pump(): Promise<void> {
    const group = this.#group;
    while (true) {
      const more = this.position < group.trimmed + group.frames.length;
      if (!more && !group.ended) break;
      if (this.#writer === undefined) {
        const { stream, head } = await this.#open(group.sequence, this.#abort.signal);
        this.#writer = stream.getWriter();
        this.#writer.closed.catch(() => this.#finish());
        this.#head = head;
        if (this.#over) {
          this.#writer.abort(this.#abort.signal.reason).catch(() => {});
          return;
        }
      }
      const batch = this.#batch();
      if (batch.length > 0) await this.#writer.write(batch);
      if (this.#over) return;
      this.#events.sent();
      if (this.position < group.trimmed + group.frames.length || !group.ended) continue;
      await this.#writer.close();
      return this.#finish();
    }
    // At once, so that what comes next begins anew.
    this.#running = false;
  }

  /** The next frames, small ones together, and the head before the first. Counts them as sent. */
  #batch(): Uint8Array {
    const { frames, trimmed } = this.#group;
    const parts: Uint8Array[] = this.#head === undefined ? [] : [this.#head];
    this.#head = undefined;
    let length = parts[0]?.length ?? 0;
    for (let frame = frames[this.position - trimmed]; frame !== undefined;) {
      if (length > 0 && length + frame.length > BATCH_BYTES && parts.length > 1) break;
      parts.push(frame);
      length += frame.length;
      this.#sentBytes += frame.length;
      frame = frames[++this.position - trimmed];
    }
    if (parts.length === 1) return parts[0]!;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}
