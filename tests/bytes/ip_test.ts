import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import {
  formatIp,
  formatSocketAddress,
  isLoopback,
  parseIp,
  parseSocketAddress,
} from "../../lib/bytes/ip.ts";

/** Text as given, canonical text. */
const CASES: [string, string][] = [
  ["127.0.0.1:0", "127.0.0.1:0"],
  ["255.255.255.255:65535", "255.255.255.255:65535"],
  ["[::]:1", "[::]:1"],
  ["[::1]:1", "[::1]:1"],
  ["[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"],
  ["[1:2:3:4:5:6:0:8]:4", "[1:2:3:4:5:6:0:8]:4"],
  ["[2001:0:0:1::1]:3", "[2001:0:0:1::1]:3"],
  ["[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80"],
  ["[1::]:5", "[1::]:5"],
];

for (const [text, canonical] of CASES) {
  Deno.test(`${text} is an address, written ${canonical}`, () => {
    const address = parseSocketAddress(text);
    assert(address !== undefined);
    assert.equal(formatSocketAddress(address), canonical);
  });
}

Deno.test("what is no address is none", () => {
  const wrong = [
    ..."|:1|1.2.3.4|1.2.3.4:|1.2.3.4:65536|1.2.3.4:-1|1.2.3:4|1.2.3.256:1|01.2.3.4:1".split("|"),
    ..."::1:1|[::1]|[::1]:|[:::1]:1|[1:2:3]:1|[1::2::3]:1|[::g]:1|[fe80::1%eth0]:1".split("|"),
    ..."localhost:1|[1.2.3.4]:1|1.2.3.4:1 | 1.2.3.4:1|[::1]:123456|[::1]]:1".split("|"),
  ];
  for (const text of wrong) assert.equal(parseSocketAddress(text), undefined, JSON.stringify(text));
});

Deno.test("any bytes are an address that is read back, and that the platform takes", () => {
  const ip = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.uint8Array({ minLength: 16, maxLength: 16, max: 1 }),
  );
  fc.assert(fc.property(ip, fc.nat(65535), (bytes, port) => {
    assert.equal(isIP(formatIp(bytes)), bytes.length === 4 ? 4 : 6);
    const read = parseSocketAddress(formatSocketAddress({ ip: bytes, port }));
    assert.deepEqual(read, { ip: bytes, port });
  }));
});

Deno.test("any text is an address to us only if it is one to the platform", () => {
  const text = fc.string({ unit: fc.constantFrom(..."0123456789abf:."), maxLength: 24 });
  fc.assert(
    fc.property(text, (t) => {
      if (parseIp(t) !== undefined) assert.notEqual(isIP(t), 0, t);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("loopback addresses are known in all their forms", () => {
  for (const text of ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"]) {
    assert(isLoopback(parseIp(text)!), text);
  }
  for (const text of ["128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "100::1"]) {
    assert(!isLoopback(parseIp(text)!), text);
  }
});
