import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeBase32, decodeHex, encodeBase32 } from "../../lib/bytes/text.ts";
import { UsageError } from "../../lib/errors.ts";
import { issueGrant } from "../../lib/transport/grant.ts";
import { endpointIdOf } from "../../lib/transport/key.ts";
import {
  formatEndpointTicket,
  formatTicket,
  parseTicket,
  toDeviceName,
} from "../../lib/transport/ticket.ts";

interface Vector {
  maker: string;
  name: string;
  secret_key: string;
  id: string;
  z32?: string;
  relays: string[];
  direct: string[];
  custom: string[];
  ticket: string;
}

const VECTORS: Vector[] = JSON.parse(
  Deno.readTextFileSync(new URL("../vectors/tickets.json", import.meta.url)),
).tickets;
const FIRST = VECTORS[0]!;
const SECRET = new Uint8Array(32).fill(1);

function refused(text: string): UsageError {
  try {
    parseTicket(text);
  } catch (error) {
    assert(error instanceof UsageError, `${text}: ${error}`);
    assert(!error.message.includes("\n"), "one line");
    assert(error.hint !== undefined && !error.hint.includes("\n"), `a hint for ${error.message}`);
    return error;
  }
  throw new assert.AssertionError({ message: `taken for a ticket: ${text}` });
}

for (const vector of VECTORS) {
  Deno.test(`a ticket made by ${vector.maker} is read and written again: ${vector.name}`, () => {
    const { address, device, grant } = parseTicket(vector.ticket);
    assert.equal(address.id, vector.id);
    assert.deepEqual(address.relays, vector.relays);
    assert.deepEqual(address.direct, vector.direct);
    assert.deepEqual(address.custom ?? [], vector.custom);
    assert.equal(device, undefined);
    assert.equal(grant, undefined);
    assert.equal(formatEndpointTicket(address), vector.ticket);
  });

  Deno.test(`writing sorts and dedupes as ${vector.maker}'s iroh does: ${vector.name}`, () => {
    const { id, relays, direct, custom } = vector;
    const shuffled = {
      id,
      relays: [...relays, ...relays].reverse(),
      direct: [...direct, ...direct].reverse(),
      custom: [...custom, ...custom].reverse(),
    };
    assert.equal(formatEndpointTicket(shuffled), vector.ticket);
  });

  Deno.test(`cut short at any character, it is refused: ${vector.name}`, () => {
    for (let length = 0; length < vector.ticket.length; length++) {
      refused(vector.ticket.slice(0, length));
    }
  });

  Deno.test(`cut short at any byte, it is refused: ${vector.name}`, () => {
    const bytes = decodeBase32(vector.ticket.slice("endpoint".length));
    for (let length = 0; length < bytes.length; length++) {
      refused("endpoint" + encodeBase32(bytes.subarray(0, length)));
    }
  });
}

Deno.test("a bare id is read in hex and in z-base-32, in either case", () => {
  const vector = VECTORS.find((v) => v.z32 !== undefined)!;
  for (const text of [vector.id, vector.id.toUpperCase(), vector.z32!, vector.z32!.toUpperCase()]) {
    assert.deepEqual(parseTicket(text).address, { id: vector.id, relays: [], direct: [] });
  }
});

Deno.test("an id with places and a device is read", () => {
  const { id } = FIRST;
  const cases: [string, string[], string[], string | undefined][] = [
    [`${id}@192.0.2.1:4433`, [], ["192.0.2.1:4433"], undefined],
    [`${id}@192.0.2.1:4433/front`, [], ["192.0.2.1:4433"], "front"],
    [`${id}@[2001:db8::1]:1@10.0.0.1:2/a.b`, [], ["[2001:db8::1]:1", "10.0.0.1:2"], "a.b"],
    [`${id}@https://relay.example`, ["https://relay.example/"], [], undefined],
    [`${id}@https://relay.example/`, ["https://relay.example/"], [], undefined],
    [`${id}@https://relay.example:8443/front`, ["https://relay.example:8443/"], [], "front"],
    [`${id}@10.0.0.1:2@http://r.example/x`, ["http://r.example/"], ["10.0.0.1:2"], "x"],
    [`${id}/front`, [], [], "front"],
    [`  ${id}\n`, [], [], undefined],
  ];
  for (const [text, relays, direct, device] of cases) {
    const ticket = parseTicket(text);
    assert.deepEqual(ticket.address, { id, relays, direct }, text);
    assert.equal(ticket.device, device, text);
  }
});

Deno.test("device and grant behind an endpoint ticket survive both ways", async () => {
  const grant = await issueGrant(SECRET, { rights: "view", device: "front" });
  assert.equal(FIRST.id, await endpointIdOf(SECRET));
  const text = `${FIRST.ticket}/front#${grant}`;
  const ticket = parseTicket(text);
  assert.equal(ticket.device, "front");
  assert.equal(ticket.grant, grant);
  assert.equal(formatTicket(ticket), text);
});

Deno.test("each malformed ticket is refused with a line that names its fault", async () => {
  const grant = await issueGrant(SECRET, { rights: "view" });
  const other = VECTORS[1]!;
  const body = decodeBase32(FIRST.ticket.slice("endpoint".length));
  const withBytes = (...tail: number[]) =>
    "endpoint" + encodeBase32(Uint8Array.from([...body.subarray(0, 33), ...tail]));
  const cases: [string, RegExp][] = [
    ["", /empty/],
    ["hello", /neither a ticket nor an endpoint id/],
    ["blobabcdefghijklmnopqrstuvwxyz234567", /iroh blob ticket/],
    ["nodeabcdefghijklmnopqrstuvwxyz234567", /iroh node ticket/],
    ["docabcdefghijklmnopqrstuvwxyz234567", /iroh doc ticket/],
    ["endpoint", /cut short/],
    [FIRST.ticket.slice(0, -4), /cut short/],
    [FIRST.ticket.replace(/.$/, "0"), /mistyped: "0" is not a base32 digit/],
    [FIRST.ticket.slice(0, 20) + "!" + FIRST.ticket.slice(21), /character 21/],
    ["endpoint" + encodeBase32(Uint8Array.of(...body, 0)), /1 bytes too many/],
    ["endpoint" + encodeBase32(Uint8Array.of(1, ...body.subarray(1))), /version 2, not 1/],
    [withBytes(1, 3, 0), /unknown kind 3/],
    [withBytes(1, 1, 2), /unknown family 2/],
    [withBytes(1, 0, 3, 0xff, 0xff, 0xff), /not UTF-8/],
    [withBytes(1, 0, 3, 0x61, 0x62, 0x63), /relay URL that is none: "abc"/],
    [withBytes(0xff, 0xff, 0x03), /65535 addresses, at most 256/],
    [withBytes(0xff, 0xff, 0xff, 0xff, 0x7f), /varint above 32 bits/],
    [withBytes(1, 0, 0xff, 0x7f), /relay URL of 16383 bytes, at most 2048/],
    [withBytes(1, 2, 0, 0xff, 0x7f), /custom address of 16383 bytes, at most 1024/],
    [`${FIRST.ticket}/`, /without a device name/],
    [`${FIRST.ticket}/Front`, /device name "Front" is none/],
    [`${FIRST.ticket}/-x`, /device name "-x" is none/],
    [`${FIRST.ticket}/${"a".repeat(65)}`, /device name .* is none/],
    [`${FIRST.ticket}/a/b`, /device name "a\/b" is none/],
    [`${FIRST.ticket}#`, /grant .* is missing/],
    [`${FIRST.ticket}#${grant.slice(0, -2)}`, /grant .* is (cut short|mistyped)/],
    [`${FIRST.ticket}#${grant}x`, /grant/],
    [`${FIRST.ticket}#${grant} trailing`, /grant .* mistyped/],
    [`${other.ticket}#${grant}`, /belongs to another endpoint/],
    [FIRST.id.slice(1), /neither a ticket nor an endpoint id \(63 hex digits\)/],
    [`g${FIRST.id.slice(1)}`, /a character is mistyped/],
    [`${FIRST.id}@`, /no address/],
    [`${FIRST.id}@localhost:1`, /"localhost:1" behind the endpoint id is no address/],
    [`${FIRST.id}@1.2.3.4`, /no address/],
    [`${FIRST.id}@1.2.3.4:99999`, /no address/],
    [`${FIRST.id}@1.2.3.400:1`, /no address/],
    [`${FIRST.id}@https://a:b@relay.example/`, /no address/],
    ["x".repeat(9000), /9000 characters long, at most 8192/],
  ];
  for (const [text, message] of cases) assert.match(refused(text).message, message, text);
});

Deno.test("a fault's message never shows a grant", async () => {
  const grant = await issueGrant(SECRET, { rights: "control" });
  for (
    const text of [`hello#${grant}`, `${FIRST.ticket}/UP#${grant}`, `${FIRST.ticket}#${grant}!`]
  ) {
    assert(!refused(text).message.includes(grant.slice(20, 40)));
  }
});

Deno.test("half of the mistyped ids are seen to be no keys, and none is taken for its neighbour", () => {
  let refusals = 0;
  for (let i = 0; i < 64; i++) {
    const digit = FIRST.id[i] === "a" ? "b" : "a";
    const typo = FIRST.id.slice(0, i) + digit + FIRST.id.slice(i + 1);
    try {
      assert.equal(parseTicket(typo).address.id, typo);
    } catch (error) {
      assert(error instanceof UsageError);
      refusals++;
    }
  }
  assert(refusals > 16 && refusals < 48, `${refusals} of 64`);
});

Deno.test("any text is a ticket or a usage error", () => {
  const pieces = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(...VECTORS.map((v) => v.ticket)),
    fc.constantFrom(FIRST.id, "@", "/", "#", "endpoint", "https://", "[::1]:1"),
  );
  fc.assert(fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
    try {
      const ticket = parseTicket(parts.join(""));
      formatTicket(ticket);
    } catch (error) {
      assert(error instanceof UsageError, String(error));
    }
  }));
});

Deno.test("any bytes in a ticket are a ticket or a usage error", () => {
  const seeds = VECTORS.map((v) => decodeBase32(v.ticket.slice("endpoint".length)));
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (seed, changes) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          formatTicket(parseTicket("endpoint" + encodeBase32(bytes)));
        } catch (error) {
          assert(error instanceof UsageError, String(error));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("any address written is read back the same, in iroh's order", () => {
  const octet = fc.nat(255);
  const direct = fc.tuple(octet, octet, octet, octet, fc.nat(65535))
    .map(([a, b, c, d, port]) => `${a}.${b}.${c}.${d}:${port}`);
  const custom = fc.tuple(fc.bigInt(0n, 2n ** 64n - 1n), fc.uint8Array({ maxLength: 64 }))
    .map(([id, data]) =>
      `${id.toString(16)}_${[...data].map((b) => b.toString(16).padStart(2, "0")).join("")}`
    );
  const relay = fc.webUrl({ withQueryParameters: true }).filter((url) => URL.canParse(url));
  fc.assert(fc.property(
    fc.array(relay, { maxLength: 3 }),
    fc.array(direct, { maxLength: 8 }),
    fc.array(custom, { maxLength: 4 }),
    (relays, directs, customs) => {
      const address = { id: FIRST.id, relays, direct: directs, custom: customs };
      const text = formatEndpointTicket(address);
      const read = parseTicket(text).address;
      assert.deepEqual(new Set(read.direct), new Set(directs));
      assert.deepEqual(new Set(read.custom ?? []), new Set(customs));
      assert.deepEqual(new Set(read.relays), new Set(relays.map((r) => new URL(r).href)));
      assert.equal(formatEndpointTicket(read), text);
    },
  ));
});

Deno.test("parts that are none can't be written", () => {
  const address = { id: FIRST.id, relays: [], direct: [] };
  assert.throws(() => formatTicket({ address, device: "No" }), TypeError);
  assert.throws(() => formatEndpointTicket({ ...address, direct: ["localhost:1"] }), TypeError);
  assert.throws(() => formatEndpointTicket({ ...address, relays: ["nowhere"] }), TypeError);
  assert.throws(() => formatEndpointTicket({ ...address, id: "00" }), TypeError);
  assert.throws(() => formatEndpointTicket({ ...address, custom: ["1-2"] }), TypeError);
});

Deno.test("a device name is made of any text", () => {
  assert.equal(toDeviceName("HD Pro Webcam C920"), "hd-pro-webcam-c920");
  assert.equal(toDeviceName("  __!"), "device");
  assert.equal(toDeviceName("日本", "camera"), "camera");
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assert.match(toDeviceName(text), /^[a-z0-9][a-z0-9._-]{0,63}$/);
  }));
});

Deno.test("the vectors' keys are what their ids say", async () => {
  for (const { secret_key, id } of VECTORS) {
    assert.equal(await endpointIdOf(decodeHex(secret_key)), id);
  }
});
