/**
 * Those who come to a relay in memory and speak moq-lite.
 *
 * @module
 */
import type { LiteGroup } from "../../../lib/moqt/lite/mod.ts";
import {
  connectLite,
  encodeSubscribe,
  LiteBroadcast,
  type LiteSession,
  type LiteSubscription,
  LiteTrackSource,
} from "../../../lib/moqt/lite/mod.ts";
import type { Connection, ReceiveStream } from "../../../lib/transport/connection.ts";
import { type MemoryOptions, memoryPair } from "../../../lib/transport/memory.ts";
import { hex } from "../../moqt/lite/cases.ts";
import { Stage, text } from "../support.ts";

/** The broadcast that is the namespace of the other tests' track. */
export const BROADCAST = "example.com/cam";

/** A client that has no session. */
export interface BareClient {
  /** Groups' streams, unread. */
  groups: ReadableStreamDefaultReader<ReceiveStream>;
  /** Subscribes with the id 0, and waits for the answer. */
  subscribe(broadcast: string, track: string): Promise<void>;
}

/** A relay, and those who come to it in either way. */
export class LiteStage extends Stage {
  readonly #connections: Connection[] = [];

  /** Somebody comes by moq-lite: over plain QUIC, or with a path over WebTransport. */
  async lite(
    options: { path?: string; protocol?: string; wire?: MemoryOptions } = {},
  ): Promise<LiteSession> {
    const { path, protocol = "moql", wire = {} } = options;
    const [ours, theirs] = memoryPair(protocol, wire);
    this.#connections.push(ours, theirs);
    void this.relay.serve(theirs, path === undefined ? {} : { webTransport: true, path });
    return await connectLite(ours);
  }

  /** Somebody who says what moq-lite-02 says, and reads only what is asked for here. */
  async bare(wire: MemoryOptions): Promise<BareClient> {
    const [ours, theirs] = memoryPair("moql", wire);
    this.#connections.push(ours, theirs);
    void this.relay.serve(theirs);
    const control = await ours.createBidirectionalStream();
    await control.writable.getWriter().write(hex("20 000a 01 c0000000ff0dad02 00"));
    await control.readable.getReader().read();
    return {
      groups: ours.incomingUnidirectionalStreams.getReader(),
      async subscribe(broadcast, track) {
        const { readable, writable } = await ours.createBidirectionalStream();
        await writable.getWriter().write(encodeSubscribe({ id: 0, broadcast, track, priority: 0 }));
        await readable.getReader().read();
      },
    };
  }

  /** A publisher of one track. */
  async litePublisher(
    track: LiteTrackSource,
    options: { path?: string; broadcast?: string; wire?: MemoryOptions } = {},
  ): Promise<LiteSession> {
    const session = await this.lite(options);
    const before = this.relay.stats.namespaces;
    session.publish(
      options.broadcast ?? BROADCAST,
      new LiteBroadcast({ onTrack: (name) => name === "video" ? track : undefined }),
    );
    const end = performance.now() + 2000;
    while (this.relay.stats.namespaces === before) {
      if (performance.now() > end) throw new Error("the relay does not hear of the broadcast");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return session;
  }

  /** Ends everything. */
  override async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await super[Symbol.asyncDispose]();
  }
}

/** A track that keeps all groups that are on their way. */
export function liteSource(): LiteTrackSource {
  return new LiteTrackSource({ lateGroups: 1000 });
}

/** A group's frames as text. */
export async function frames(group: LiteGroup): Promise<string[]> {
  return (await Array.fromAsync(group)).map(text);
}

/** Reads `count` groups as `sequence=frame,frame`. */
export async function takeGroups(
  subscription: LiteSubscription,
  count: number,
): Promise<string[]> {
  const found: string[] = [];
  for await (const group of subscription.groups()) {
    found.push(`${group.sequence}=${(await frames(group)).join()}`);
    if (found.length === count) break;
  }
  return found;
}
