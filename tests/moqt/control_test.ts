import assert from "node:assert/strict";
import { CODECS, ControlParser, encodeControl } from "../../lib/moqt/messages/control.ts";
import { MoqtViolation } from "../../lib/moqt/errors.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { CONTROL_CASES, hex, VECTORS } from "./cases.ts";

const PROTOCOL_VIOLATION = 0x3;
const KEY_VALUE_FORMATTING_ERROR = 0x6;

const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

for (const { name, version, bytes, message } of CONTROL_CASES) {
  Deno.test(`draft ${version}: ${name} is read`, () => {
    const parser = new ControlParser(version);
    parser.push(bytes);
    assert.deepEqual(parser.next(), message);
    assert.equal(parser.between, true);
    assert.equal(parser.next(), undefined);
  });

  Deno.test(`draft ${version}: ${name} is written`, () => {
    assert.equal(hexOf(encodeControl(message, version)), hexOf(bytes));
  });

  Deno.test(`draft ${version}: ${name} comes byte by byte`, () => {
    const parser = new ControlParser(version);
    for (const [index, byte] of bytes.entries()) {
      assert.equal(parser.next(), undefined, `after ${index} bytes`);
      parser.push(Uint8Array.of(byte));
    }
    assert.deepEqual(parser.next(), message);
  });

  Deno.test(`draft ${version}: ${name}, cut short inside its length, is a violation`, () => {
    const head = bytes.length - ((bytes[headLength(bytes, version) - 2]! << 8) +
      bytes[headLength(bytes, version) - 1]!);
    for (let length = 0; length < bytes.length - head; length++) {
      const cut = bytes.slice(0, head + length);
      cut[head - 2] = length >> 8;
      cut[head - 1] = length & 0xff;
      const parser = new ControlParser(version);
      parser.push(cut);
      // Some messages end in fields that may be absent; then what is left is another valid one.
      let read;
      try {
        read = parser.next();
      } catch (error) {
        assert.ok(error instanceof MoqtViolation, `${length} bytes: ${error}`);
        assert.ok(
          [PROTOCOL_VIOLATION, KEY_VALUE_FORMATTING_ERROR].includes(error.closeCode),
          `${length} bytes: close code ${error.closeCode}`,
        );
        continue;
      }
      assert.equal(hexOf(encodeControl(read!, version)), hexOf(cut), `${length} bytes`);
    }
  });

  Deno.test(`draft ${version}: ${name} with a byte too many is a violation or says more`, () => {
    const longer = new Uint8Array([...bytes, 0x05]);
    const at = headLength(bytes, version);
    const length = bytes.length - at + 1;
    longer[at - 2] = length >> 8;
    longer[at - 1] = length & 0xff;
    const parser = new ControlParser(version);
    parser.push(longer);
    try {
      assert.notDeepEqual(parser.next(), message);
    } catch (error) {
      assert.ok(error instanceof MoqtViolation, String(error));
    }
  });
}

/** Bytes before the fields: a type of one or two bytes, two of length. */
function headLength(bytes: Uint8Array, version: number): number {
  const long = version < 18 ? bytes[0]! >= 0x40 : bytes[0]! >= 0x80;
  return (long ? 2 : 1) + 2;
}

Deno.test("every message of every draft has a case", () => {
  for (const version of VERSIONS) {
    for (const codec of CODECS) {
      // The answer to PUBLISH is a REQUEST_OK since draft-18.
      if (codec.kind === "publish-ok" && version >= 18) continue;
      if (codec.has?.(version) === false) continue;
      const found = CONTROL_CASES.some((entry) =>
        entry.version === version && entry.message.kind === codec.kind
      );
      assert.ok(found, `draft ${version}: ${codec.name}`);
    }
  }
});

Deno.test("all of the peer's vectors are used", () => {
  for (const { name, draft } of VECTORS) {
    assert.ok(CONTROL_CASES.some((entry) => entry.name === name && entry.version === draft), name);
  }
});

const BROKEN: readonly [
  name: string,
  version: 14 | 16 | 18 | 20 | 22,
  bytes: string,
  closeCode: number,
][] = [
  ["a message of an unknown type", 16, "3f0000", 0x3],
  ["a message of an unknown type", 18, "200000", 0x3],
  ["a request's message of another draft", 18, "0a000102", 0x3],
  ["fields longer than they are", 16, "0a00020200", 0x3],
  ["a namespace without fields", 16, "06000302" + "00" + "00", 0x3],
  ["a namespace of 33 fields", 18, "060045" + "02" + "21" + "0161".repeat(33) + "00", 0x3],
  ["a field of a namespace without bytes", 18, "06000402" + "01" + "00" + "00", 0x3],
  ["an unknown parameter", 16, "07000402013e00", 0x3],
  ["an unknown parameter", 18, "070003013e00", 0x3],
  ["the same parameter twice", 16, "0700060202080100" + "05", 0x3],
  ["the same parameter twice", 18, "07000502080100" + "05", 0x3],
  ["a parameter that the message may not carry", 18, "16000902020200" + "01" + "1001", 0x3],
  ["FORWARD of 2", 16, "0200050402011002", 0x3],
  ["FORWARD of 2", 18, "02000404011002", 0x3],
  ["SUBSCRIBER_PRIORITY of 256", 16, "020006040201204100", 0x3],
  ["GROUP_ORDER of 3", 16, "16000702020200012203", 0x3],
  ["GROUP_ORDER of 0", 18, "16000702020200012200", 0x3],
  ["DELIVERY_TIMEOUT of 0", 16, "0200050402010200", 0x3],
  ["a location that is short", 16, "07000502010901" + "05", 0x6],
  ["a token of an unknown kind", 16, "060009020101610103020400", 0x6],
  ["a token of an unknown kind", 18, "0600070200010302" + "0400", 0x6],
  ["a token that is short", 18, "06000602000103" + "0103", 0x6],
  ["a filter of an unknown kind", 18, "0200060401210105", 0x3],
  ["a filter that ends before its start", 16, "020008040201210404050004", 0x3],
  ["a fetch of an unknown kind", 16, "1600030204" + "00", 0x3],
  [
    "a fetch that ends before its start",
    18,
    "16000b" + "0201" + "010161" + "00" + "0500" + "0401" + "00",
    0x3,
  ],
  ["End Of Track of 2", 18, "18000402" + "0000" + "00", 0x3],
  ["a subscribe option of 3", 16, "110004" + "0200" + "03" + "00", 0x3],
  ["a reason of 1,025 bytes", 16, "0c0404" + "0200" + "4401", 0x3],
  ["a reason that is not UTF-8", 16, "0c0004" + "0200" + "01ff", 0x3],
  ["a URI of 8,193 bytes", 18, "100003" + "a001" + "00", 0x3],
  ["a set-up option twice", 18, "af00000404010001", 0x3],
  ["a path that is not UTF-8", 18, "af000003" + "0101ff", 0x9],
  ["an authority that is not UTF-8", 18, "af000003" + "0501ff", 0x1a],
  ["a group id above 2^53-1", 18, "07000b0109" + "fe7fffffffffffff" + "00", 0x1],
];

for (const [name, version, text, closeCode] of BROKEN) {
  Deno.test(`draft ${version}: ${name} closes with 0x${closeCode.toString(16)}`, () => {
    const parser = new ControlParser(version);
    const bytes = hex(text);
    // The length of long ones is told, the bytes are made here.
    const at = headLength(bytes, version);
    const length = bytes[at - 2]! << 8 | bytes[at - 1]!;
    const whole = new Uint8Array(at + length).fill(0x61);
    whole.set(bytes.subarray(0, whole.length));
    parser.push(whole);
    assert.throws(() => parser.next(), (error) => {
      assert.ok(error instanceof MoqtViolation, String(error));
      assert.equal(error.closeCode, closeCode, error.message);
      return true;
    });
  });
}

Deno.test("what a draft has not is not written", () => {
  assert.throws(() => encodeControl({ kind: "unsubscribe", requestId: 0 }, 18), TypeError);
  assert.throws(() => encodeControl({ kind: "setup", options: {} }, 16), TypeError);
  assert.throws(
    () => encodeControl({ kind: "setup", options: { maxRequestId: 1 } }, 18),
    TypeError,
  );
});

// As a peer's client was seen to begin, over plain QUIC.
const AUTHORITY = "050e" + "6c6f63616c686f73743a34363034";
const NAME = "61696f6d6f71742f302e31332e33";
const SEEN: readonly [version: 14 | 16 | 18 | 20 | 22, bytes: string][] = [
  [14, "20002f01c0000000ff00000e04" + "0100" + AUTHORITY + "070e" + NAME + "026710"],
  [16, "20002604" + "0100" + "016710" + "03" + AUTHORITY.slice(2) + "020e" + NAME],
  [18, "af000022" + "0100" + "04" + AUTHORITY.slice(2) + "020e" + NAME],
  [22, "af000022" + "0100" + "04" + AUTHORITY.slice(2) + "020e" + NAME],
];

for (const [version, bytes] of SEEN) {
  Deno.test(`draft ${version}: a set-up that a peer was seen to send is read`, () => {
    const parser = new ControlParser(version);
    parser.push(hex(bytes));
    const message = parser.next();
    assert.ok(message !== undefined && "options" in message);
    assert.deepEqual(message.options, {
      path: "",
      authority: "localhost:4604",
      implementation: "aiomoqt/0.13.3",
      ...(version < 18 ? { maxRequestId: 10_000 } : {}),
    });
    if (message.kind !== "client-setup") return;
    assert.deepEqual(message.versions, version === 14 ? [0xff00000e] : undefined);
  });
}

Deno.test("a filter that ends beyond all groups ends at none of their objects", () => {
  for (const version of [20, 22] as const) {
    // FETCH of a/t from group 2^53-1 on, and 2^63 groups more.
    const filter = "fe1fffffffffffff" + "09" + "ff8000000000000000" + "03";
    const value = version === 20 ? (filter.length / 2).toString(16) + filter : "04" + filter;
    const fields = "000101" + "61" + "0174" + "01" + "21" + value;
    const parser = new ControlParser(version);
    parser.push(hex("16" + (fields.length / 2).toString(16).padStart(4, "0") + fields));
    const read = parser.next();
    assert.deepEqual(read?.kind === "fetch" && read.range.by === "range" && read.range.end, {
      group: Number.MAX_SAFE_INTEGER,
      object: 0,
    });
    encodeControl(read!, version);
    // And 2^64-1 groups more: there is no such group.
    const beyond = new ControlParser(version);
    const more = fields.replace("ff8000000000000000", "ffffffffffffffffff");
    beyond.push(hex("16" + (more.length / 2).toString(16).padStart(4, "0") + more));
    assert.throws(() => beyond.next(), { closeCode: PROTOCOL_VIOLATION });
  }
});

Deno.test("types beyond all that are known are passed over, and refused above 2^64-1", () => {
  const read = (text: string, version: 16 | 18) => {
    const parser = new ControlParser(version);
    parser.push(hex(text));
    const message = parser.next();
    assert.ok(message !== undefined && "options" in message);
    return message.options;
  };
  // MAX_AUTH_TOKEN_CACHE_SIZE, then types 2^64-2 (an integer) and 2^64-1 (bytes).
  const largest = "04" + "05" + "fffffffffffffffffa" + "07" + "01" + "02aabb";
  assert.deepEqual(read("af00" + "0010" + largest, 18), { maxTokenCacheSize: 5 });
  // Draft 16: type 4, then 4 + 2^62-1.
  const quic = "02" + "0405" + "ffffffffffffffff" + "0161";
  assert.deepEqual(read("20" + "000d" + quic, 16), { maxTokenCacheSize: 5 });
  assert.throws(() => read("af00" + "000d" + "0405" + "ffffffffffffffffff" + "0161", 18), {
    closeCode: PROTOCOL_VIOLATION,
  });
});
