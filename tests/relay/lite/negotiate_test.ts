import assert from "node:assert/strict";
import { Relay } from "../../../lib/relay/relay.ts";
import { memoryPair } from "../../../lib/transport/memory.ts";
import { hex } from "../../moqt/lite/cases.ts";

/** What a client says over WebTransport that agreed on nothing, and who answers. */
const SETUPS: [name: string, bytes: string, answer: string][] = [
  ["moq-lite-02", "20 000a 01 c0000000ff0dad02 00", "21 00"],
  ["moq-lite-01", "20 000a 01 c0000000ff0dad01 00", "21 00"],
  ["moq-lite-02 before draft-14", "20 0012 02 c0000000ff0dad02 c0000000ff00000e 00", "ff0dad02"],
  ["draft-14 before moq-lite-02", "20 0012 02 c0000000ff00000e c0000000ff0dad02 00", "ff00000e"],
  ["a version nobody knows before moq-lite-01", "20 000b 02 05 c0000000ff0dad01 00", "ff0dad01"],
];

for (const [name, bytes, wanted] of SETUPS) {
  Deno.test(`in band: who offers ${name} is answered`, async () => {
    await using relay = new Relay();
    const [ours, theirs] = memoryPair("");
    const served = relay.serve(theirs, { webTransport: true, path: "/" });
    const stream = await ours.createBidirectionalStream();
    const writer = stream.writable.getWriter();
    // In pieces, as they may come.
    for (const byte of hex(bytes)) await writer.write(Uint8Array.of(byte));
    const { value } = await stream.readable.getReader().read();
    assert.ok(value!.toHex().includes(hex(wanted).toHex()), value!.toHex());
    ours.close();
    await served;
  });
}

const PROTOCOL_VIOLATION = 3;
const VERSION = 0x15;

/** What ends a connection before it is a session. */
const FAULTS: [name: string, bytes: string, code: number][] = [
  ["another message", "01 00 00", PROTOCOL_VIOLATION],
  ["a set-up that is cut short", "20 0001 01", PROTOCOL_VIOLATION],
  ["versions of neither", "20 0003 01 05 00", VERSION],
  ["65 versions", "20 0002 4041", PROTOCOL_VIOLATION],
  ["the end of its stream", "", PROTOCOL_VIOLATION],
];

for (const [name, bytes, code] of FAULTS) {
  Deno.test(`in band: a client that begins with ${name} is closed with ${code}`, async () => {
    await using relay = new Relay();
    const [ours, theirs] = memoryPair("");
    const served = relay.serve(theirs, { webTransport: true, path: "/" });
    const writer = (await ours.createBidirectionalStream()).writable.getWriter();
    if (bytes !== "") await writer.write(hex(bytes));
    if (bytes === "") await writer.close();
    assert.equal((await ours.closed).closeCode, code);
    await served;
    assert.deepEqual([relay.stats.refusedSessions, relay.stats.sessions], [1, 0]);
  });
}

Deno.test("in band: a client that says nothing is given up with its signal", async () => {
  await using relay = new Relay();
  const [ours, theirs] = memoryPair("");
  const served = relay.serve(theirs, {
    webTransport: true,
    path: "/",
    signal: AbortSignal.timeout(20),
  });
  await ours.closed;
  assert.match(await served, /timed out|timeout/i);
});
