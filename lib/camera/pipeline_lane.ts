/**
 * The encoder's side of the pipeline: one picture in the encoder, at most one waiting for it.
 *
 * @module
 */
import type { EncodedFrame } from "../media/frame.ts";
import type { Picture } from "./camera.ts";
import type { PipelineCounters } from "./pipeline_counters.ts";
import type { Transcoder } from "./pipeline_transcoder.ts";

/** The encoder's side: one picture in it, one waiting, the latest. */
export class Lane {
  /** Rejects when a picture could not be encoded and nothing can stand in. */
  readonly failed: Promise<never>;
  /** Resolves when no picture is in the encoder. */
  idle: Promise<void> = Promise.resolve();
  readonly #transcoder: Transcoder;
  readonly #counters: PipelineCounters;
  readonly #emit: (frame: EncodedFrame) => void;
  readonly #fail: (error: unknown) => void;
  #busy = false;
  #closed = false;
  #waiting: Picture | undefined;

  /** Pictures go through `transcoder` to `emit`; what is displaced is counted. */
  constructor(
    transcoder: Transcoder,
    counters: PipelineCounters,
    emit: (frame: EncodedFrame) => void,
  ) {
    this.#transcoder = transcoder;
    this.#counters = counters;
    this.#emit = emit;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.failed = promise;
    this.#fail = reject;
  }

  /** Encodes it now, or when the picture before it is done, unless a later one comes first. */
  offer(picture: Picture): void {
    if (!this.#busy) {
      this.#busy = true;
      this.idle = this.#encode(picture);
      return;
    }
    if (this.#waiting !== undefined) {
      this.#waiting.release();
      this.#counters.add("encoderDropped");
    }
    this.#waiting = picture;
  }

  /** Lets go of the waiting picture and waits for the one in the encoder. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting?.release();
    this.#waiting = undefined;
    await this.idle;
  }

  async #encode(first: Picture): Promise<void> {
    let picture: Picture | undefined = first;
    while (picture !== undefined) {
      try {
        const frame = await this.#transcoder.process(picture);
        if (frame !== undefined && !this.#closed) this.#emit(frame);
      } catch (error) {
        this.#fail(error);
        this.#closed = true;
      } finally {
        picture.release();
      }
      picture = this.#waiting;
      this.#waiting = undefined;
      if (this.#closed) {
        picture?.release();
        picture = undefined;
      }
    }
    this.#busy = false;
  }
}
