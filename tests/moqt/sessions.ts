/**
 * Two sessions over memory, and what their tests share.
 *
 * @module
 */
import type { SessionOptions } from "../../lib/moqt/session/options.ts";
import { accept, connect, type MoqtSession } from "../../lib/moqt/session/session.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import type { MemoryOptions } from "../../lib/transport/memory.ts";
import { memoryPair } from "../../lib/transport/memory.ts";

/** The ALPN of each draft. */
export const DRAFTS = [
  [14, "moq-00"],
  [16, "moqt-16"],
  [18, "moqt-18"],
  [20, "moqt-20"],
  [22, "moqt-22"],
] as const;

/** The track that tests use. */
export const TRACK = trackName(["example.com", "cam"], "video");

/** Bytes of text. */
export const utf8 = (text: string) => new TextEncoder().encode(text);
/** Text of bytes. */
export const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Both ends of a session. */
export interface Pair extends AsyncDisposable {
  /** The client. */
  client: MoqtSession;
  /** The server. */
  server: MoqtSession;
}

/** Begins a session. */
export async function sessions(
  protocol: string,
  options: { client?: SessionOptions; server?: SessionOptions; wire?: MemoryOptions } = {},
): Promise<Pair> {
  const [a, b] = memoryPair(protocol, options.wire);
  const [client, server] = await Promise.all([
    connect(a, options.client),
    accept(b, options.server),
  ]);
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
      await Promise.all([a.closed.catch(() => {}), b.closed.catch(() => {})]);
    },
  };
}

/** All values of an iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const item of items) values.push(item);
  return values;
}
