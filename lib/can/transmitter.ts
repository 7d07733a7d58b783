/**
 * The way from commands to a bus: in order while the bus takes them, the lowest identifiers first
 * when it does not, nothing late, the gaps kept and the load capped where that is asked for.
 *
 * @module
 */
import { nowMicros } from "../media/clock.ts";
import { isUsable, type OpenCanBus } from "./bus.ts";
import type { CanFrame } from "./frame.ts";
import type { LoadLimiter } from "./load_limiter.ts";
import { SendQueue, type Waiting } from "./send_queue.ts";
import type { DropCause } from "./wire.ts";

/** Most frames given to a bus at once: what it has can't be overtaken. */
const BATCH = 64;
/** A frame that has waited this long means that the bus is behind, in µs. */
const BEHIND_MICROS = 10_000;
/** How often a bus that is full is asked again even without a word from it, in milliseconds. */
const ASK_AGAIN_MS = 20;

/** Where a command comes from. */
export interface CommandSource {
  /** The frame was on the bus. */
  sent(tag: unknown, frame: CanFrame, time: number): void;
  /** It was not, and will not be. */
  dropped(tag: unknown, frame: CanFrame, cause: DropCause): void;
}

/** A command's tag inside the queue. */
interface Origin {
  source: CommandSource;
  tag: unknown;
}

/** How commands are let through. */
export interface TransmitterOptions {
  /** Most commands waiting. */
  capacity: number;
  /** Age in µs beyond which a command is dropped; absent: never. */
  staleMicros?: number | undefined;
  /** Delay in µs behind the command's own time, so that the gaps between frames are kept; 0: none. */
  paceMicros: number;
  /** Whether lower identifiers go first when the bus is behind. Default true. */
  prioritize?: boolean;
  /** Caps the bus's load. */
  limiter?: LoadLimiter | undefined;
  /** A frame of ours was on the bus, whoever sent it. */
  onBus?: (frame: CanFrame, time: number, source: CommandSource | undefined) => void;
}

/** Counters of a transmitter. */
export interface TransmitterStats {
  /** Commands that were on the bus. */
  sent: number;
  /** Commands dropped, by cause. */
  dropped: Record<DropCause, number>;
  /** Commands waiting. */
  waiting: number;
}

/** See the module. */
export class Transmitter {
  readonly #options: TransmitterOptions;
  readonly #queue: SendQueue;
  readonly #dropped: Record<DropCause, number> = {
    stale: 0,
    overflow: 0,
    down: 0,
    refused: 0,
    replaced: 0,
  };
  /** What the bus has taken and not yet confirmed, in order. */
  #underWay: Waiting[] = [];
  #bus: OpenCanBus | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The bus had no room for all that it was offered last. */
  #full = false;
  #sent = 0;

  /** Makes one without a bus: commands are dropped as `"down"`. */
  constructor(options: TransmitterOptions) {
    this.#options = options;
    this.#queue = new SendQueue({
      capacity: options.capacity,
      staleMicros: options.staleMicros,
      onDrop: (waiting, cause) => this.#drop(waiting, cause),
    });
  }

  /** Takes a bus's sending side; its former one is given up. */
  attach(bus: OpenCanBus): void {
    this.detach();
    this.#bus = bus;
    bus.onSent = (frame, time) => this.#confirm(frame, time);
    bus.onUnsent = (frame) => this.#unsent(frame);
    bus.onRoom = () => this.#pump();
  }

  /** The bus is gone: what it had and what waits is dropped. */
  detach(): void {
    this.#bus = undefined;
    for (const waiting of this.#underWay.splice(0)) this.#drop(waiting, "down");
    this.#queue.clear("down");
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The bus's state changed: on a dead one nothing waits. */
  stateChanged(): void {
    if (this.#bus !== undefined && isUsable(this.#bus.state)) this.#pump();
    else this.#queue.clear("down");
  }

  /**
   * Commands to send. `born` is when each was meant to be sent, µs since the epoch by our clock.
   * Frames the bus can't carry are dropped as `"refused"`.
   */
  submit(source: CommandSource, commands: readonly Waiting[]): void {
    const bus = this.#bus;
    const usable = bus !== undefined && isUsable(bus.state);
    const since = nowMicros();
    for (const { frame, born, tag } of commands) {
      const waiting = { frame, born, since, tag: { source, tag } satisfies Origin };
      if (!usable) this.#drop(waiting, "down");
      else if (frame.kind === "error" || (frame.fd && !bus.fd)) this.#drop(waiting, "refused");
      else this.#queue.push(waiting);
    }
    this.#pump();
  }

  /** Drops what still waits of a source that lost control. */
  withdraw(source: CommandSource): void {
    this.#queue.clear("replaced", ({ tag }) => (tag as Origin).source === source);
  }

  /** Counters now. */
  stats(): TransmitterStats {
    return { sent: this.#sent, dropped: { ...this.#dropped }, waiting: this.#queue.size };
  }

  #pump(): void {
    const bus = this.#bus;
    if (bus === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { paceMicros, limiter, prioritize = true } = this.#options;
    while (this.#queue.size > 0) {
      const now = nowMicros();
      const { oldest } = this.#queue;
      if (oldest !== undefined) {
        const due = paceMicros === 0 ? 0 : oldest.born + paceMicros;
        if (due > now) {
          this.#wakeIn((due - now) / 1000);
          return;
        }
        const waited = now - Math.max(due, oldest.since ?? 0);
        if (prioritize && this.#full && waited > BEHIND_MICROS) this.#queue.prioritize();
      }
      let room = BATCH;
      let limited = false;
      const batch = this.#queue.take(now, (frame) => {
        // A paced queue gives one frame at a time: the next has its own time.
        if (room === 0 || (paceMicros > 0 && room < BATCH)) return false;
        if (limiter !== undefined && !limiter.admit(frame, now)) {
          limited = true;
          return false;
        }
        room--;
        return true;
      });
      const taken = batch.length === 0 ? 0 : bus.send(batch.map(({ frame }) => frame));
      for (let i = 0; i < taken; i++) this.#underWay.push(batch[i]!);
      this.#full = limited || taken < batch.length;
      if (taken < batch.length) {
        const rest = batch.slice(taken);
        for (const { frame } of rest) limiter?.giveBack(frame);
        this.#queue.putBack(rest);
        this.#wakeIn(ASK_AGAIN_MS);
        return;
      }
      if (limited && limiter !== undefined) {
        limiter.delayed++;
        this.#wakeIn(limiter.waitMs(now));
        return;
      }
    }
  }

  #wakeIn(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#pump(), Math.ceil(milliseconds));
  }

  #confirm(frame: CanFrame, time: number): void {
    const waiting = this.#settle(frame);
    this.#sent++;
    const origin = waiting?.tag as Origin | undefined;
    origin?.source.sent(origin.tag, frame, time);
    this.#options.onBus?.(frame, time, origin?.source);
  }

  #unsent(frame: CanFrame): void {
    const waiting = this.#settle(frame);
    if (waiting !== undefined) this.#drop(waiting, "down");
  }

  #settle(frame: CanFrame): Waiting | undefined {
    // Buses confirm in order, so it is nearly always the first.
    const at = this.#underWay.findIndex((waiting) => waiting.frame === frame);
    return at < 0 ? undefined : this.#underWay.splice(at, 1)[0];
  }

  #drop(waiting: Waiting, cause: DropCause): void {
    this.#dropped[cause]++;
    const { source, tag } = waiting.tag as Origin;
    source.dropped(tag, waiting.frame, cause);
  }
}
