import assert from "node:assert/strict";
import fc from "fast-check";
import { etc, getPublicKeyAsync, signAsync, verifyAsync } from "@noble/ed25519";
import { decodeBase64Url, decodeHex, encodeBase64Url } from "../../lib/bytes/text.ts";
import { DeniedError } from "../../lib/errors.ts";
import {
  decodeGrant,
  type GrantDeniedError,
  GrantFormatError,
  type GrantRequest,
  issueGrant,
  verifyGrant,
} from "../../lib/transport/grant.ts";
import { endpointIdOf, generateSecretKey, sign } from "../../lib/transport/key.ts";

const SECRET = new Uint8Array(32).fill(1);
const ID = await endpointIdOf(SECRET);
const OTHER = await endpointIdOf(new Uint8Array(32).fill(2));
const NOW = Date.UTC(2026, 0, 1);
const SECOND = NOW / 1000;

async function denied(text: string, id = ID, now = NOW, device?: string): Promise<string> {
  try {
    await verifyGrant(text, id, now, device === undefined ? {} : { device });
  } catch (error) {
    assert(error instanceof DeniedError, String(error));
    assert(!error.message.includes("\n"));
    assert(error.hint !== undefined);
    return (error as GrantDeniedError).fault;
  }
  throw new assert.AssertionError({ message: "the grant was taken" });
}

Deno.test("a grant lies at the documented offsets, and another ed25519 agrees with its signature", async () => {
  const text = await issueGrant(SECRET, {
    rights: "control",
    device: "front",
    expires: 0x0102030405,
    once: true,
  });
  const bytes = decodeBase64Url(text);
  assert.equal(bytes.length, 25 + 5 + 64);
  assert.deepEqual([...bytes.subarray(0, 2)], [1, 3]);
  assert.deepEqual([...bytes.subarray(2, 6)], [...decodeHex(ID).subarray(0, 4)]);
  assert.deepEqual([...bytes.subarray(6, 12)], [0, 1, 2, 3, 4, 5]);
  assert(bytes.subarray(12, 24).some((byte) => byte !== 0), "a nonce");
  assert.equal(bytes[24], 5);
  assert.equal(new TextDecoder().decode(bytes.subarray(25, 30)), "front");
  const message = etc.concatBytes(
    new TextEncoder().encode("xoq grant v1\0"),
    decodeHex(ID),
    bytes.subarray(0, 30),
  );
  assert(await verifyAsync(bytes.subarray(30), message, decodeHex(ID), { zip215: false }));
  assert.deepEqual(await signAsync(message, SECRET), bytes.subarray(30));
});

Deno.test("what was granted is what is verified", async () => {
  const cases: GrantRequest[] = [
    { rights: "view" },
    { rights: "control" },
    { rights: "view", device: "front", expires: SECOND + 1 },
    { rights: "control", once: true, expires: 2 ** 48 - 1 },
    { rights: "control", device: "a".repeat(64) },
  ];
  for (const request of cases) {
    const grant = await verifyGrant(await issueGrant(SECRET, request), ID, NOW, {
      device: request.device ?? "any",
    });
    assert.equal(grant.rights, request.rights);
    assert.equal(grant.device, request.device);
    assert.equal(grant.expires, request.expires);
    assert.equal(grant.once, request.once ?? false);
    assert.equal(grant.endpointId, ID);
    assert.match(grant.nonce, /^[0-9a-f]{24}$/);
  }
});

Deno.test("each grant is another one, except the standing one", async () => {
  const request = { rights: "control", device: "front" } as const;
  assert.notEqual(await issueGrant(SECRET, request), await issueGrant(SECRET, request));
  const standing = { ...request, standing: true };
  assert.equal(await issueGrant(SECRET, standing), await issueGrant(SECRET, standing));
  await assert.rejects(issueGrant(SECRET, { ...standing, once: true }), TypeError);
});

Deno.test("a grant that admits nobody is refused with the reason", async () => {
  const view = await issueGrant(SECRET, { rights: "view" });
  const bytes = decodeBase64Url(view);
  const changed = (at: number, value: number) => {
    const copy = Uint8Array.from(bytes);
    copy[at] = value;
    return encodeBase64Url(copy);
  };
  assert.equal(await denied(""), "missing");
  assert.equal(await denied("!"), "malformed");
  assert.equal(await denied(view.slice(0, 40)), "malformed");
  assert.equal(await denied(view + "AAAA"), "malformed");
  assert.equal(await denied("A".repeat(500)), "malformed");
  assert.equal(await denied(changed(0, 2)), "unknown-version");
  assert.equal(await denied(changed(1, 1)), "bad-signature"); // view raised to control
  assert.equal(await denied(changed(1, 4)), "malformed");
  assert.equal(await denied(changed(2, bytes[2]! ^ 1)), "other-endpoint");
  assert.equal(await denied(view, OTHER), "other-endpoint");
  assert.equal(await denied(changed(bytes.length - 1, bytes.at(-1)! ^ 1)), "bad-signature");
  const expiring = await issueGrant(SECRET, { rights: "view", expires: SECOND });
  assert.equal(await denied(expiring), "expired");
  assert.equal(await denied(expiring, ID, NOW + 1e9), "expired");
  await verifyGrant(expiring, ID, NOW - 1);
  const front = await issueGrant(SECRET, { rights: "view", device: "front" });
  assert.equal(await denied(front, ID, NOW, "back"), "other-device");
  await verifyGrant(front, ID, NOW);
});

Deno.test("a signature for another use of the key is no grant", async () => {
  const bytes = decodeBase64Url(await issueGrant(SECRET, { rights: "view" }));
  const body = Uint8Array.from(bytes.subarray(0, -64));
  bytes.set(await sign(SECRET, body), body.length);
  assert.equal(await denied(encodeBase64Url(bytes)), "bad-signature");
});

Deno.test("an id with the same first bytes does not open with another's grant", async () => {
  const bytes = decodeBase64Url(await issueGrant(SECRET, { rights: "view" }));
  bytes.set(decodeHex(OTHER).subarray(0, 4), 2);
  assert.equal(await denied(encodeBase64Url(bytes), OTHER), "bad-signature");
});

Deno.test("cut short at every byte, a grant is refused in the same way", async () => {
  const bytes = decodeBase64Url(await issueGrant(SECRET, { rights: "view", device: "front" }));
  for (let length = 1; length < bytes.length; length++) {
    assert.throws(() => decodeGrant(encodeBase64Url(bytes.subarray(0, length))), GrantFormatError);
  }
});

Deno.test("every bit that is flipped voids a grant", async () => {
  const bytes = decodeBase64Url(await issueGrant(SECRET, { rights: "view", device: "f" }));
  for (let at = 0; at < bytes.length; at++) {
    const copy = Uint8Array.from(bytes);
    copy[at]! ^= 1 << (at % 8);
    await denied(encodeBase64Url(copy));
  }
});

Deno.test("any text shown as a grant is denied, never an accident", async () => {
  await fc.assert(fc.asyncProperty(
    fc.oneof(fc.string({ unit: "binary" }), fc.base64String().map((t) => t.replaceAll("=", ""))),
    async (text) => void await denied(text),
  ));
});

Deno.test("fields that don't fit are the caller's mistake", async () => {
  await assert.rejects(issueGrant(SECRET, { rights: "view", expires: 2 ** 48 }), RangeError);
  await assert.rejects(issueGrant(SECRET, { rights: "view", expires: 0 }), RangeError);
  await assert.rejects(issueGrant(SECRET, { rights: "view", expires: 1.5 }), RangeError);
  await assert.rejects(issueGrant(SECRET, { rights: "view", device: "Front" }), TypeError);
  await assert.rejects(issueGrant(SECRET.subarray(1), { rights: "view" }), RangeError);
});

Deno.test("ids of keys agree with another implementation of ed25519", async () => {
  for (let i = 0; i < 8; i++) {
    const secret = generateSecretKey();
    assert.deepEqual(decodeHex(await endpointIdOf(secret)), await getPublicKeyAsync(secret));
  }
});
