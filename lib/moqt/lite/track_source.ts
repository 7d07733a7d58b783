/**
 * A track that is published live: every subscriber gets the newest groups; who is slow loses whole old
 * ones, and nobody else notices.
 *
 * @module
 */
import { encodeFrame } from "./messages/group.ts";
import { type GroupOpener, type SentGroup, TrackSender } from "./track_sender.ts";

/** How a track is sent. */
export interface LiteTrackOptions {
  /** Groups older than the newest that may still be on their way to a subscriber. Default 1. */
  lateGroups?: number;
  /** Bytes that may wait for one subscriber; beyond that its oldest groups are cut off. Default 16 MiB. */
  maxPendingBytes?: number;
  /**
   * Bytes of the newest group that are kept for those who subscribe while it goes on; beyond that they
   * begin with the next. Default 16 MiB.
   */
  maxKeptBytes?: number;
  /** The first subscriber came (true), the last one went (false). Must not throw. */
  onDemand?: (wanted: boolean) => void;
}

/** Bytes that may wait, or are kept, where nothing else was said. */
const DEFAULT_BYTES = 16 << 20;

/** A live track. */
export class LiteTrackSource {
  readonly #options: LiteTrackOptions;
  readonly #senders = new Set<TrackSender>();
  readonly #maxKeptBytes: number;
  #group: SentGroup | undefined;
  #sequence = -1;
  #resetGroups = 0;
  #over = false;
  #waiting: (() => void)[] = [];

  /** Makes a track without subscribers. */
  constructor(options: LiteTrackOptions = {}) {
    this.#options = options;
    this.#maxKeptBytes = options.maxKeptBytes ?? DEFAULT_BYTES;
  }

  /** The newest group's sequence; -1: there was none. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Subscribers now. */
  get subscribers(): number {
    return this.#senders.size;
  }

  /** Groups cut off for some subscriber, all added up. */
  get resetGroups(): number {
    return this.#resetGroups;
  }

  /** Whether the track has ended. */
  get ended(): boolean {
    return this.#over;
  }

  /** Begins a group and ends the one before; its sequence is above those before. Returns it. */
  startGroup(sequence: number = this.#sequence + 1): number {
    if (!Number.isSafeInteger(sequence) || sequence <= this.#sequence) {
      throw new RangeError(`group ${sequence} does not come after ${this.#sequence}`);
    }
    if (this.#over) throw new TypeError("the track has ended");
    this.endGroup();
    this.#sequence = sequence;
    this.#group = { sequence, frames: [], trimmed: 0, bytes: 0, kept: 0, ended: false };
    for (const sender of this.#senders) sender.startGroup(this.#group);
    return sequence;
  }

  /** Adds a frame to the group. Never waits: who is slow loses groups. Copies the payload. */
  write(payload: Uint8Array): void {
    const group = this.#group;
    if (group === undefined || group.ended) throw new TypeError("no group was begun");
    const frame = encodeFrame(payload);
    group.frames.push(frame);
    group.bytes += frame.length;
    group.kept += frame.length;
    for (const sender of this.#senders) sender.wake(group);
    if (group.kept > this.#maxKeptBytes) this.#trim(group);
  }

  /** A group of one frame. */
  writeGroup(payload: Uint8Array): void {
    this.startGroup();
    this.write(payload);
    this.endGroup();
  }

  /** The group is whole. */
  endGroup(): void {
    const group = this.#group;
    if (group === undefined || group.ended) return;
    group.ended = true;
    for (const sender of this.#senders) sender.wake(group);
  }

  /** Ends the group, and lets go of it: who subscribes from now on begins with the next. */
  forget(): void {
    this.endGroup();
    this.#group = undefined;
  }

  /** Lets go of what everybody has; from then on nobody can begin with this group. */
  #trim(group: SentGroup): void {
    let first = group.trimmed + group.frames.length;
    for (const sender of this.#senders) first = Math.min(first, sender.position(group) ?? first);
    const gone = group.frames.slice(0, first - group.trimmed);
    const bytes = gone.reduce((sum, frame) => sum + frame.length, 0);
    // Not for each frame, as those that stay are moved.
    if (bytes < this.#maxKeptBytes / 2) return;
    group.frames.splice(0, gone.length);
    group.trimmed = first;
    group.kept -= bytes;
  }

  /** Resolves when nothing waits for any subscriber: a publisher who awaits it loses no group. */
  async drained(): Promise<void> {
    while ([...this.#senders].some((sender) => sender.pendingBytes > 0)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #drained(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Ends the track: subscribers get what waits for them, then the end. */
  async end(): Promise<void> {
    this.endGroup();
    this.#over = true;
    await Promise.all([...this.#senders].map((sender) => sender.finish()));
  }

  /** Sends to a subscriber from now on, beginning with the newest group. For sessions. */
  attach(open: GroupOpener): TrackSender {
    const sender: TrackSender = new TrackSender(open, {
      lateGroups: this.#options.lateGroups ?? 1,
      maxPendingBytes: this.#options.maxPendingBytes ?? DEFAULT_BYTES,
    }, {
      reset: () => this.#resetGroups++,
      drained: () => this.#drained(),
      over: () => {
        this.#senders.delete(sender);
        this.#drained();
        if (this.#senders.size === 0) this.#options.onDemand?.(false);
      },
    });
    this.#senders.add(sender);
    if (this.#group?.trimmed === 0) sender.startGroup(this.#group);
    if (this.#over) void sender.finish();
    else if (this.#senders.size === 1) this.#options.onDemand?.(true);
    return sender;
  }
}
