/**
 * Groups that are passed on as they are: of their frames no more is read than where they begin.
 *
 * @module
 */
import type { ForwardStream } from "../receive/forward.ts";
import { MoqtViolation } from "../errors.ts";
import { LiteStreamError } from "./errors.ts";
import { GroupScanner } from "./scan.ts";
import type { StreamInput } from "./stream_input.ts";
import type { LiteResetName } from "./versions.ts";

/** Takes a track's groups without taking them apart. */
export interface LiteForwardSink {
  /** Groups are given once this has resolved, and none where it rejects. */
  readonly ready: Promise<unknown>;
  /** A group's stream began; undefined: it is not wanted. `stop` ends it from this side. */
  opened(sequence: number, stop: () => void): ForwardStream | undefined;
}

/** One group's stream on its way to its taker. */
export class LiteForwardReceiver {
  readonly #input: StreamInput;
  readonly #scanner: GroupScanner;
  readonly #stream: ForwardStream | undefined;
  #stopped = false;

  /** Passes a group on, whose header was read. Frames of more than `maxFrameBytes` are refused. */
  constructor(
    sequence: number,
    sink: LiteForwardSink,
    options: { input: StreamInput; maxFrameBytes: number | undefined },
  ) {
    this.#input = options.input;
    this.#scanner = new GroupScanner(options.maxFrameBytes);
    this.#stream = sink.opened(sequence, () => this.stop());
    if (this.#stream === undefined) this.stop();
  }

  /** Wants no more of it. Idempotent. */
  stop(name: LiteResetName = "cancelled"): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#input.stop(name);
  }

  /** Reads the stream to its end. What goes wrong concerns this group only. Throws a violation. */
  async run(): Promise<void> {
    let whole = false;
    try {
      whole = await this.#pump();
    } catch (error) {
      if (error instanceof LiteStreamError) this.stop(error.reset ?? "internal-error");
      else if (error instanceof MoqtViolation) throw error;
    } finally {
      this.#stream?.ended(whole);
    }
  }

  async #pump(): Promise<boolean> {
    let chunk: Uint8Array | undefined = this.#input.buffer.rest();
    while (chunk !== undefined && !this.#stopped) {
      const piece = chunk.length === 0 ? undefined : this.#scanner.push(chunk);
      const wait = piece === undefined ? undefined : this.#stream?.piece(piece);
      if (wait !== undefined) await wait;
      chunk = this.#stopped ? undefined : await this.#input.chunk();
    }
    if (this.#stopped) return false;
    if (!this.#scanner.between) {
      throw new LiteStreamError("wrong-size", "a group's stream ends inside a frame");
    }
    return true;
  }
}
