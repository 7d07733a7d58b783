import assert from "node:assert/strict";
import { MoqtViolation } from "../../lib/moqt/errors.ts";
import { StreamChannel } from "../../lib/moqt/requests/stream_channel.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { hex } from "./cases.ts";
import { sessions, TRACK } from "./sessions.ts";

const TOO_MANY_REQUEST_UPDATES = 0x1b;
// SUBSCRIBE of a/t with request id 0.
const SUBSCRIBE = "0300070001" + "0161" + "0174" + "00";
const CREDIT = 64;

for (const version of [18, 20, 22] as const) {
  Deno.test(`draft ${version}: updates beyond the credit close the session where there is one`, async () => {
    const [ours, peer] = memoryPair(`moqt-${version}`);
    const writer = (await peer.createBidirectionalStream()).writable.getWriter();
    writer.closed.catch(() => {});
    await writer.write(hex(SUBSCRIBE));
    const { value: stream } = await ours.incomingBidirectionalStreams.getReader().read();
    const ended = Promise.withResolvers<unknown>();
    let updates = 0;
    new StreamChannel(stream!, version, {
      fail: ended.resolve,
      nextId: () => Promise.resolve(1),
      first: () => ({
        message: () => {},
        // Nobody answers.
        update: () => void updates++,
        canceled: () => ended.resolve("canceled"),
      }),
    }).read();
    // REQUEST_UPDATE with request id 2, without parameters: who counts ids is another.
    for (let count = 0; count <= CREDIT; count++) await writer.write(hex("0200020200"));
    if (version === 18) await writer.abort();
    const error = await ended.promise;
    if (version === 18) return assert.equal(error, "canceled");
    assert.ok(error instanceof MoqtViolation, String(error));
    assert.equal(error.closeCode, TOO_MANY_REQUEST_UPDATES);
    assert.equal(updates, CREDIT);
  });
}

Deno.test("draft 22: an update beyond what the peer lets wait is not sent", async () => {
  const made = Promise.withResolvers<Publication>();
  await using pair = await sessions("moqt-22", {
    server: { handlers: { subscribe: (request) => made.resolve(request.accept()) } },
  });
  const subscription = pair.client.subscribe(TRACK);
  await subscription.ready;
  const asked = Array.from(
    { length: CREDIT + 1 },
    (_, priority) => subscription.update({ priority }).then(() => "answered", (error) => error),
  );
  const answers = await Promise.all(asked);
  assert.ok(answers.at(-1) instanceof RangeError, String(answers.at(-1)));
  assert.equal(answers.filter((answer) => answer === "answered").length, CREDIT);
});
