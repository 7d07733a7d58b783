import assert from "node:assert/strict";
import { ask } from "../../lib/moqt/requests/ask.ts";
import type { Channel, Signals } from "../../lib/moqt/requests/channel.ts";

Deno.test("who asks has the request's channel before anything comes of it, however soon", async () => {
  const order: string[] = [];
  const channel = { requestId: 4 } as Channel;
  const signals = {
    role: "client",
    request(_message, handler) {
      // The peer is so fast that all of this is there before whoever asked is told that it was sent.
      handler.begun?.(channel);
      handler.message({ kind: "publish-ok", requestId: 4, parameters: {} });
      handler.update(6, { forward: false });
      return Promise.resolve(channel);
    },
  } as Signals;
  ask(
    signals,
    {
      started: (made) => order.push(`started ${made.requestId}`),
      refused: (error) => order.push(`refused: ${error}`),
    },
    {
      kind: "track-status",
      requestId: 0,
      track: { namespace: [], name: new Uint8Array() },
      parameters: {},
    },
    {
      message: ({ kind }) => order.push(kind),
      update: (id) => order.push(`update ${id}`),
      canceled: () => order.push("canceled"),
    },
    { version: 22, signal: undefined },
  );
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(order, ["started 4", "publish-ok", "update 6"]);
});
