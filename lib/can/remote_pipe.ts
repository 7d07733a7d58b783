/**
 * One stream to a remote CAN bus, on `xoq/1` or on XoQ's own protocol.
 *
 * @module
 */
import { LostError } from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import type { Attachment, RemoteControl } from "../remote.ts";
import { beatInterval } from "../safe_state.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { BidirectionalStream } from "../transport/connection.ts";
import type { BusState } from "./bus.ts";
import type { CanFilter } from "./filter.ts";
import { type CanFrame, withTime } from "./frame.ts";
import { ArrivalReporter, FrameSender } from "./frame_sender.ts";
import { DEFAULT_STALE_MS } from "./protocol.ts";
import { encodeRecords, RECORD_BYTES, RecordParser } from "./record.ts";
import type { Waiting } from "./send_queue.ts";
import {
  CanRecordParser,
  type DropCause,
  encodeFrames,
  type EndReason,
  HEADER_BYTES,
} from "./wire.ts";

/** Most frames waiting for the network. */
const QUEUE = 16_384;
/** Most frames whose outcome is awaited. */
const MAX_AWAITED = 65_536;

/** What goes through a pipe and what comes out. */
export interface RemotePipeOptions {
  /** To send too, or only to watch. */
  role: "controller" | "viewer";
  /** Take the bus over. */
  take: boolean;
  /** Frames wanted. */
  filters: readonly CanFilter[];
  /** Be told of every outcome. */
  confirm: boolean;
  /** Frames of the bus. */
  onFrames: (frames: CanFrame[]) => void;
  /** What became of a frame of ours. */
  onOutcome: (tag: unknown, dropped: DropCause | undefined, time: number) => void;
  /** Frames of the bus that were left out. */
  onMissing: (count: number) => void;
  /** State of the bus. */
  onState: (state: BusState) => void;
  /** Frames of ours were given to the network. */
  onWritten: (count: number) => void;
}

/** See the module. */
export class RemotePipe {
  /** What the server said of the pipe; empty on XoQ's protocol. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Why the server ended it, where it said so. */
  ended: EndReason | undefined;
  readonly #options: RemotePipeOptions;
  readonly #control: RemoteControl | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #sender: FrameSender;
  readonly #reporter: ArrivalReporter;
  readonly #end: () => void;
  readonly #beats: ReturnType<typeof setInterval> | undefined;
  /** Tags of frames on the wire by their number, where outcomes are awaited. */
  readonly #awaited = new Map<number, unknown>();
  #written = 0;
  #closed = false;

  private constructor(
    stream: BidirectionalStream,
    options: RemotePipeOptions,
    side: {
      control: RemoteControl | undefined;
      answer: Readonly<Record<string, unknown>>;
      end: () => void;
    },
  ) {
    const { control, answer } = side;
    this.#options = options;
    this.#control = control;
    this.answer = answer;
    this.#end = side.end;
    this.#reader = stream.readable.getReader();
    const records = control === undefined;
    const staleMs = numberOf(answer["staleMs"]) ?? DEFAULT_STALE_MS;
    this.#sender = new FrameSender(stream.writable, {
      encode: records ? encodeRecords : encodeFrames,
      frameBytes: records ? () => RECORD_BYTES : ({ data }) => HEADER_BYTES + data.length,
      capacity: QUEUE,
      staleMicros: staleMs * 1000,
      onDrop: ({ tag }, cause) => options.onOutcome(tag, cause, nowMicros()),
      onWrite: (taken) => this.#wrote(taken),
    });
    this.#reporter = new ArrivalReporter(this.#sender);
    const deadlineMs = numberOf(answer["deadlineMs"]);
    if (control !== undefined && deadlineMs !== undefined && options.role === "controller") {
      this.#beats = setInterval(() => control.beat(), beatInterval(deadlineMs));
    }
  }

  /** Opens a pipe of `xoq/1`. Throws what the server refused with. */
  static async open(
    control: RemoteControl,
    options: RemotePipeOptions,
    signal: AbortSignal,
  ): Promise<RemotePipe> {
    const { role, take, filters, confirm } = options;
    const { stream, answer } = await control.openPipe({
      role,
      take,
      params: { confirm, ...(filters.length === 0 ? {} : { filters }) },
    }, signal);
    return new RemotePipe(stream, options, { control, answer, end: () => {} });
  }

  /**
   * Dials XoQ's own protocol. Its servers learn of the stream with our first frame, and send
   * nothing before it.
   */
  static async direct(
    attachment: Attachment,
    protocol: string,
    options: RemotePipeOptions,
    signal: AbortSignal,
  ): Promise<RemotePipe> {
    const connection = await attachment.connect(protocol, signal);
    const end = () => connection.close({ closeCode: CLOSE.done });
    try {
      const stream = await connection.createBidirectionalStream({ signal });
      return new RemotePipe(stream, options, { control: undefined, answer: {}, end });
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Frames waiting. */
  get waiting(): number {
    return this.#sender.waiting;
  }

  /** Sends frames. */
  send(frames: readonly CanFrame[], tag: unknown): void {
    const born = nowMicros();
    const time = this.#serverTime(born);
    const waiting = frames.map((frame): Waiting => ({ frame: withTime(frame, time), born, tag }));
    this.#sender.pushAll(waiting);
  }

  /** Resolves when nothing waits. */
  drained(): Promise<void> {
    return this.#sender.drained();
  }

  /** Reads until the stream ends. Throws `LostError`, `ProtocolError`. */
  async run(): Promise<void> {
    const take = this.#control === undefined ? this.#recordReader() : this.#pipeReader();
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return;
        take(value);
      }
    } catch (error) {
      if (this.#closed) return;
      if (error instanceof Error && error.name === "ProtocolError") throw error;
      throw new LostError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** Ends it. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#beats);
    this.#reporter[Symbol.dispose]();
    for (const tag of this.#awaited.values()) this.#options.onOutcome(tag, "down", nowMicros());
    this.#awaited.clear();
    await this.#sender.close();
    await this.#reader.cancel().catch(() => {});
    this.#end();
  }

  /**
   * When a command was born by the server's clock, which judges its age; 0 (judge by its arrival)
   * while the clocks are not compared. The comparison may be wrong by half a round trip: never to
   * the command's disadvantage.
   */
  #serverTime(born: number): number {
    const { clockOffset, roundTripMs } = this.#control ?? {};
    if (clockOffset === undefined) return 0;
    return Math.max(0, Math.round(born - clockOffset + (roundTripMs ?? 0) * 500));
  }

  #wrote(taken: readonly Waiting[]): void {
    this.#options.onWritten(taken.length);
    for (const { tag } of taken) {
      // A refusal comes back with its number too, but nobody but its owner cares which it was.
      if (this.#options.confirm && this.#awaited.size < MAX_AWAITED) {
        this.#awaited.set(this.#written >>> 0, tag);
      }
      this.#written++;
    }
  }

  #recordReader(): (chunk: Uint8Array) => void {
    const parser = new RecordParser();
    return (chunk) => {
      const frames = parser.push(chunk, nowMicros());
      if (frames.length > 0) this.#options.onFrames(frames);
    };
  }

  #pipeReader(): (chunk: Uint8Array) => void {
    const parser = new CanRecordParser();
    return (chunk) => {
      const offset = Math.round(this.#control?.clockOffset ?? 0);
      const frames: CanFrame[] = [];
      for (const record of parser.push(chunk)) {
        switch (record.type) {
          case "frame": {
            const { frame } = record;
            frames.push(frame.time === 0 ? frame : withTime(frame, frame.time + offset));
            break;
          }
          case "received":
            this.#sender.acknowledge(record.frames);
            break;
          case "outcome": {
            const tag = this.#awaited.get(record.index);
            this.#awaited.delete(record.index);
            this.#options.onOutcome(tag, record.dropped, record.time + offset);
            break;
          }
          case "missing":
            this.#options.onMissing(record.count);
            break;
          case "state":
            this.#options.onState(record.state);
            break;
          case "end":
            this.ended = record.reason;
        }
      }
      if (frames.length === 0) return;
      this.#reporter.count(frames.length);
      this.#options.onFrames(frames);
    };
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
}
