import assert from "node:assert/strict";
import type { Session } from "../../lib/transport/session.ts";
import { SessionDatagrams } from "../../lib/transport/datagrams.ts";
import { incomingStream } from "../../lib/transport/streams.ts";

/** Reads until a timer has had its turn; how many things came by then. */
async function readUntilTimer(stream: ReadableStream<unknown>): Promise<number> {
  let fired = false;
  const timer = setTimeout(() => fired = true, 5);
  let count = 0;
  try {
    for await (const _ of stream) {
      // Far more than come in the timer's time: without turns this is reached.
      if (fired || ++count === 1_000_000) break;
    }
  } finally {
    clearTimeout(timer);
  }
  return count;
}

Deno.test("streams that are always there at once leave timers their turn", async () => {
  const { promise: refused, resolve } = Promise.withResolvers<void>();
  let over = false;
  const count = await readUntilTimer(incomingStream({
    next: () => over ? Promise.reject(new Error("over")) : Promise.resolve(1),
    wrap: (one) => one,
    // What comes after the end of interest is refused in the same way.
    refuse: () => void setTimeout(() => resolve(void (over = true)), 0),
    ending: () => Promise.resolve(undefined),
  }));
  assert.ok(count < 1_000_000, `${count}`);
  await refused;
});

Deno.test("datagrams that are always there at once leave timers their turn", async () => {
  const session = { receiveDatagram: () => new Uint8Array(1) } as Partial<Session> as Session;
  const { readable } = new SessionDatagrams(session, () => Promise.resolve(undefined));
  assert.ok(await readUntilTimer(readable) < 1_000_000);
});
