/** What relays must not change counts as what else is said: draft-18, section 12.4. */
import assert from "node:assert/strict";
import { RequestError } from "../../lib/moqt/errors.ts";
import { ControlParser, encodeControl } from "../../lib/moqt/messages/control.ts";
import {
  findProperty,
  immutableProperties,
  type TrackProperties,
} from "../../lib/moqt/wire/properties.ts";
import { hex } from "./cases.ts";
import { sessions, TRACK } from "./sessions.ts";

const IMMUTABLE = 0x0b;
const PROTOCOL_VIOLATION = 0x3;

/** SUBSCRIBE_OK in draft 18 with these track properties. */
function read(properties: string) {
  const fields = "0100" + properties;
  const parser = new ControlParser(18);
  parser.push(hex("04" + (fields.length / 2).toString(16).padStart(4, "0") + fields));
  const message = parser.next();
  assert.ok(message?.kind === "subscribe-ok");
  return message;
}

Deno.test("a track's properties are looked for among the immutable ones, too", () => {
  // A priority of 7 and descending groups, immutable.
  const { properties } = read("0b04" + "0e07" + "1402");
  assert.equal(properties.defaultPriority, 7);
  assert.equal(properties.groupOrder, "descending");
  assert.deepEqual(properties.others, [{ type: IMMUTABLE, value: hex("0e071402") }]);
});

Deno.test("what is immutable is written as it came, and not a second time", () => {
  const message = read("0b02" + "0e07");
  const bytes = encodeControl(message, 18);
  assert.deepEqual(bytes, hex("04" + "0006" + "0100" + "0b020e07"));
});

Deno.test("mutable properties go before immutable ones", () => {
  // Type 0x0b, then 0x0e: 9.
  assert.equal(read("0b02" + "0e07" + "0309").properties.defaultPriority, 9);
});

Deno.test("an object's properties are found in either place", () => {
  const pairs = [{ type: 2, value: 1n }, { type: IMMUTABLE, value: hex("3c05") }];
  assert.deepEqual(findProperty(pairs, 0x3c, 18), { type: 0x3c, value: 5n });
  assert.deepEqual(findProperty(pairs, 2, 18), { type: 2, value: 1n });
  assert.equal(findProperty(pairs, 4, 18), undefined);
  const nested = [{ type: IMMUTABLE, value: hex("0b00") }];
  assert.throws(() => immutableProperties(nested, 18), { closeCode: PROTOCOL_VIOLATION });
});

const CASES: readonly [name: string, value: string, refusal: string][] = [
  ["a mandatory property nobody knows", "c0400001", "unsupported-extension"],
  ["pairs that cannot be read", "0e", "malformed-track"],
  ["immutable properties", "0b00", "malformed-track"],
];

for (const [name, value, refusal] of CASES) {
  Deno.test(`a track is left whose immutable properties hold ${name}, and the session stays`, async () => {
    // 0x4000 in leading ones.
    const bytes = hex(value);
    const properties: TrackProperties = { others: [{ type: IMMUTABLE, value: bytes }] };
    await using pair = await sessions("moqt-18", {
      server: { handlers: { subscribe: (request) => void request.accept({ properties }) } },
    });
    await assert.rejects(pair.client.subscribe(TRACK).ready, (error) => {
      assert.ok(error instanceof RequestError, String(error));
      assert.equal(error.refusal, refusal);
      return true;
    });
    await assert.rejects(pair.client.trackStatus(TRACK), { name: "RequestError" });
  });
}
