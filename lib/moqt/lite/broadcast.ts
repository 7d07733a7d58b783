/**
 * A broadcast: tracks under one path.
 *
 * @module
 */
import { MAX_TRACK_NAME_BYTES } from "./messages/wire.ts";
import { type LiteTrackOptions, LiteTrackSource } from "./track_source.ts";

/** How a broadcast finds its tracks. */
export interface LiteBroadcastOptions {
  /** Makes a track that somebody wants and that is not there; undefined: there is none. */
  onTrack?: (name: string) => LiteTrackSource | undefined | Promise<LiteTrackSource | undefined>;
}

/** Tracks that are published together. It may be published in any number of sessions. */
export class LiteBroadcast {
  readonly #tracks = new Map<string, LiteTrackSource>();
  readonly #options: LiteBroadcastOptions;
  readonly #making = new Map<string, Promise<LiteTrackSource | undefined>>();

  /** Makes a broadcast without tracks. */
  constructor(options: LiteBroadcastOptions = {}) {
    this.#options = options;
  }

  /** Adds a track. A `TypeError` where there is one of that name that has not ended. */
  track(name: string, options: LiteTrackOptions = {}): LiteTrackSource {
    if (new TextEncoder().encode(name).length > MAX_TRACK_NAME_BYTES) {
      throw new RangeError(`a track's name has at most ${MAX_TRACK_NAME_BYTES} bytes`);
    }
    if (this.#tracks.get(name)?.ended === false) throw new TypeError(`there is a track ${name}`);
    const track = new LiteTrackSource(options);
    this.#tracks.set(name, track);
    return track;
  }

  /**
   * The track of a name; undefined: there is none. One that has ended is made again, where tracks are
   * made. For sessions.
   */
  async find(name: string): Promise<LiteTrackSource | undefined> {
    const track = this.#tracks.get(name);
    const { onTrack } = this.#options;
    if (onTrack === undefined || track?.ended === false) return track;
    let making = this.#making.get(name);
    if (making === undefined) {
      // Once, however many want it meanwhile.
      making = (async () => await onTrack(name))().finally(() => this.#making.delete(name));
      this.#making.set(name, making);
    }
    return await making ?? track;
  }

  /** Ends all tracks: subscribers get what waits for them, then the end. */
  async end(): Promise<void> {
    await Promise.all([...this.#tracks.values()].map((track) => track.end()));
  }
}
