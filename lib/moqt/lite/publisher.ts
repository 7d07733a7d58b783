/**
 * The publishing side of a session: tells of broadcasts, and sends tracks to who subscribes.
 *
 * @module
 */
import type { BidirectionalStream, Connection } from "../../transport/connection.ts";
import type { LiteBroadcast } from "./broadcast.ts";
import { LiteStreamError, resetReason } from "./errors.ts";
import { encodeAnnounce, encodeAnnounceInit } from "./messages/announce.ts";
import { decodeAnnouncePlease, MAX_ANNOUNCE_BYTES } from "./messages/announce.ts";
import { encodeGroup } from "./messages/group.ts";
import { decodeSubscribe, encodeSubscribeOk, MAX_SUBSCRIBE_BYTES } from "./messages/subscribe.ts";
import { litePath, pathSuffix } from "./path.ts";
import type { StreamInput } from "./stream_input.ts";
import type { TrackSender } from "./track_sender.ts";
import type { LiteTrackSource } from "./track_source.ts";
import type { LiteResetName, LiteVersion } from "./versions.ts";

/** Bytes of announcements that may wait for a peer that does not read. */
const MAX_PENDING_BYTES = 1 << 20;
/** After all groups: an int32. */
const LAST = -0x8000_0000;

/** A broadcast that is told to a peer. */
export interface LiteOffer extends AsyncDisposable {
  /** Where the peer finds it. */
  readonly path: string;
  /** Takes it back: subscriptions get what waits for them, then the end. Idempotent. */
  close(): Promise<void>;
}

interface Watcher {
  readonly prefix: string;
  send(message: Uint8Array): void;
}

/** Publishes to one peer. */
export class Publisher {
  readonly #connection: Connection;
  readonly #broadcasts = new Map<string, LiteBroadcast>();
  readonly #watchers = new Set<Watcher>();
  readonly #senders = new Map<TrackSender, string>();
  readonly #ids = new Set<number>();
  #ended = false;

  /** Publishes over a connection. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Tells of a broadcast. A `TypeError` where there is one on that path. */
  add(text: string, broadcast: LiteBroadcast): LiteOffer {
    const path = litePath(text);
    if (this.#broadcasts.has(path)) throw new TypeError(`${path} is published already`);
    this.#broadcasts.set(path, broadcast);
    this.#tell(path, true);
    const close = async () => {
      if (this.#broadcasts.get(path) !== broadcast) return;
      this.#broadcasts.delete(path);
      this.#tell(path, false);
      const senders = [...this.#senders].filter(([, of]) => of === path);
      await Promise.all(senders.map(([sender]) => sender.finish()));
    };
    return { path, close, [Symbol.asyncDispose]: close };
  }

  #tell(path: string, active: boolean): void {
    for (const watcher of this.#watchers) {
      const suffix = pathSuffix(watcher.prefix, path);
      if (suffix !== undefined) watcher.send(encodeAnnounce({ active, suffix }));
    }
  }

  /** The peer wants to hear of broadcasts. Resolves when it does no more. Throws a violation. */
  async announce(stream: BidirectionalStream, input: StreamInput): Promise<void> {
    const body = await input.next((buffer) => buffer.sized(MAX_ANNOUNCE_BYTES, "ANNOUNCE_PLEASE"));
    if (body === undefined) return;
    const prefix = decodeAnnouncePlease(body);
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => {});
    let pending = 0;
    const watcher: Watcher = {
      prefix,
      send: (message) => {
        pending += message.length;
        if (pending > MAX_PENDING_BYTES) {
          this.#watchers.delete(watcher);
          writer.abort(resetReason("too-far-behind")).catch(() => {});
          return input.stop("too-far-behind");
        }
        writer.write(message).then(() => pending -= message.length, () => {});
      },
    };
    const suffixes = [...this.#broadcasts.keys()].map((path) => pathSuffix(prefix, path));
    watcher.send(encodeAnnounceInit(suffixes.filter((suffix) => suffix !== undefined)));
    this.#watchers.add(watcher);
    try {
      await untilEnd(input);
    } finally {
      this.#watchers.delete(watcher);
      writer.close().catch(() => {});
    }
  }

  /** The peer wants a track. Resolves when the subscription is over. Throws a violation. */
  async subscribe(
    stream: BidirectionalStream,
    input: StreamInput,
    version: LiteVersion,
  ): Promise<void> {
    const body = await input.next((buffer) => buffer.sized(MAX_SUBSCRIBE_BYTES, "SUBSCRIBE"));
    if (body === undefined) return;
    const { id, broadcast, track: name, priority } = decodeSubscribe(body);
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => {});
    const refuse = (why: LiteResetName) => {
      writer.abort(resetReason(why)).catch(() => {});
      input.stop(why);
    };
    // A second subscription of the same id could not be told from the first.
    if (this.#ids.has(id)) return refuse("malformed-track");
    this.#ids.add(id);
    let track: LiteTrackSource | undefined;
    try {
      track = await this.#broadcasts.get(broadcast)?.find(name);
    } catch (error) {
      this.#ids.delete(id);
      return refuse(
        error instanceof LiteStreamError ? error.reset ?? "not-found" : "internal-error",
      );
    }
    if (track === undefined || this.#ended) {
      this.#ids.delete(id);
      return refuse("not-found");
    }
    writer.write(encodeSubscribeOk(version, priority)).catch(() => {});
    const sender = track.attach(async (sequence, signal) => ({
      stream: await this.#connection.createUnidirectionalStream({
        sendOrder: sendOrder(priority, sequence),
        signal,
      }),
      head: encodeGroup({ subscribe: id, sequence }),
    }));
    this.#senders.set(sender, broadcast);
    const over = sender.over.then(() => {
      // Behind the last group, not before it.
      stream.writable.sendOrder = LAST;
      writer.close().catch(() => {});
      input.stop("cancelled");
    });
    try {
      await untilEnd(input);
    } finally {
      sender.stop();
      await over;
      this.#senders.delete(sender);
      this.#ids.delete(id);
    }
  }

  /** The session is over. */
  end(): void {
    this.#ended = true;
    for (const sender of [...this.#senders.keys()]) sender.stop();
    this.#watchers.clear();
  }
}

/** Reads to the end, or until it is cut off by either side. Nothing but the end may come. */
async function untilEnd(input: StreamInput): Promise<void> {
  try {
    while (await input.more()) {
      if (input.buffer.length > 0) return input.stop("internal-error");
    }
  } catch {
    // Cut off: that is an end, too.
  }
}

/** Higher priorities go first, then newer groups: an int32. */
function sendOrder(priority: number, sequence: number): number {
  return priority * 0x80_0000 + sequence % 0x80_0000;
}
