import assert from "node:assert/strict";
import fc from "fast-check";
import { LiteBroadcast } from "../../../lib/moqt/lite/mod.ts";
import type { SendStream } from "../../../lib/transport/connection.ts";
import { hex, LITE_CASES } from "./cases.ts";
import { liteAndBare } from "./sessions.ts";

/** Messages as they begin a stream, and groups of subscription 0. */
const SEEDS = [
  ...LITE_CASES.map(({ bytes }) => bytes),
  hex("00 02 0000 01 61 02 6162"),
  hex("00 02 0001 00"),
  hex("02 06 00 01 62 01 74 09"),
  hex("01 01 00"),
];

const mess = fc.record({
  role: fc.constantFrom("client" as const, "server" as const),
  parts: fc.array(
    fc.record({
      where: fc.constantFrom("request", "group", "answer"),
      seed: fc.nat(SEEDS.length - 1),
      flip: fc.option(fc.record({ at: fc.nat(30), to: fc.nat(255) }), { nil: undefined }),
      end: fc.constantFrom("fin", "reset", "open"),
    }),
    { maxLength: 8 },
  ),
});

async function send(stream: SendStream, bytes: Uint8Array, end: string): Promise<void> {
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  await writer.write(bytes);
  if (end === "fin") await writer.close();
  if (end === "reset") await writer.abort();
}

Deno.test("moq-lite: a peer that says anything at all ends a session at worst", async () => {
  await fc.assert(
    fc.asyncProperty(mess, async ({ role, parts }) => {
      const { session, bare } = await liteAndBare(role);
      session.closed.catch(() => {});
      const broadcast = new LiteBroadcast();
      const track = broadcast.track("t");
      track.writeGroup(Uint8Array.of(1));
      session.publish("b", broadcast);
      // What is asked, and read, while the peer answers it with anything.
      const subscription = session.subscribe("b", "t", { maxFrameBytes: 1 << 16 });
      const reading = (async () => {
        for await (const group of subscription.groups()) {
          await Array.fromAsync(group).catch(() => {});
        }
      })().catch(() => {});
      const hearing = Array.fromAsync(session.announced()).catch(() => {});
      const asked = bare.incomingBidirectionalStreams.getReader();
      const answers = [(await asked.read()).value!, (await asked.read()).value!];
      try {
        for (const { where, seed, flip, end } of parts) {
          const bytes = SEEDS[seed]!.slice();
          if (flip !== undefined && flip.at < bytes.length) bytes[flip.at] = flip.to;
          if (where === "group") await send(await bare.createUnidirectionalStream(), bytes, end);
          else if (where === "request") {
            await send((await bare.createBidirectionalStream()).writable, bytes, end);
          } else {
            const answer = answers.shift();
            if (answer !== undefined) await send(answer.writable, bytes.subarray(1), end);
          }
          track.writeGroup(bytes);
        }
      } catch {
        // The session may be closed already.
      }
      await session.close();
      const { closeCode } = await bare.closed;
      assert.ok([0, 1, 3].includes(closeCode), `close code ${closeCode}`);
      await Promise.all([reading, hearing]);
      assert.equal(track.subscribers, 0);
    }),
    { numRuns: 300 },
  );
});
