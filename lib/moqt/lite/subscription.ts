/**
 * A track that was subscribed to: its groups, as they begin.
 *
 * @module
 */
import { LiteStreamError } from "./errors.ts";
import { LiteForwardReceiver, type LiteForwardSink } from "./forward.ts";
import { GroupQueue, type LateGroups } from "./group_queue.ts";
import { GroupParser } from "./messages/group.ts";
import { LiteGroup } from "./received_group.ts";
import type { StreamInput } from "./stream_input.ts";
import type { LiteResetName } from "./versions.ts";

/** How a track is subscribed to. */
export interface LiteSubscribeOptions {
  /** 0 to 255; tracks of higher ones come first. Default 0. */
  priority?: number;
  /** Groups that wait for the reader; the oldest go. 1: the latest wins. Default 64. */
  maxGroups?: number;
  /**
   * What is done with groups that come after a newer one was read: `drop`, the default, so that nothing
   * old is taken for new, or `deliver`, as groups overtake each other on their way. With `deliver`,
   * streams beyond those that are read at once wait; otherwise the oldest are let go for them.
   */
  late?: LateGroups;
  /** Bytes of the largest frame that is taken. Default 64 MiB. */
  maxFrameBytes?: number;
  /** Gives up while the publisher has not agreed. */
  signal?: AbortSignal;
}

/** Groups whose streams are read at once; where one more begins, the oldest is let go, or it waits. */
const MAX_RECEIVING = 256;
/** After the end, streams that are still on their way are waited for, in milliseconds. */
const LINGER_MS = 250;

/** A subscription. */
export class LiteSubscription implements AsyncDisposable {
  readonly #queue: GroupQueue;
  readonly #receiving = new Set<LiteGroup | LiteForwardReceiver>();
  #sink: LiteForwardSink | undefined;
  readonly #maxFrameBytes: number | undefined;
  readonly #late: LateGroups;
  #waiting: (() => void)[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #forget: () => void;
  #cancel: ((name: LiteResetName) => void) | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #isLast = false;
  #lateGroups = 0;
  #over = false;
  /** The broadcast's path. */
  readonly broadcast: string;
  /** The track's name. */
  readonly track: string;

  /** Made by its session. */
  constructor(
    broadcast: string,
    track: string,
    options: LiteSubscribeOptions,
    forget: () => void,
  ) {
    this.broadcast = broadcast;
    this.track = track;
    const { maxGroups = 64, late = "drop" } = options;
    if (!Number.isSafeInteger(maxGroups) || maxGroups < 1) {
      throw new RangeError(`maxGroups is ${maxGroups}; at least 1 must wait`);
    }
    this.#queue = new GroupQueue(maxGroups, late);
    this.#late = late;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#forget = forget;
    this.#ready.promise.catch(() => {});
    this.#closed.promise.catch(() => {});
  }

  /** Resolves when the publisher agreed; rejects with a {@link LiteStreamError} where it did not. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves when the subscription is over in peace; rejects with why otherwise. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Groups that were let go because the reader was slow, or they came late. */
  get droppedGroups(): number {
    return this.#queue.dropped + this.#lateGroups;
  }

  /**
   * The groups as they begin, of those that wait the oldest first. Ends with the track; throws a {@link LiteStreamError}
   * where the publisher cut it off, a transport's error where the connection was lost. One reader; who
   * leaves it ends the subscription.
   */
  async *groups(): AsyncGenerator<LiteGroup, void, undefined> {
    try {
      yield* this.#queue;
    } finally {
      await this.close();
    }
  }

  /** Gives groups to `sink` as they are, not taken apart: what a relay does. Before any has come. */
  forward(sink: LiteForwardSink): void {
    this.#sink = sink;
  }

  /** Wants no more. Idempotent. */
  close(): Promise<void> {
    if (!this.#over) {
      this.#cancel?.("cancelled");
      this.end();
      this.#queue.abandon();
    }
    return Promise.resolve();
  }

  /** Wants no more. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The request is on its way; `cancel` takes it back. For the session. */
  started(cancel: (name: LiteResetName) => void): void {
    this.#cancel = cancel;
    if (this.#over) cancel("cancelled");
  }

  /** The publisher agreed. For the session. */
  established(): void {
    this.#ready.resolve();
  }

  /** The publisher ended the track: what is under way still comes. For the session. */
  finished(): void {
    if (this.#over || this.#linger !== undefined) return;
    this.#linger = setTimeout(() => {
      this.#isLast = true;
      if (this.#receiving.size === 0) this.end();
    }, LINGER_MS);
  }

  /** Nothing follows, and why. For the session. */
  end(error?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
    clearTimeout(this.#linger);
    const reason = error === undefined ? undefined : LiteStreamError.of(error);
    this.#ready.reject(reason ?? new LiteStreamError("cancelled", "the subscription is over"));
    for (const group of [...this.#receiving]) {
      if (group instanceof LiteForwardReceiver) group.stop();
      else group.abandon("cancelled", reason);
    }
    this.#queue.end(reason);
    if (reason === undefined) this.#closed.resolve();
    else this.#closed.reject(reason);
    this.#forget();
  }

  /** A group's stream began. Resolves at its end. For the session. */
  async receive(sequence: number, input: StreamInput): Promise<void> {
    try {
      await this.#sink?.ready;
    } catch {
      return input.stop("cancelled");
    }
    while (this.#late === "deliver" && this.#receiving.size >= MAX_RECEIVING && !this.#over) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#over) return input.stop("cancelled");
    const group = this.#sink === undefined
      ? new LiteGroup(sequence, (name) => input.stop(name))
      : new LiteForwardReceiver(sequence, this.#sink, {
        input,
        maxFrameBytes: this.#maxFrameBytes,
      });
    this.#receiving.add(group);
    if (this.#receiving.size > MAX_RECEIVING) this.#letGoOldest();
    try {
      if (group instanceof LiteForwardReceiver) await group.run();
      else await this.#take(group, input);
    } finally {
      this.#receiving.delete(group);
      this.#waiting.shift()?.();
      if (this.#isLast && this.#receiving.size === 0) this.end();
    }
  }

  #letGoOldest(): void {
    const [oldest] = this.#receiving;
    this.#lateGroups++;
    if (oldest instanceof LiteForwardReceiver) oldest.stop("old");
    else oldest?.abandon("old");
  }

  async #take(group: LiteGroup, input: StreamInput): Promise<void> {
    this.#queue.push(group);
    try {
      await this.#read(group, input);
    } catch (error) {
      group.end(LiteStreamError.of(error));
      if (error instanceof LiteStreamError) input.stop(error.reset ?? "internal-error");
    }
  }

  async #read(group: LiteGroup, input: StreamInput): Promise<void> {
    const parser = new GroupParser(input.buffer, this.#maxFrameBytes);
    while (true) {
      for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
        group.push(frame);
        if (!group.hasRoom) await group.room();
      }
      if (await input.more()) continue;
      if (!parser.between && !group.isOver) {
        throw new LiteStreamError("wrong-size", "a group's stream ends inside a frame");
      }
      return group.end();
    }
  }
}
