import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../lib/errors.ts";
import { encodeMessage, MessageSplitter } from "../../lib/session/framing.ts";
import { parseClientMessage, parseServerMessage } from "../../lib/session/message_schema.ts";
import type { ClientMessage, ServerMessage } from "../../lib/session/messages.ts";

const text = (value: string) => new TextEncoder().encode(value);

const CLIENT: ClientMessage[] = [
  { t: "hello", version: 1 },
  { t: "hello", version: 1, agent: "xoq/0.1.0", grant: "AbC_-09" },
  { t: "settings", device: "front", key: true },
  { t: "settings", device: "front", bitrate: 500_000 },
  { t: "received", device: "front", frames: 12, bytes: 99_000, captured: 1_790_000_000_000_000 },
  { t: "stats" },
  { t: "clock", c: 1_790_000_000_000_000 },
];

const SERVER: ServerMessage[] = [
  {
    t: "welcome",
    version: 1,
    rights: "view",
    expires: 1_800_000_000,
    devices: [{ name: "front", kind: "camera", codec: "h264" }],
  },
  { t: "error", re: "settings", code: "denied", message: "no" },
  { t: "stats", devices: { front: { captured: 3 } } },
  { t: "clock", c: 1, r: 2, s: 3 },
  { t: "device", device: "front", state: "lost", reason: "unplugged" },
  { t: "bye", reason: "the server stops" },
];

function bodyOf(bytes: Uint8Array): Uint8Array {
  const [body, ...rest] = new MessageSplitter().push(bytes);
  assert.equal(rest.length, 0);
  assert.ok(body);
  return body;
}

Deno.test("every control message survives the wire", () => {
  for (const message of CLIENT) {
    assert.deepEqual(parseClientMessage(bodyOf(encodeMessage(message))), message);
  }
  for (const message of SERVER) {
    assert.deepEqual(parseServerMessage(bodyOf(encodeMessage(message))), message);
  }
});

Deno.test("a control message is a QUIC varint length and JSON", () => {
  const bytes = encodeMessage({ t: "stats" });
  assert.equal(bytes[0], 13);
  assert.equal(new TextDecoder().decode(bytes.subarray(1)), '{"t":"stats"}');
  const long = encodeMessage({ t: "bye", reason: "x".repeat(100) });
  assert.equal(long[0]! >> 6, 1, "two-byte varint");
});

Deno.test("messages come out whole however the stream is cut", () => {
  const all = CLIENT.map(encodeMessage);
  const bytes = new Uint8Array(all.reduce((n, b) => n + b.length, 0));
  let at = 0;
  for (const one of all) {
    bytes.set(one, at);
    at += one.length;
  }
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
    const splitter = new MessageSplitter();
    const seen: unknown[] = [];
    let from = 0;
    for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
      for (const body of splitter.push(bytes.slice(from, cut))) seen.push(parseClientMessage(body));
      from = cut;
    }
    assert.deepEqual(seen, CLIENT);
    assert.ok(splitter.atBoundary);
  }));
});

Deno.test("a message cut anywhere is incomplete, not an error", () => {
  const bytes = encodeMessage(SERVER[0]!);
  for (let length = 1; length < bytes.length; length++) {
    const splitter = new MessageSplitter();
    assert.deepEqual(splitter.push(bytes.subarray(0, length)), []);
    assert.ok(!splitter.atBoundary);
  }
});

Deno.test("an empty, an oversized and an absurd length are violations", () => {
  const cases = [[0], [0x80, 0x01, 0x00, 0x01], [0xff, 255, 255, 255, 255, 255, 255, 255]];
  for (const bytes of cases) {
    assert.throws(() => new MessageSplitter().push(new Uint8Array(bytes)), ProtocolError);
  }
  // 65,536 exactly is allowed.
  assert.deepEqual(new MessageSplitter().push(new Uint8Array([0x80, 0x01, 0x00, 0x00])), []);
});

Deno.test("unknown types are ignored, wrong shapes are violations", () => {
  assert.equal(parseClientMessage(text('{"t":"from-the-future","x":1}')), undefined);
  const wrong = [
    "",
    "nonsense",
    "[]",
    "null",
    "17",
    "{}",
    '{"t":5}',
    '{"t":"hello"}',
    '{"t":"hello","version":-1}',
    '{"t":"hello","version":1,"grant":7}',
    `{"t":"hello","version":1,"grant":"${"x".repeat(3000)}"}`,
    '{"t":"received","device":"a","frames":1e300,"bytes":0}',
    '{"t":"clock","c":"now"}',
  ];
  for (const body of wrong) {
    assert.throws(() => parseClientMessage(text(body)), ProtocolError, body);
  }
  assert.throws(() => parseServerMessage(text('{"t":"welcome","version":1}')), ProtocolError);
  assert.throws(() => parseClientMessage(new Uint8Array([0xff, 0xfe])), ProtocolError);
});

Deno.test("any bytes give messages or a ProtocolError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    try {
      for (const body of new MessageSplitter().push(bytes)) {
        parseClientMessage(body);
      }
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }));
});

Deno.test("a message too long to send is refused before it is sent", () => {
  assert.throws(() => encodeMessage({ t: "bye", reason: "x".repeat(70_000) }), RangeError);
});
