import assert from "node:assert/strict";
import fc from "fast-check";
import { type IntegerForm, LEADING_ONES, QUIC_INTEGERS } from "../../lib/moqt/wire/integers.ts";
import { hex } from "./cases.ts";

const EXAMPLES: readonly [form: string, bytes: string, value: bigint][] = [
  // RFC 9000, appendix A.1.
  ["quic", "c2197c5eff14e88c", 151_288_809_941_952_652n],
  ["quic", "9d7f3e7d", 494_878_333n],
  ["quic", "7bbd", 15_293n],
  ["quic", "25", 37n],
  // draft-18, section 1.4.1.
  ["leading ones", "25", 37n],
  ["leading ones", "8025", 37n],
  ["leading ones", "bbbd", 15_293n],
  ["leading ones", "ed7f3e7d", 226_442_877n],
  ["leading ones", "faa1a0e403d8", 2_893_212_287_960n],
  ["leading ones", "fc8998abc66bc0", 151_288_809_941_952n],
  ["leading ones", "fefa318fa8e3ca11", 70_423_237_261_249_041n],
  ["leading ones", "ffffffffffffffffff", 18_446_744_073_709_551_615n],
];

const FORMS: Readonly<Record<string, IntegerForm>> = {
  "quic": QUIC_INTEGERS,
  "leading ones": LEADING_ONES,
};

for (const [name, text, value] of EXAMPLES) {
  Deno.test(`${name}: ${text} is ${value}`, () => {
    const form = FORMS[name]!;
    const bytes = hex(text);
    assert.equal(form.length(bytes[0]!), bytes.length);
    assert.equal(form.readBig(bytes, 0), value);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      assert.equal(form.read(bytes, 0), Number(value));
    } else assert.throws(() => form.read(bytes, 0), { closeCode: 0x1 });
  });
}

/** What a form says, bit by bit. */
function naive(name: string, value: bigint): string {
  const bits = value.toString(2);
  if (name === "quic") {
    const length = [6, 14, 30, 62].findIndex((room) => bits.length <= room);
    const room = [6, 14, 30, 62][length]!;
    return length.toString(2).padStart(2, "0") + bits.padStart(room, "0");
  }
  for (let length = 1; length <= 8; length++) {
    if (bits.length <= 7 * length) {
      return `${"1".repeat(length - 1)}0${bits.padStart(7 * length, "0")}`;
    }
  }
  return "1".repeat(8) + bits.padStart(64, "0");
}

for (const [name, form] of Object.entries(FORMS)) {
  Deno.test(`${name}: what is written is what the form says, and is read again`, () => {
    const edges = [0, 6, 7, 14, 21, 28, 30, 35, 42, 49, 52].flatMap((bits) => [
      2 ** bits - 1,
      2 ** bits,
    ]);
    const check = (value: number) => {
      const target = new Uint8Array(12);
      const end = form.write(target, 1, value);
      assert.equal(end - 1, form.size(value));
      const written = [...target.subarray(1, end)].map((byte) => byte.toString(2).padStart(8, "0"))
        .join("");
      assert.equal(written, naive(name, BigInt(value)));
      assert.equal(form.length(target[1]!), end - 1);
      assert.equal(form.read(target, 1), value);
    };
    for (const value of edges) check(value);
    fc.assert(fc.property(fc.maxSafeNat(), check));
  });

  Deno.test(`${name}: large ones are written and read`, () => {
    const least = BigInt(Number.MAX_SAFE_INTEGER) + 1n;
    fc.assert(fc.property(fc.bigInt({ min: least, max: form.max }), (value) => {
      const target = new Uint8Array(12);
      const end = form.writeBig(target, 1, value);
      assert.equal(form.length(target[1]!), end - 1);
      assert.equal(form.readBig(target, 1), value);
    }));
  });
}
