/**
 * The broadcasts that a session publishes: tells of them, and sends their tracks to who subscribes.
 *
 * @module
 */
import type { LiteBroadcast } from "./broadcast.ts";
import { LiteStreamError } from "./errors.ts";
import type { LiteFeed } from "./feed.ts";
import type { IncomingLiteAnnounce, IncomingLiteSubscribe, LiteHandlers } from "./incoming.ts";
import { litePath } from "./path.ts";
import type { TrackSender } from "./track_sender.ts";

/** A broadcast that is told to a peer. */
export interface LiteOffer extends AsyncDisposable {
  /** Where the peer finds it. */
  readonly path: string;
  /** Takes it back: subscriptions get what waits for them, then the end. Idempotent. */
  close(): Promise<void>;
}

/** Publishes to one peer. */
export class Publisher implements LiteHandlers {
  readonly #broadcasts = new Map<string, LiteBroadcast>();
  readonly #feeds = new Set<LiteFeed>();
  readonly #senders = new Map<TrackSender, string>();

  /** Tells of a broadcast. A `TypeError` where there is one on that path. */
  add(text: string, broadcast: LiteBroadcast): LiteOffer {
    const path = litePath(text);
    if (this.#broadcasts.has(path)) throw new TypeError(`${path} is published already`);
    this.#broadcasts.set(path, broadcast);
    for (const feed of this.#feeds) feed.add(path);
    const close = async () => {
      if (this.#broadcasts.get(path) !== broadcast) return;
      this.#broadcasts.delete(path);
      for (const feed of this.#feeds) feed.remove(path);
      const senders = [...this.#senders].filter(([, of]) => of === path);
      await Promise.all(senders.map(([sender]) => sender.finish()));
    };
    return { path, close, [Symbol.asyncDispose]: close };
  }

  /** The peer wants to hear of broadcasts. */
  announce(request: IncomingLiteAnnounce): void {
    const feed = request.accept();
    for (const path of this.#broadcasts.keys()) feed.add(path);
    feed.begin();
    this.#feeds.add(feed);
    whenAborted(request.signal, () => this.#feeds.delete(feed));
  }

  /** The peer wants a track. */
  async subscribe(request: IncomingLiteSubscribe): Promise<void> {
    const { broadcast, signal } = request;
    const track = await this.#broadcasts.get(broadcast)?.find(request.track);
    if (track === undefined) throw new LiteStreamError("not-found");
    // What was made for somebody who has left since hears of that.
    const publication = signal.aborted ? undefined : request.accept();
    const sender = track.attach((sequence, signal) =>
      publication === undefined
        ? Promise.reject(signal.reason)
        : publication.group(sequence, { signal })
    );
    this.#senders.set(sender, broadcast);
    sender.over.then(() => {
      this.#senders.delete(sender);
      publication?.finish();
    });
    whenAborted(signal, () => sender.stop());
  }
}

function whenAborted(signal: AbortSignal, work: () => void): void {
  if (signal.aborted) work();
  else signal.addEventListener("abort", work, { once: true });
}
