/** A publisher that listens in memory, and what its tests share. */
import { Dialler } from "../../lib/moq_tools/connect.ts";
import { TrackPublisher } from "../../lib/moq_tools/pub/publisher.ts";
import { type History, type TrackItem, TrackReceiver } from "../../lib/moq_tools/sub/receiver.ts";
import { type ArrivedSession, listenSessions } from "../../lib/moqt/listen.ts";
import { keepSession, type PersistentEvent } from "../../lib/moqt/persistent.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import type { Listener } from "../../lib/transport/direct.ts";
import { MemoryDirect } from "../support/memory_direct.ts";

/** The track that tests use. */
export const TRACK = trackName(["live", "cam"], "video");

/** Makes a publisher serve on an address of `network`. */
export async function serve(
  network: MemoryDirect,
  publisher: TrackPublisher,
  address = "127.0.0.1:0",
): Promise<{ listener: Listener; arrivals: ArrivedSession[] }> {
  const arrivals: ArrivedSession[] = [];
  const waiting: PromiseWithResolvers<MoqtSession>[] = [];
  const listener = await listenSessions(network, { address }, {
    admit: () => {
      const session = Promise.withResolvers<MoqtSession>();
      waiting.push(session);
      return { handlers: publisher.handlers(session.promise) };
    },
    arrived: (arrival) => {
      waiting.shift()?.resolve(arrival.session);
      arrivals.push(arrival);
    },
  });
  return { listener, arrivals };
}

/** Receives in the background. */
export interface Receiving extends AsyncDisposable {
  /** What was delivered. */
  items: TrackItem[];
  /** What happened to the sessions. */
  events: PersistentEvent[];
  /** The receiver. */
  receiver: TrackReceiver;
  /** Resolves once the publisher's answer is here. */
  subscribed: Promise<void>;
  /** Resolves when so many items are there. */
  until(count: number): Promise<void>;
  /** Resolves when it has ended; rejects as `keepSession` does. */
  ended: Promise<void>;
}

/** Begins to receive. */
export function receive(
  network: MemoryDirect,
  url: string,
  options: { history?: History; timeoutMs?: number } = {},
): Receiving {
  const items: TrackItem[] = [];
  const events: PersistentEvent[] = [];
  const listeners = new Set<() => void>();
  const subscribed = Promise.withResolvers<void>();
  const receiver = new TrackReceiver({
    track: TRACK,
    onNotice: ({ type }) => type === "subscribed" && subscribed.resolve(),
    ...options,
    deliver: (item) => {
      items.push(item);
      for (const listener of listeners) listener();
    },
  });
  const stop = new AbortController();
  const dialler = new Dialler(url, { transport: network });
  const ended = keepSession({
    signal: stop.signal,
    timeoutMs: options.timeoutMs ?? 2_000,
    dial: (how) => dialler.dial(how),
    use: (use) => receiver.use(use),
    onEvent: (event) => events.push(event),
  });
  ended.catch(() => {});
  return {
    items,
    events,
    receiver,
    ended,
    subscribed: subscribed.promise,
    until: (count) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (items.length < count) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        ended.then(
          () => items.length < count && reject(new Error(`ended after ${items.length} items`)),
          reject,
        );
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended.catch(() => {});
      await dialler.close();
    },
  };
}

/** `group.object` of every item; gaps in brackets. */
export function places(items: readonly TrackItem[]): string[] {
  return items.filter((item) => item.kind === "gap" || item.status === "normal").map((item) =>
    item.kind === "gap" ? `[${item.group}.${item.from}-${item.to}]` : `${item.group}.${item.id}`
  );
}

/** Bytes of text. */
export const utf8 = (text: string) => new TextEncoder().encode(text);
