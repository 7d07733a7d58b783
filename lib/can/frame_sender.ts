/**
 * The sending half of a CAN stream on the network. Frames are written as soon as they come; while a
 * write is under way they gather, and go together in the next. No timer stands in the data path.
 *
 * A peer on `xoq/1` says what has arrived. When the oldest frames not yet reported have been under
 * way clearly longer than a round trip, the network is behind: nothing more is given to it, and what
 * has waited too long is dropped, instead of queueing inside QUIC where nothing can overtake. Against
 * XoQ's programs, which report nothing, only the pending write says so. Lower identifiers go first
 * when not all that waits can go at once; else the order stays as it is.
 *
 * @module
 */
import { nowMicros } from "../media/clock.ts";
import type { SendStream } from "../transport/connection.ts";
import type { CanFrame } from "./frame.ts";
import { SendQueue, type Waiting } from "./send_queue.ts";
import { type CanRecord, type DropCause, encodeCanRecords } from "./wire.ts";

/** Most bytes of one write: what was written can't be overtaken. */
const MAX_WRITE_BYTES = 32_768;
/** The same when the network has been behind for {@link LATE_MICROS}. */
const MAX_LATE_WRITE_BYTES = 4_096;
/** Patience with the network where frames don't get stale, in µs. */
const LATE_MICROS = 250_000;
/** Beyond one and a half round trips, unreported frames may be under way this long, in milliseconds. */
const MAX_LAG_MS = 25;
/** How fast the memory of the shortest round trip fades, in milliseconds a report: routes change. */
const FADE_MS = 0.02;
/** Writes remembered before the first report. */
const MAX_UNREPORTED_WRITES = 64;
/** Most records waiting that are not frames. Policy of a full queue: the oldest makes room. */
const MAX_RECORDS = 65_536;

/** How frames go out. */
export interface FrameSenderOptions {
  /** Encodes frames. */
  encode: (frames: readonly CanFrame[]) => Uint8Array;
  /** Bytes of a frame as encoded. */
  frameBytes: (frame: CanFrame) => number;
  /** Most frames waiting. */
  capacity: number;
  /** See `SendQueueOptions`. */
  staleMicros?: number | undefined;
  /** Called for each frame dropped. */
  onDrop: (waiting: Waiting, cause: DropCause) => void;
  /** Called with frames right before they are written, in their order on the stream. */
  onWrite?: (taken: readonly Waiting[]) => void;
}

/** See the module. */
export class FrameSender {
  /** Frames written. */
  frames = 0;
  /** Bytes written. */
  bytes = 0;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #options: FrameSenderOptions;
  readonly #queue: SendQueue;
  #queuedBytes = 0;
  #records: CanRecord[] = [];
  /** What is under way: frames written up to and with it, and when, oldest first. */
  #underWay: { end: number; at: number }[] = [];
  #reported = 0;
  #shortestMs: number | undefined;
  #writing = false;
  #blocked = false;
  #failed = false;
  #drained: PromiseWithResolvers<void> | undefined;

  /** Takes a stream's sending half over. */
  constructor(stream: SendStream, options: FrameSenderOptions) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
    this.#options = options;
    this.#queue = new SendQueue({
      ...options,
      onDrop: (waiting, cause) => {
        this.#queuedBytes -= options.frameBytes(waiting.frame);
        options.onDrop(waiting, cause);
      },
    });
  }

  /** Frames waiting. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Sends frames as they are, born now or at `born`. */
  push(frames: readonly CanFrame[], born: number = nowMicros()): void {
    if (this.#failed) return;
    for (let i = 0; i < frames.length; i++) this.#add({ frame: frames[i]!, born });
    this.#pump();
  }

  /** Sends frames that their owner must know again. */
  pushAll(waiting: readonly Waiting[]): void {
    if (this.#failed) {
      for (let i = 0; i < waiting.length; i++) this.#options.onDrop(waiting[i]!, "down");
      return;
    }
    for (let i = 0; i < waiting.length; i++) this.#add(waiting[i]!);
    this.#pump();
  }

  /** Sends a record ahead of the frames that wait. */
  record(record: CanRecord): void {
    if (this.#failed) return;
    if (this.#records.length >= MAX_RECORDS) this.#records.shift();
    this.#records.push(record);
    this.#pump();
  }

  /** The peer says how many frames have arrived in all, modulo 2^32. Nonsense is ignored. */
  acknowledge(reported: number): void {
    const news = (reported - this.#reported) >>> 0;
    if (this.#reported + news > this.frames) return;
    this.#reported += news;
    const now = performance.now();
    let through = 0;
    while (through < this.#underWay.length && this.#underWay[through]!.end <= this.#reported) {
      through++;
    }
    if (through > 0) {
      const ms = now - this.#underWay[through - 1]!.at;
      this.#shortestMs = Math.min((this.#shortestMs ?? ms) + FADE_MS, ms);
      this.#underWay.splice(0, through);
    }
    if (this.#blocked) this.#pump();
  }

  /** Resolves when nothing waits; at once after a failure. */
  async drained(): Promise<void> {
    if (this.#failed || (!this.#writing && !this.#blocked && this.#queue.size === 0)) return;
    this.#drained ??= Promise.withResolvers();
    await this.#drained.promise;
  }

  /** Ends the stream after what is being written and a last word; what still waits is dropped. */
  async close(last?: CanRecord): Promise<void> {
    this.#queue.clear("replaced");
    const told = this.#failed || last === undefined
      ? undefined
      : this.#writer.write(encodeCanRecords([last]));
    this.#fail();
    await told?.catch(() => {});
    await this.#writer.close().catch(() => {});
  }

  /** Resets the stream. */
  abort(reason: unknown): void {
    this.#queue.clear("replaced");
    this.#fail();
    this.#writer.abort(reason).catch(() => {});
  }

  #add(waiting: Waiting): void {
    this.#queuedBytes += this.#options.frameBytes(waiting.frame);
    this.#queue.push(waiting);
  }

  #pump(): void {
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      for (let chunk = this.#next(); chunk !== undefined; chunk = this.#next()) {
        this.bytes += chunk.length;
        await this.#writer.write(chunk);
      }
    } catch {
      // The stream's end is seen, and told, where it is read.
      this.#queue.clear("replaced");
      this.#fail();
    } finally {
      this.#writing = false;
      if (!this.#blocked) this.#settle();
    }
  }

  /** What to write now; `undefined` where there is nothing, or the network is behind. */
  #next(): Uint8Array | undefined {
    if (this.#failed) return undefined;
    if (this.#records.length > 0) {
      const records = this.#records;
      this.#records = [];
      return encodeCanRecords(records);
    }
    if (this.#queue.size === 0) return undefined;
    const late = this.#blocked && this.#isLate();
    this.#blocked = this.#isBehind();
    if (this.#blocked) return undefined;
    const { frameBytes, onWrite, encode } = this.#options;
    let room = late ? MAX_LATE_WRITE_BYTES : MAX_WRITE_BYTES;
    if (this.#queuedBytes > room) this.#queue.prioritize();
    const taken = this.#queue.take(nowMicros(), (frame) => {
      room -= frameBytes(frame);
      return room >= 0;
    });
    for (const { frame } of taken) this.#queuedBytes -= frameBytes(frame);
    if (taken.length === 0) return this.#queue.size === 0 ? undefined : this.#next();
    this.frames += taken.length;
    // Without reports this stops growing: nobody looks at it then.
    if (this.#shortestMs !== undefined || this.#underWay.length < MAX_UNREPORTED_WRITES) {
      this.#underWay.push({ end: this.frames, at: performance.now() });
    }
    onWrite?.(taken);
    return encode(taken.map(({ frame }) => frame));
  }

  #isBehind(): boolean {
    const oldest = this.#underWay[0];
    if (oldest === undefined || this.#shortestMs === undefined) return false;
    return performance.now() - oldest.at > this.#shortestMs * 1.5 + MAX_LAG_MS;
  }

  /** Frames have waited so long that the next write is kept small, for others to overtake. */
  #isLate(): boolean {
    const { oldest } = this.#queue;
    if (oldest === undefined) return true;
    const { staleMicros } = this.#options;
    const patience = staleMicros === undefined ? LATE_MICROS : staleMicros / 2;
    return nowMicros() - oldest.born > patience;
  }

  #settle(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #fail(): void {
    this.#failed = true;
    this.#blocked = false;
    this.#settle();
  }
}

/** How long a report may wait for more to arrive, in milliseconds. */
const REPORT_AFTER_MS = 5;
/** Frames after which it does not wait. */
const REPORT_AFTER_FRAMES = 128;

/** Counts the frames that arrive on a pipe and reports them to the peer. */
export class ArrivalReporter implements Disposable {
  /** Frames arrived. */
  frames = 0;
  readonly #sender: Pick<FrameSender, "record">;
  #reported = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Reports by this sender. */
  constructor(sender: Pick<FrameSender, "record">) {
    this.#sender = sender;
  }

  /** Frames have arrived. */
  count(frames: number): void {
    this.frames += frames;
    if (this.frames - this.#reported >= REPORT_AFTER_FRAMES) this.#report();
    else this.#timer ??= setTimeout(() => this.#report(), REPORT_AFTER_MS);
  }

  /** Stops. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #report(): void {
    this[Symbol.dispose]();
    this.#reported = this.frames;
    this.#sender.record({ type: "received", frames: this.frames });
  }
}
