/**
 * One client of a served bus: its commands in, the bus's frames out, on a byte pipe of `xoq/1` or in
 * XoQ's records.
 *
 * @module
 */
import { nowMicros } from "../media/clock.ts";
import type { BidirectionalStream } from "../transport/connection.ts";
import type { BusState } from "./bus.ts";
import { type CanFilter, passes } from "./filter.ts";
import type { CanFrame } from "./frame.ts";
import { ArrivalReporter, FrameSender } from "./frame_sender.ts";
import { encodeRecords, RECORD_BYTES, RecordParser } from "./record.ts";
import type { Waiting } from "./send_queue.ts";
import type { CommandSource } from "./transmitter.ts";
import {
  CanRecordParser,
  type DropCause,
  encodeFrames,
  type EndReason,
  HEADER_BYTES,
} from "./wire.ts";

/** Most frames waiting for one client: two seconds of a full 1 Mbit/s bus. */
export const CLIENT_QUEUE = 16_384;

/** What a client is. */
export interface CanSessionOptions {
  /** Its endpoint id. */
  peerId: string;
  /** How it speaks. */
  dialect: "xoq/1" | "records";
  /** Its commands count. */
  controls: boolean;
  /** Frames it wants. */
  filters: readonly CanFilter[];
  /** It wants to know of each command that was on the bus. */
  confirm: boolean;
  /** Puts commands on their way. */
  submit: (source: CommandSource, commands: readonly Waiting[]) => void;
  /** Something was heard of it. */
  heard: () => void;
}

/** Counters of a client. */
export interface CanSessionStats {
  /** Frames of the bus sent to it. */
  frames: number;
  /** Frames not sent to it, by cause. */
  dropped: Partial<Record<DropCause, number>>;
  /** Commands received from it. */
  commands: number;
}

/** See the module. */
export class CanSession implements CommandSource {
  /** Its endpoint id. */
  readonly peerId: string;
  /** Frames it wants. */
  filters: readonly CanFilter[];
  readonly #options: CanSessionOptions;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #sender: FrameSender;
  readonly #reporter: ArrivalReporter;
  readonly #dropped: Partial<Record<DropCause, number>> = {};
  readonly #parse: (chunk: Uint8Array) => CanFrame[];
  #commands = 0;
  #missing: { count: number; cause: DropCause } | undefined;
  #ended = false;

  /** Takes a stream over. */
  constructor(stream: BidirectionalStream, options: CanSessionOptions) {
    this.#options = options;
    this.peerId = options.peerId;
    this.filters = options.filters;
    this.#reader = stream.readable.getReader();
    const records = options.dialect === "records";
    this.#sender = new FrameSender(stream.writable, {
      encode: records ? encodeRecords : encodeFrames,
      frameBytes: records ? () => RECORD_BYTES : ({ data }) => HEADER_BYTES + data.length,
      capacity: CLIENT_QUEUE,
      onDrop: (_waiting, cause) => this.#miss(cause),
    });
    this.#reporter = new ArrivalReporter(this.#sender);
    this.#parse = records ? this.#recordReader() : this.#pipeReader();
  }

  /** Takes commands until the stream ends. Never throws but `ProtocolError`. */
  async run(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read().catch(ENDED);
        if (done || this.#ended) return;
        this.#take(this.#parse(value));
      }
    } finally {
      this.#ended = true;
      this.#reporter[Symbol.dispose]();
    }
  }

  /** Frames that were on the bus. */
  deliver(frames: readonly CanFrame[]): void {
    if (this.#ended) return;
    const { filters } = this;
    const wanted = filters.length === 0 ? frames : frames.filter((each) => passes(each, filters));
    if (wanted.length > 0) this.#sender.push(wanted);
  }

  /** The bus's state now. */
  tellState(state: BusState): void {
    if (this.#options.dialect === "records" || this.#ended) return;
    this.#sender.record({ type: "state", state, time: nowMicros() });
  }

  /** See {@link CommandSource}. */
  sent(tag: unknown, _frame: CanFrame, time: number): void {
    if (!this.#options.confirm || this.#ended) return;
    this.#sender.record({ type: "outcome", index: tag as number, dropped: undefined, time });
  }

  /** See {@link CommandSource}. */
  dropped(tag: unknown, _frame: CanFrame, cause: DropCause): void {
    if (this.#options.dialect === "records" || this.#ended) return;
    this.#sender.record({
      type: "outcome",
      index: tag as number,
      dropped: cause,
      time: nowMicros(),
    });
  }

  /** Ends it, and says why. Idempotent. */
  async close(reason?: EndReason): Promise<void> {
    this.#ended = true;
    this.#reporter[Symbol.dispose]();
    const tell = reason !== undefined && this.#options.dialect === "xoq/1";
    await this.#sender.close(tell ? { type: "end", reason } : undefined);
    await this.#reader.cancel().catch(() => {});
  }

  /** Counters now. */
  stats(): CanSessionStats {
    return {
      frames: this.#sender.frames,
      dropped: { ...this.#dropped },
      commands: this.#commands,
    };
  }

  #take(frames: readonly CanFrame[]): void {
    this.#options.heard();
    if (frames.length === 0) return;
    const now = nowMicros();
    const commands = frames.map((frame): Waiting => ({
      frame,
      // A clock that is ahead must not make a command fresher than fresh.
      born: frame.time === 0 ? now : Math.min(frame.time, now),
      tag: this.#commands++,
    }));
    if (this.#options.controls) this.#options.submit(this, commands);
    else for (const { tag, frame } of commands) this.dropped(tag, frame, "refused");
  }

  #recordReader(): (chunk: Uint8Array) => CanFrame[] {
    const parser = new RecordParser();
    return (chunk) => parser.push(chunk);
  }

  #pipeReader(): (chunk: Uint8Array) => CanFrame[] {
    const parser = new CanRecordParser();
    return (chunk) => {
      const frames: CanFrame[] = [];
      for (const record of parser.push(chunk)) {
        if (record.type === "frame") frames.push(record.frame);
        else if (record.type === "received") this.#sender.acknowledge(record.frames);
      }
      if (frames.length > 0) this.#reporter.count(frames.length);
      return frames;
    };
  }

  #miss(cause: DropCause): void {
    this.#dropped[cause] = (this.#dropped[cause] ?? 0) + 1;
    if (this.#ended || this.#options.dialect === "records") return;
    if (this.#missing?.cause === cause) {
      this.#missing.count++;
      return;
    }
    const missing = { count: 1, cause };
    this.#missing = missing;
    // Told once for all that are dropped together.
    queueMicrotask(() => {
      if (this.#missing === missing) this.#missing = undefined;
      this.#sender.record({ type: "missing", ...missing, time: nowMicros() });
    });
  }
}

const ENDED = (): { done: true; value: undefined } => ({ done: true, value: undefined });
