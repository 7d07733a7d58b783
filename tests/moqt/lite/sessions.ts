/**
 * Two sessions of moq-lite over memory.
 *
 * @module
 */
import { acceptLite, connectLite, type LiteSession } from "../../../lib/moqt/lite/mod.ts";
import type { Connection } from "../../../lib/transport/connection.ts";
import { memoryPair } from "../../../lib/transport/memory.ts";
import type { MemoryOptions } from "../../../lib/transport/memory.ts";

/** Both ends of a session. */
export interface LitePair extends AsyncDisposable {
  /** The client. */
  client: LiteSession;
  /** The server. */
  server: LiteSession;
}

/** Begins a session. */
export async function liteSessions(wire: MemoryOptions = {}): Promise<LitePair> {
  const [a, b] = memoryPair("moql", wire);
  const [client, server] = await Promise.all([connectLite(a), acceptLite(b)]);
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

/** A session at one end, and the bare connection at the other. */
export async function liteAndBare(
  role: "client" | "server",
): Promise<{ session: LiteSession; bare: Connection }> {
  const [a, bare] = memoryPair("moql");
  if (role === "client") {
    const [session] = await Promise.all([connectLite(a), answer(bare)]);
    return { session, bare };
  }
  const stream = await bare.createBidirectionalStream();
  const writer = stream.writable.getWriter();
  await writer.write(Uint8Array.from(
    [0x20, 0, 10, 1, 0xc0, 0, 0, 0, 0xff, 0x0d, 0xad, 0x02, 0],
  ));
  writer.releaseLock();
  const session = await acceptLite(a);
  return { session, bare };
}

async function answer(bare: Connection): Promise<void> {
  const streams = bare.incomingBidirectionalStreams.getReader();
  const { value: stream } = await streams.read();
  streams.releaseLock();
  const reader = stream!.readable.getReader();
  await reader.read();
  reader.releaseLock();
  const writer = stream!.writable.getWriter();
  await writer.write(Uint8Array.from([0x21, 0, 9, 0xc0, 0, 0, 0, 0xff, 0x0d, 0xad, 0x02, 0]));
  writer.releaseLock();
}
