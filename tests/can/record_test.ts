import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../lib/errors.ts";
import { type CanFrame, dataFrame, errorFrame, remoteFrame } from "../../lib/can/frame.ts";
import { encodeRecords, RecordParser } from "../../lib/can/record.ts";
import { bytesOfHex } from "../../lib/can/frame_json.ts";
import { anyFrame, plain } from "./support.ts";

const hex = (text: string) => bytesOfHex(text.replaceAll(" ", ""));
const zeros = (count: number) => "00".repeat(count);

/** Name, bytes, frame. The bytes are what XoQ's `wire` module and linux/can.h say. */
const CASES: readonly (readonly [string, string, CanFrame])[] = [
  ["a classic frame", "23010000 02 00 0000 1122" + zeros(62), dataFrame(0x123, hex("1122"))],
  [
    "a classic frame with 29 bits",
    "78563492 08 00 0000 0102030405060708" + zeros(56),
    dataFrame(0x12345678, hex("0102030405060708")),
  ],
  ["a remote frame", "ff070040 04 00 0000" + zeros(64), remoteFrame(0x7ff, 4)],
  [
    "a short FD frame, kept FD by FDF",
    "01000000 01 04 0000 aa" + zeros(63),
    dataFrame(1, hex("aa"), { fd: true }),
  ],
  [
    "a long FD frame with BRS and ESI",
    "02000000 40 07 0000" + "5a".repeat(64),
    dataFrame(2, hex("5a".repeat(64)), { brs: true, esi: true }),
  ],
  [
    "an error report",
    "40000020 08 00 0000 0000000000000000" + zeros(56),
    errorFrame(0x40, new Uint8Array(8)),
  ],
];

Deno.test("frames are 72-byte records in the layout of struct canfd_frame", () => {
  for (const [name, text, frame] of CASES) {
    assert.equal(hex(text).length, 72, name);
    assert.deepEqual(encodeRecords([frame]), hex(text), name);
    assert.deepEqual(new RecordParser().push(hex(text)).map(plain), [plain(frame)], name);
  }
});

Deno.test("what XoQ sends for FD, without FDF, is read as FD", () => {
  const brs = new RecordParser().push(hex("03000000 02 01 0000 abcd" + zeros(62)))[0]!;
  assert.deepEqual([brs.fd, brs.brs, brs.length], [true, true, 2]);
  const long = new RecordParser().push(hex("03000000 0c 00 0000" + zeros(64)))[0]!;
  assert.deepEqual([long.fd, long.brs, long.length], [true, false, 12]);
});

Deno.test("records cut anywhere give the same frames", () => {
  fc.assert(fc.property(
    fc.array(anyFrame, { maxLength: 6 }),
    fc.array(fc.nat(500), { maxLength: 12 }),
    (frames, cuts) => {
      const bytes = encodeRecords(frames);
      const parser = new RecordParser();
      const got: CanFrame[] = [];
      let at = 0;
      for (
        const cut of [...cuts.map((each) => each % (bytes.length + 1)), bytes.length].sort(
          (a, b) => a - b,
        )
      ) {
        got.push(...parser.push(bytes.slice(at, cut)));
        at = cut;
      }
      assert.deepEqual(got.map(plain), frames.map(plain));
      assert.ok(parser.atBoundary);
    },
  ));
});

Deno.test("a record cut short gives nothing, and is not a boundary", () => {
  for (const [name, text] of CASES) {
    const bytes = hex(text);
    for (let end = 0; end < bytes.length; end++) {
      const parser = new RecordParser();
      assert.deepEqual(parser.push(bytes.slice(0, end)), [], name);
      assert.equal(parser.atBoundary, end === 0);
    }
  }
});

Deno.test("any bytes give frames or a protocol error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    try {
      for (const frame of new RecordParser().push(bytes)) {
        assert.ok(frame.length <= 64 && frame.data.length <= frame.length);
      }
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
    }
  }));
});

Deno.test("a record of more than 64 bytes, or of an FD remote frame, breaks the protocol", () => {
  assert.throws(
    () => new RecordParser().push(hex("01000000 41 00 0000" + zeros(64))),
    ProtocolError,
  );
  assert.throws(
    () => new RecordParser().push(hex("01000040 01 04 0000" + zeros(64))),
    ProtocolError,
  );
});
