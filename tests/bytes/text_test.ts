import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  decodeBase32,
  decodeBase64Url,
  decodeHex,
  decodeZBase32,
  encodeBase32,
  encodeBase64Url,
  encodeHex,
  encodeZBase32,
  TextEncodingError,
} from "../../lib/bytes/text.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

interface Codec {
  name: string;
  encode: (bytes: Uint8Array) => string;
  decode: (text: string) => Uint8Array;
  /** Text and bytes. */
  cases: [string, Uint8Array][];
  /** Texts that are no encoding, with the index of the first wrong character. */
  wrong: [string, number | undefined][];
}

const CODECS: Codec[] = [
  {
    name: "hex",
    encode: encodeHex,
    decode: decodeHex,
    cases: [["", utf8("")], ["00ff7f", Uint8Array.of(0, 255, 127)]],
    wrong: [["0", undefined], ["0g", 1], [" 00", 0], ["0x", 1]],
  },
  {
    // RFC 4648 §10, lower case and without padding.
    name: "base32",
    encode: encodeBase32,
    decode: decodeBase32,
    cases: [
      ["", utf8("")],
      ["my", utf8("f")],
      ["mzxq", utf8("fo")],
      ["mzxw6", utf8("foo")],
      ["mzxw6yq", utf8("foob")],
      ["mzxw6ytb", utf8("fooba")],
      ["mzxw6ytboi", utf8("foobar")],
    ],
    wrong: [["m", undefined], ["mz", undefined], ["my======", 2], ["m0", 1], ["m1", 1], ["m8", 1]],
  },
  {
    name: "z-base-32",
    encode: encodeZBase32,
    decode: decodeZBase32,
    cases: [
      ["", utf8("")],
      ["yy", Uint8Array.of(0)],
      ["6n9hq", Uint8Array.of(0xf0, 0xbf, 0xc7)],
      ["4t7ye", Uint8Array.of(0xd4, 0x7a, 0x04)],
    ],
    wrong: [["y", undefined], ["yl", 1], ["yv", 1], ["y0", 1], ["y2", 1]],
  },
  {
    name: "base64url",
    encode: encodeBase64Url,
    decode: decodeBase64Url,
    cases: [["", utf8("")], ["Zg", utf8("f")], ["-_8", Uint8Array.of(0xfb, 0xff)]],
    wrong: [["Z", undefined], ["Zh", undefined], ["Zg==", 2], ["+/8", 0], ["Z g", 1]],
  },
];

for (const { name, encode, decode, cases, wrong } of CODECS) {
  Deno.test(`${name}: each case is written and read`, () => {
    for (const [text, bytes] of cases) {
      assert.equal(encode(bytes), text);
      assert.deepEqual(decode(text), bytes);
    }
  });

  Deno.test(`${name}: what is no encoding is refused, naming the character`, () => {
    for (const [text, index] of wrong) {
      assert.throws(() => decode(text), (error: unknown) => {
        assert(error instanceof TextEncodingError, text);
        assert.equal(error.index, index, text);
        return true;
      });
    }
  });

  Deno.test(`${name}: any bytes come back, and any text is read or refused`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.deepEqual(decode(encode(bytes)), bytes);
    }));
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      try {
        assert.equal(encode(decode(text)).toLowerCase(), text.toLowerCase());
      } catch (error) {
        assert(error instanceof TextEncodingError, String(error));
      }
    }));
  });
}

Deno.test("hex, base32 and z-base-32 are read in either case", () => {
  assert.deepEqual(decodeHex("FF"), Uint8Array.of(255));
  assert.deepEqual(decodeBase32("MZXW6"), utf8("foo"));
  assert.deepEqual(decodeZBase32("6N9HQ"), Uint8Array.of(0xf0, 0xbf, 0xc7));
});

Deno.test("base64url and hex agree with the platform's", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.equal(encodeBase64Url(bytes), Buffer.from(bytes).toString("base64url"));
    assert.equal(encodeHex(bytes), Buffer.from(bytes).toString("hex"));
  }));
});
