import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError, UsageError } from "../../lib/errors.ts";
import { formatFrame, formatLogLine, parseFrame, parseLogLine } from "../../lib/can/candump.ts";
import { CannelloniParser, encodeCannelloni } from "../../lib/can/cannelloni_codec.ts";
import { parseFilter, passes } from "../../lib/can/filter.ts";
import {
  arbitrationOf,
  type CanFrame,
  dataFrame,
  errorFrame,
  remoteFrame,
} from "../../lib/can/frame.ts";
import { bytesOfHex } from "../../lib/can/frame_json.ts";
import { anyFrame, plain } from "./support.ts";

const hex = (text: string) => bytesOfHex(text.replaceAll(" ", ""));

/** As candump -l of can-utils prints them. */
const LINES: readonly (readonly [string, CanFrame])[] = [
  ["123#1122", dataFrame(0x123, hex("1122"))],
  ["00000123#", dataFrame(0x123, hex(""), { extended: true })],
  ["7FF#R4", remoteFrame(0x7ff, 4)],
  ["7FF#R", remoteFrame(0x7ff)],
  ["1FFFFFFF##1AABB", dataFrame(0x1fff_ffff, hex("aabb"), { fd: true, brs: true })],
  ["001##3", dataFrame(1, hex(""), { fd: true, brs: true, esi: true })],
  ["20000040#0000000000000000", errorFrame(0x40, new Uint8Array(8))],
];

Deno.test("frames are written and read as can-utils does", () => {
  for (const [text, frame] of LINES) {
    assert.equal(formatFrame(frame), text);
    assert.deepEqual(plain(parseFrame(text)), plain(frame));
    const timed = { ...frame, time: 1_436_509_052_249_713 };
    const line = `(1436509052.249713) can0 ${text}`;
    assert.equal(formatLogLine(timed, "can0"), line);
    assert.deepEqual(parseLogLine(line).bus, "can0");
    assert.deepEqual(plain(parseLogLine(line).frame), plain(timed));
  }
});

Deno.test("every frame survives the log", () => {
  fc.assert(fc.property(anyFrame, fc.nat(2 ** 31), fc.nat(999_999), (frame, seconds, micros) => {
    const timed = { ...frame, time: seconds * 1e6 + micros };
    const { frame: got } = parseLogLine(formatLogLine(timed, "vcan0"));
    assert.deepEqual(plain(got), plain(timed));
  }));
});

Deno.test("what cansend takes is taken: dots, no bus, newer candump's direction", () => {
  assert.deepEqual(plain(parseFrame("5A1#11.22.33")), plain(dataFrame(0x5a1, hex("112233"))));
  assert.equal(parseLogLine("123#00").bus, undefined);
  assert.equal(parseLogLine("  (0000000001.000002) vcan0 123#00 R").frame.time, 1_000_002);
});

Deno.test("other text is refused with what is wrong", () => {
  for (
    const text of ["", "123", "12#00", "800#00", "FFFFFFFF#", "123#0", "123#xx", "123#R9"]
      .concat(["123#001122334455667788", "123##", `123##0${"00".repeat(65)}`, "(1.2) can0 123#"])
  ) assert.throws(() => parseLogLine(text), UsageError, text);
});

Deno.test("any text is read, or refused as a usage error", () => {
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => {
    try {
      parseLogLine(text);
    } catch (error) {
      assert.ok(error instanceof UsageError);
    }
  }));
});

Deno.test("cannelloni frames are big-endian, with flags in FD ones only", () => {
  const frames = [
    dataFrame(0x123, hex("1122")),
    dataFrame(0x12345678, hex("aa"), { fd: true, brs: true }),
    remoteFrame(0x7ff, 3),
  ];
  assert.deepEqual(
    encodeCannelloni(frames),
    hex("00000123 02 1122  92345678 81 05 aa  400007ff 03"),
  );
});

Deno.test("cannelloni's bytes cut anywhere give the same frames", () => {
  const hello = [...new TextEncoder().encode("CANNELLONIv1")];
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.nat(), fc.nat(), (frames, a, b) => {
      const bytes = new Uint8Array([...hello, ...encodeCannelloni(frames)]);
      const [first, second] = [a % bytes.length, b % bytes.length].sort((x, y) => x - y) as [
        number,
        number,
      ];
      const parser = new CannelloniParser();
      const got = [
        ...parser.push(bytes.slice(0, first)),
        ...parser.push(bytes.slice(first, second)),
        ...parser.push(bytes.slice(second)),
      ];
      assert.deepEqual(got.map(plain), frames.map(plain));
    }),
  );
});

Deno.test("any bytes from a cannelloni peer give frames or a protocol error", () => {
  const hello = [...new TextEncoder().encode("CANNELLONIv1")];
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, greet) => {
    const parser = new CannelloniParser();
    try {
      parser.push(new Uint8Array(greet ? [...hello, ...bytes] : bytes));
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
    }
  }));
  assert.throws(() => new CannelloniParser().push(hex("47 45 54")), ProtocolError);
});

Deno.test("of two frames the one that would win arbitration comes first", () => {
  const order = [
    errorFrame(0x40, new Uint8Array(8)),
    dataFrame(0),
    remoteFrame(0),
    dataFrame(0, undefined, { extended: true }),
    remoteFrame(0, 0, { extended: true }),
    dataFrame(1, undefined, { extended: true }),
    dataFrame(1),
    dataFrame(0x7ff),
    dataFrame(0x1fff_ffff),
  ];
  assert.deepEqual(order.toSorted((a, b) => arbitrationOf(a) - arbitrationOf(b)), order);
});

Deno.test("filters are candump's: ID:MASK, ID~MASK, 8 digits for 29 bits", () => {
  const [standard, extended] = [dataFrame(0x123), dataFrame(0x123, undefined, { extended: true })];
  assert.ok(passes(standard, []));
  assert.ok(passes(standard, [parseFilter("123:7FF")]));
  assert.ok(!passes(extended, [parseFilter("123:7FF")]));
  assert.ok(passes(extended, [parseFilter("00000123:1FFFFFFF")]));
  assert.ok(!passes(standard, [parseFilter("120~7F0")]));
  assert.ok(passes(dataFrame(0x223), [parseFilter("120~7F0")]));
  assert.ok(passes(standard, [parseFilter("400:400"), parseFilter("100:700")]));
  assert.ok(passes(errorFrame(1, new Uint8Array(8)), [parseFilter("400:400")]));
  assert.throws(() => parseFilter("123"), UsageError);
  assert.throws(() => parseFilter("FFFFFFFF:7FF"), UsageError);
});
