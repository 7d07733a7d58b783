import assert from "node:assert/strict";
import fc from "fast-check";
import { LiteBroadcast, LiteStreamError } from "../../../lib/moqt/lite/mod.ts";
import type { SendStream } from "../../../lib/transport/connection.ts";
import { memoryPair } from "../../../lib/transport/memory.ts";
import { hex, LITE_CASES } from "../../moqt/lite/cases.ts";
import { TRACK, until, utf8 } from "../support.ts";
import { BROADCAST, liteSource, LiteStage, takeGroups } from "./support.ts";

/** Messages as they begin a stream, groups, and requests for what there is. */
const SEEDS = [
  ...LITE_CASES.map(({ bytes }) => bytes),
  hex("00 02 0000 01 61 02 6162"),
  hex("00 02 0001 00"),
  hex(`02 18 00 0f ${utf8(BROADCAST).toHex()} 05 ${utf8("video").toHex()} 09`),
  hex("01 01 00"),
  // An ANNOUNCE_INIT with one broadcast.
  hex("05 01 03 612f62"),
];

const said = fc.array(
  fc.record({
    where: fc.constantFrom("request", "group", "answer"),
    seed: fc.nat(SEEDS.length - 1),
    flip: fc.option(fc.record({ at: fc.nat(30), to: fc.nat(255) }), { nil: undefined }),
    end: fc.constantFrom("fin", "reset", "open"),
  }),
  { maxLength: 8 },
);

async function send(stream: SendStream, bytes: Uint8Array, end: string): Promise<void> {
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  await writer.write(bytes);
  if (end === "fin") await writer.close();
  if (end === "reset") await writer.abort();
}

Deno.test("moq-lite: whatever a client says, the relay goes on for the others", async () => {
  await using stage = new LiteStage({ holdMs: 10 });
  const track = liteSource();
  await stage.litePublisher(track);
  const witness = (await stage.lite()).subscribe(BROADCAST, "video", { maxGroups: 10_000 });
  const draft = (await stage.come(22)).subscribe(TRACK);
  await Promise.all([witness.ready, draft.ready]);
  await fc.assert(
    fc.asyncProperty(said, async (parts) => {
      const [bare, theirs] = memoryPair("moql");
      const served = stage.relay.serve(theirs);
      const control = await bare.createBidirectionalStream();
      await control.writable.getWriter().write(hex("20 000a 01 c0000000ff0dad02 00"));
      await control.readable.getReader().read();
      // The relay asks for announcements first.
      const asked = bare.incomingBidirectionalStreams.getReader();
      const answers = [(await asked.read()).value!];
      try {
        for (const { where, seed, flip, end } of parts) {
          const bytes = SEEDS[seed]!.slice();
          if (flip !== undefined && flip.at < bytes.length) bytes[flip.at] = flip.to;
          if (where === "group") await send(await bare.createUnidirectionalStream(), bytes, end);
          else if (where === "request") {
            await send((await bare.createBidirectionalStream()).writable, bytes, end);
          } else {
            const answer = answers.shift();
            if (answer !== undefined) await send(answer.writable, bytes, end);
          }
          track.writeGroup(bytes);
        }
      } catch {
        // The session may be closed already.
      }
      bare.close();
      const { closeCode } = await bare.closed;
      assert.ok([0, 1, 3].includes(closeCode), `close code ${closeCode}`);
      await served;
    }),
    { numRuns: 150 },
  );
  await until(() => stage.relay.stats.sessions === 3 && stage.relay.stats.namespaces === 1);
  const last = track.sequence + 1;
  const reading = takeGroups(witness, last + 1);
  track.writeGroup(utf8("still here"));
  assert.equal((await reading).at(-1), `${last}=still here`);
  for await (const { group } of draft.objects()) if (group === last) break;
});

Deno.test("moq-lite: a session has its limits, and what is beyond them is refused or not told", async () => {
  await using stage = new LiteStage({
    session: { maxNamespaces: 1, maxSubscriptions: 1, maxWatches: 1 },
  });
  const publisher = await stage.litePublisher(liteSource(), { broadcast: "a" });

  publisher.publish("b", new LiteBroadcast());
  const session = await stage.lite();
  const heard = session.announced();
  await heard.ready;
  const isLimit = (error: unknown) =>
    error instanceof LiteStreamError && error.reset === "unroutable";
  await assert.rejects(session.announced("a").ready, isLimit);
  await session.subscribe("a", "video").ready;
  await assert.rejects(session.subscribe("a", "video").ready, isLimit);
  assert.deepEqual([...heard.active], ["a"]);
  assert.equal(stage.relay.stats.namespaces, 1);
});
