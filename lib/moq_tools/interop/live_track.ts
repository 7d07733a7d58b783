/**
 * A track that is published at a steady pace while a case needs it.
 *
 * @module
 */
import { TrackSource } from "../../moqt/publish/track_source.ts";

/** Milliseconds between objects. */
const INTERVAL_MS = 20;
/** Bytes of an object. */
const OBJECT_BYTES = 64;

/** See the module; runs until disposed. */
export class LiveTrack implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #group = -1;
  /** What is published; attach subscribers to it. */
  readonly source: TrackSource = new TrackSource({ lateGroups: 8 });
  /** Objects of a group. */
  readonly groupSize: number;

  /** Begins to publish. */
  constructor(groupSize: number) {
    this.groupSize = groupSize;
    let left = 0;
    this.#timer = setInterval(() => {
      if (left === 0) {
        this.#group = this.source.startGroup();
        left = groupSize;
      }
      left--;
      this.source.write({ payload: liveObject(this.#group, groupSize - 1 - left) });
      if (left === 0) this.source.endGroup();
    }, INTERVAL_MS);
  }

  /** Ends. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The bytes of an object, which tell its place. */
export function liveObject(group: number, id: number): Uint8Array {
  return new TextEncoder().encode(`${group}.${id}`.padEnd(OBJECT_BYTES, "."));
}
