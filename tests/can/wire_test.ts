import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../lib/errors.ts";
import { dataFrame, remoteFrame } from "../../lib/can/frame.ts";
import { bytesOfHex } from "../../lib/can/frame_json.ts";
import {
  type CanRecord,
  CanRecordParser,
  encodeCanRecords,
  encodeFrames,
} from "../../lib/can/wire.ts";
import { anyFrame, plain } from "./support.ts";

const hex = (text: string) => bytesOfHex(text.replaceAll(" ", ""));
const TIME = 1_700_000_000_123_456; // 0x60a2418202240 µs
const STAMP = "40222018240a0600";

const CASES: readonly (readonly [string, string, CanRecord])[] = [
  ["frame", `01 00 02 00 23010000 ${STAMP} 1122`, {
    type: "frame",
    frame: dataFrame(0x123, hex("1122"), { time: TIME }),
  }],
  ["FD frame", `01 05 01 00 01000080 ${STAMP} aa`, {
    type: "frame",
    frame: dataFrame(1, hex("aa"), { extended: true, fd: true, brs: true, time: TIME }),
  }],
  ["remote frame", `01 00 00 04 ff070040 ${STAMP}`, {
    type: "frame",
    frame: remoteFrame(0x7ff, 4, { time: TIME }),
  }],
  ["sent", `02 00 00 00 07000000 ${STAMP}`, {
    type: "outcome",
    index: 7,
    dropped: undefined,
    time: TIME,
  }],
  ["stale", `02 01 00 00 08000000 ${STAMP}`, {
    type: "outcome",
    index: 8,
    dropped: "stale",
    time: TIME,
  }],
  ["received", "03 00 00 00 00000100 0000000000000000", { type: "received", frames: 65_536 }],
  ["missing", `04 02 00 00 03000000 ${STAMP}`, {
    type: "missing",
    count: 3,
    cause: "overflow",
    time: TIME,
  }],
  ["state", `05 03 00 01 0001 7f00 ${STAMP}`, {
    type: "state",
    state: { up: true, controller: "bus-off", txErrors: 256, rxErrors: 127 },
    time: TIME,
  }],
  ["state without a controller", `05 ff 00 00 0000 0000 ${STAMP}`, {
    type: "state",
    state: { up: false, controller: undefined, txErrors: 0, rxErrors: 0 },
    time: TIME,
  }],
  ["end", "06 01 00 00 00000000 0000000000000000", { type: "end", reason: "taken-over" }],
];

function flat(record: CanRecord): unknown {
  return record.type === "frame" ? { type: "frame", frame: plain(record.frame) } : record;
}

Deno.test("each record is a header of 16 bytes and its payload", () => {
  for (const [name, text, record] of CASES) {
    assert.deepEqual(encodeCanRecords([record]), hex(text), name);
    assert.deepEqual(new CanRecordParser().push(hex(text)).map(flat), [flat(record)], name);
  }
});

Deno.test("every record, cut at every byte, waits for the rest", () => {
  for (const [name, text, record] of CASES) {
    const bytes = hex(text);
    for (let cut = 0; cut < bytes.length; cut++) {
      const parser = new CanRecordParser();
      assert.deepEqual(parser.push(bytes.slice(0, cut)), [], name);
      assert.equal(parser.atBoundary, cut === 0);
      assert.deepEqual(parser.push(bytes.slice(cut)).map(flat), [flat(record)], name);
    }
  }
});

Deno.test("frames of all kinds survive, with their times", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(anyFrame, fc.maxSafeNat()), { maxLength: 20 }),
    fc.nat(),
    (drawn, cut) => {
      const frames = drawn.map(([frame, time]) => ({ ...frame, time }));
      const bytes = encodeFrames(frames);
      assert.deepEqual(
        bytes,
        encodeCanRecords(frames.map((frame) => ({ type: "frame", frame }))),
      );
      const parser = new CanRecordParser();
      const at = bytes.length === 0 ? 0 : cut % bytes.length;
      const records = [...parser.push(bytes.slice(0, at)), ...parser.push(bytes.slice(at))];
      assert.deepEqual(
        records.map((each) => each.type === "frame" ? plain(each.frame) : each),
        frames.map(plain),
      );
    },
  ));
});

Deno.test("records of types to come are skipped", () => {
  const later = hex("f0 01 03 00 00000000 0000000000000000 aabbcc");
  const known = hex(CASES[0]![1]);
  const parser = new CanRecordParser();
  const both = new Uint8Array([...later, ...known]);
  assert.deepEqual(parser.push(both).map(flat), [flat(CASES[0]![2])]);
});

Deno.test("any bytes give records or a protocol error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      new CanRecordParser().push(bytes);
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
    }
  }));
});

Deno.test("frames that no bus carries break the protocol", () => {
  for (
    const text of [
      `01 00 09 00 01000000 ${STAMP} 000000000000000000`, // 9 bytes, classic
      `01 00 00 09 01000040 ${STAMP}`, // a request for 9 bytes
      `01 04 00 00 01000040 ${STAMP}`, // FD and remote
      `01 00 00 00 00080000 ${STAMP}`, // 12 bits, standard
      "01 00 00 00 01000000 0000000000002000", // a time beyond 2^53
    ]
  ) assert.throws(() => new CanRecordParser().push(hex(text)), ProtocolError, text);
});
