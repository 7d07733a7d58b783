/**
 * A benchmark's track, offered and sent to whoever asks for it.
 *
 * @module
 */
import { RequestError } from "../../moqt/errors.ts";
import type { RequestHandlers } from "../../moqt/respond/incoming.ts";
import type { Publication } from "../../moqt/publish/publication.ts";
import type { MoqtSession } from "../../moqt/session/session.ts";
import { formatTrackName, type TrackName } from "../../moqt/wire/track_name.ts";
import type { Load } from "./load.ts";
import { LoadSender, type SendTally } from "./send.ts";

/** How a relay learns of the track. */
export type OfferBy = "publish" | "namespace" | "both";

/** Publishes a load, to each subscriber by itself. */
export class LoadPublisher implements AsyncDisposable {
  readonly #load: Load;
  readonly #stop = new AbortController();
  readonly #senders = new Set<LoadSender>();
  readonly #running = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;
  readonly #past: SendTally = { objects: 0, bytes: 0, groups: 0 };
  /** Above all groups that were begun, so that no place is published twice. */
  #nextGroup = 0;
  #served = 0;
  /** When somebody came while nobody was there, and the time that was so before. */
  #since = 0;
  #busyMs = 0;
  /** Which track. */
  readonly track: TrackName;

  /** Sends until it is closed; what goes wrong with one subscriber is told. */
  constructor(track: TrackName, load: Load, onError: (error: unknown) => void = () => {}) {
    this.track = track;
    this.#load = load;
    this.#onError = onError;
  }

  /** What a session does about requests. */
  get handlers(): RequestHandlers {
    return {
      subscribe: (request) => {
        if (formatTrackName(request.track) !== formatTrackName(this.track)) {
          throw new RequestError("does-not-exist", "the benchmark's track has another name");
        }
        const last = this.#nextGroup - 1;
        this.#send(request.accept(last < 0 ? {} : { largest: this.#largest(last) }));
      },
    };
  }

  #largest(group: number) {
    return { group, object: this.#load.groupObjects - 1 };
  }

  /** Offers the track to a relay; resolves when it agreed. Rejects with its `RequestError`. */
  async offer(session: MoqtSession, by: OfferBy, signal: AbortSignal): Promise<void> {
    if (by !== "publish") {
      await session.publishNamespace(this.track.namespace, { signal }).ready;
    }
    if (by === "namespace") return;
    const publication = session.publish(this.track, { signal });
    await publication.ready;
    this.#send(publication);
  }

  #send(publication: Publication): void {
    const sender = new LoadSender(publication, this.#load, this.#stop.signal);
    if (this.#senders.size === 0) this.#since = performance.now();
    this.#senders.add(sender);
    this.#served++;
    const running = sender.run(this.#nextGroup, (group) => {
      this.#nextGroup = Math.max(this.#nextGroup, group + 1);
    }).then(() => publication.done(), (error) => {
      publication.done("internal-error");
      this.#onError(error);
    }).finally(() => {
      const { objects, bytes, groups } = sender.tally;
      this.#past.objects += objects;
      this.#past.bytes += bytes;
      this.#past.groups += groups;
      this.#senders.delete(sender);
      if (this.#senders.size === 0) this.#busyMs += performance.now() - this.#since;
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  /** What was sent so far, to all of them. */
  get tally(): SendTally {
    const sum = { ...this.#past };
    for (const { tally } of this.#senders) {
      sum.objects += tally.objects;
      sum.bytes += tally.bytes;
      sum.groups += tally.groups;
    }
    return sum;
  }

  /** Seconds in which there were subscribers. */
  get seconds(): number {
    const now = this.#senders.size === 0 ? 0 : performance.now() - this.#since;
    return (this.#busyMs + now) / 1000;
  }

  /** Subscribers now. */
  get subscribers(): number {
    return this.#senders.size;
  }

  /** Subscribers there were. */
  get served(): number {
    return this.#served;
  }

  /** Ends the track for everybody. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
