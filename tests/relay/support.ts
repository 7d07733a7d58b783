/**
 * A relay in memory, and those who come to it.
 *
 * @module
 */
import { Relay, type RelayOptions } from "../../lib/relay/relay.ts";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import type { SessionOptions } from "../../lib/moqt/session/options.ts";
import { connect, type MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { TrackSource, type TrackSourceOptions } from "../../lib/moqt/publish/track_source.ts";
import { protocolOf, type Version } from "../../lib/moqt/versions.ts";
import { formatTrackName, type TrackName, trackName } from "../../lib/moqt/wire/track_name.ts";
import { type MemoryOptions, memoryPair } from "../../lib/transport/memory.ts";
import type { Connection } from "../../lib/transport/connection.ts";

/** The track that tests use. */
export const TRACK = trackName(["example.com", "cam"], "video");
/** Bytes of text. */
export const utf8 = (text: string) => new TextEncoder().encode(text);
/** Text of bytes. */
export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A relay, and what comes to it. */
export class Stage implements AsyncDisposable {
  readonly #connections: Connection[] = [];
  readonly #served: Promise<string>[] = [];
  /** The relay. */
  readonly relay: Relay;

  /** Makes a relay. */
  constructor(options: RelayOptions = {}) {
    this.relay = new Relay(options);
  }

  /** Somebody comes, in a draft. */
  async come(
    version: Version,
    options: SessionOptions = {},
    wire: MemoryOptions = {},
    path?: string,
  ): Promise<MoqtSession> {
    const [ours, theirs] = memoryPair(protocolOf(version), wire);
    this.#connections.push(ours, theirs);
    const webTransport = path !== undefined;
    this.#served.push(
      this.relay.serve(theirs, webTransport ? { webTransport, path } : {}),
    );
    return await connect(ours, { ...options, webTransport });
  }

  /** A publisher of tracks, which tells the namespace of the first. */
  async publisher(
    version: Version,
    tracks: Map<TrackName, TrackSource>,
    wire: MemoryOptions = {},
  ): Promise<MoqtSession> {
    const byName = new Map([...tracks].map(([name, source]) => [formatTrackName(name), source]));
    const session = await this.come(version, {
      handlers: {
        subscribe: (request) => {
          const source = byName.get(formatTrackName(request.track));
          if (source !== undefined) source.accept(request);
        },
      },
    }, wire);
    const [first] = tracks.keys();
    await session.publishNamespace(first!.namespace).ready;
    return session;
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await Promise.all(this.#served);
    await this.relay.close();
  }
}

/** A source of a track with some options. */
export function source(options: TrackSourceOptions = {}): TrackSource {
  return new TrackSource({ lateGroups: 1000, ...options });
}

/** Reads `count` objects as `group/id=text`. */
export async function take(subscription: Subscription, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const { group, id, status, payload } of subscription.objects()) {
    if (status !== "normal") continue;
    found.push(`${group}/${id}=${text(payload)}`);
    if (found.length === count) break;
  }
  return found;
}

/** A fetch's objects as `group/id=text`. */
export async function fetched(items: AsyncIterable<FetchItem>): Promise<string[]> {
  const found: string[] = [];
  for await (const item of items) {
    if (item.kind === "object") found.push(`${item.group}/${item.id}=${text(item.payload)}`);
  }
  return found;
}

/** Waits until `check` holds, looking again each time the event loop turns. */
export async function until(check: () => boolean, timeoutMs = 2000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!check()) {
    if (performance.now() > end) throw new Error(`not in ${timeoutMs} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
