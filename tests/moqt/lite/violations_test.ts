import assert from "node:assert/strict";
import { acceptLite, connectLite } from "../../../lib/moqt/lite/mod.ts";
import { UnsupportedError } from "../../../lib/errors.ts";
import { TransportError } from "../../../lib/transport/connection.ts";
import { memoryPair } from "../../../lib/transport/memory.ts";
import { hex } from "./cases.ts";
import { liteAndBare } from "./sessions.ts";

const PROTOCOL_VIOLATION = 3;
const INTERNAL_ERROR = 1;
const TIMEOUT = 0x11;
const VERSION = 0x15;

/** What a peer sends, the stream it sends it on, and what the session is closed with. */
const VIOLATIONS: [string, "uni" | "bidi", string, number][] = [
  ["a second stream of the session", "bidi", "00", PROTOCOL_VIOLATION],
  ["ANNOUNCE_PLEASE longer than its fields", "bidi", "01 02 0000", PROTOCOL_VIOLATION],
  ["ANNOUNCE_PLEASE that claims too much", "bidi", "01 bfffffff", PROTOCOL_VIOLATION],
  ["SUBSCRIBE cut short", "bidi", "02 02 0000", PROTOCOL_VIOLATION],
  ["a stream that ends inside a message", "bidi", "02 04 00", PROTOCOL_VIOLATION],
  ["SUBSCRIBE_UPDATE with more", "bidi", "02 06 00016201 7409 02 0505", PROTOCOL_VIOLATION],
  ["SUBSCRIBE_UPDATE that claims too much", "bidi", "02 06 00016201 7409 40ff", PROTOCOL_VIOLATION],
  ["a subscription's id above 2^53-1", "bidi", "02 0b ffffffffffffffff 00 00 00", INTERNAL_ERROR],
  ["a group's stream without its header", "uni", "00", PROTOCOL_VIOLATION],
  ["a group's header that is too long", "uni", "00 21", PROTOCOL_VIOLATION],
  ["a group's header that goes on", "uni", "00 03 000000", PROTOCOL_VIOLATION],
];

for (const [name, kind, bytes, code] of VIOLATIONS) {
  Deno.test(`moq-lite: ${name} closes the session with ${code}`, async () => {
    const { session, bare } = await liteAndBare("server");
    const stream = kind === "uni"
      ? await bare.createUnidirectionalStream()
      : (await bare.createBidirectionalStream()).writable;
    const writer = stream.getWriter();
    await writer.write(hex(bytes));
    await writer.close();
    assert.equal((await bare.closed).closeCode, code);
    await assert.rejects(session.closed);
  });
}

/** What a peer answers to a subscription or an interest. */
const ANSWERS: [string, "subscribe" | "announced", string][] = [
  ["SUBSCRIBE_OK with fields", "subscribe", "01 00"],
  ["something behind SUBSCRIBE_OK", "subscribe", "00 00"],
  ["a status that is none", "announced", "01 00 02 05 00"],
  ["a broadcast announced twice", "announced", "03 01 01 61 03 01 01 61"],
  ["no ANNOUNCE_INIT", "announced", ""],
];

for (const [name, ask, bytes] of ANSWERS) {
  Deno.test(`moq-lite: an answer with ${name} closes the session with 3`, async () => {
    const { session, bare } = await liteAndBare("client");
    const asked = ask === "subscribe" ? session.subscribe("b", "t") : session.announced();
    asked.ready.catch(() => {});
    const { value: stream } = await bare.incomingBidirectionalStreams.getReader().read();
    const writer = stream!.writable.getWriter();
    await writer.write(hex(bytes));
    await writer.close();
    assert.equal((await bare.closed).closeCode, PROTOCOL_VIOLATION);
    await assert.rejects(session.closed);
  });
}

/** Set-ups, and what the server closes with. */
const SETUPS: [string, string, number][] = [
  ["draft-14 alone", "20 000a 01 c0000000ff00000e 00", VERSION],
  ["no versions", "20 0002 00 00", VERSION],
  ["another message", "02 0000", PROTOCOL_VIOLATION],
  ["a set-up that ends early", "20 0001 01", PROTOCOL_VIOLATION],
  ["65 parameters", "20 000b 01 c0000000ff0dad02 4041", PROTOCOL_VIOLATION],
];

for (const [name, bytes, code] of SETUPS) {
  Deno.test(`moq-lite: a client that begins with ${name} is sent away with ${code}`, async () => {
    const [a, b] = memoryPair("moql");
    const accepted = assert.rejects(acceptLite(a));
    const writer = (await b.createBidirectionalStream()).writable.getWriter();
    await writer.write(hex(bytes));
    assert.equal((await b.closed).closeCode, code);
    await accepted;
  });
}

Deno.test("moq-lite: a server that chooses what was not offered is left", async () => {
  const [a, b] = memoryPair("");
  const connecting = assert.rejects(connectLite(a), UnsupportedError);
  const { value: stream } = await b.incomingBidirectionalStreams.getReader().read();
  await stream!.writable.getWriter().write(hex("21 0009 c0000000ff00000e 00"));
  assert.equal((await b.closed).closeCode, VERSION);
  await connecting;
});

Deno.test("moq-lite: a peer that does not set up in time is left", async () => {
  const [a, b] = memoryPair("moql");
  await assert.rejects(connectLite(a, { setupTimeoutMs: 20 }), /no set-up came in time/);
  assert.equal((await b.closed).closeCode, TIMEOUT);
});

Deno.test("moq-lite: another protocol is refused", async () => {
  const [a, b] = memoryPair("moqt-18");
  await assert.rejects(connectLite(a), /is not spoken as "moqt-18"/);
  assert.equal((await b.closed).closeCode, VERSION);
});

Deno.test("moq-lite: a stream of no known type is refused, and nothing else", async () => {
  const { session, bare } = await liteAndBare("server");
  const request = await bare.createBidirectionalStream();
  await request.writable.getWriter().write(hex("04"));
  await assert.rejects(request.readable.getReader().read(), TransportError);
  const group = (await bare.createUnidirectionalStream()).getWriter();
  await group.write(hex("01"));
  await assert.rejects(group.closed, TransportError);
  // A group of a subscription that is over, or never was.
  const stray = (await bare.createUnidirectionalStream()).getWriter();
  await stray.write(hex("00 02 0900"));
  await assert.rejects(stray.closed, (error) => (error as TransportError).streamErrorCode === 1);
  await session.close();
});

Deno.test("moq-lite: the stream of the set-up carries bit rates, and its end is the session's", async () => {
  const [a, bare] = memoryPair("moql");
  const connecting = connectLite(a);
  const { value: stream } = await bare.incomingBidirectionalStreams.getReader().read();
  const writer = stream!.writable.getWriter();
  await writer.write(hex("21 0009 c0000000ff0dad02 00 04 80989680"));
  const session = await connecting;
  const heard = session.announced();
  await writer.write(hex("01 05"));
  await writer.close();
  assert.equal((await session.closed).closeCode, 0);
  assert.equal(session.peerBitrate, 5n);
  await assert.rejects(heard.ready);
});

Deno.test("moq-lite: a group that ends inside a frame, or is too large, fails alone", async () => {
  const { session, bare } = await liteAndBare("client");
  const subscription = session.subscribe("b", "t", { maxFrameBytes: 16 });
  const { value: stream } = await bare.incomingBidirectionalStreams.getReader().read();
  const answer = stream!.writable.getWriter();
  await answer.write(hex("00"));
  await subscription.ready;
  const groups = subscription.groups();
  const cases = [["00 02 0000 02 61", "wrong-size"], ["00 02 0001 11", "frame-too-large"]] as const;
  for (const [bytes, reset] of cases) {
    const writer = (await bare.createUnidirectionalStream()).getWriter();
    await writer.write(hex(bytes));
    await writer.close().catch(() => {});
    await assert.rejects(
      async () => await Array.fromAsync((await groups.next()).value!),
      (error) => (error as { reset?: string }).reset === reset,
    );
  }
  const whole = (await bare.createUnidirectionalStream()).getWriter();
  await whole.write(hex("00 02 0002 01 61"));
  await whole.close();
  assert.deepEqual((await Array.fromAsync((await groups.next()).value!)).map((it) => [...it]), [
    [0x61],
  ]);
  await session.close();
});

Deno.test("moq-lite: a set-up whose stream is reset fails with the close that follows", async () => {
  for (const closes of [true, false]) {
    const [a, b] = memoryPair("moql");
    const connecting = connectLite(a);
    const { value: stream } = await b.incomingBidirectionalStreams.getReader().read();
    const failed = assert.rejects(connecting, (error) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.closeCode, closes ? 2 : undefined);
      return true;
    });
    await stream!.writable.abort(new TransportError("no", { streamErrorCode: 0 }));
    if (closes) b.close({ closeCode: 2, reason: "not with this token" });
    await failed;
    b.close();
  }
});
