import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isSendable,
  label,
  nextName,
  readTxt,
  serviceRecords,
  txtStrings,
} from "../../lib/discovery/service.ts";
import { readXoqService, xoqTxt } from "../../lib/discovery/xoq_service.ts";

const ID = "0123456789abcdef".repeat(4);
const found = (txt: readonly string[]) => ({
  name: "front @ host._xoq._udp.local",
  instance: "front @ host",
  host: "host.local",
  port: 4433,
  addresses: ["192.0.2.1"],
  txt: readTxt(txtStrings(txt)),
});

Deno.test("what a server says of itself is read back, and holds no grant", () => {
  const devices = [
    { name: "front", kind: "camera", busy: false },
    { name: "arm.left", kind: "can", busy: true },
  ];
  const txt = xoqTxt(ID, devices);
  assert.deepEqual(txt, [
    "v=1",
    `id=${ID}`,
    "kinds=camera,can",
    "d0=front:camera",
    "d1=arm.left:can",
    "busy=arm.left",
  ]);
  assert.deepEqual(readXoqService(found(txt)), {
    name: "front @ host._xoq._udp.local",
    label: "front @ host",
    id: ID,
    devices,
    addresses: ["192.0.2.1:4433"],
  });
});

Deno.test("many devices are cut to what a packet takes", () => {
  const devices = Array.from({ length: 256 }, (_, i) => ({
    name: `${String(i).padStart(3, "0")}${"x".repeat(61)}`,
    kind: "serial",
    busy: true,
  }));
  const txt = xoqTxt(ID, devices);
  txtStrings(txt);
  const read = readXoqService(found(txt));
  assert.ok(read !== undefined && read.devices.length >= 8, `${read?.devices.length} devices`);
});

Deno.test("what is no server of this program is none", () => {
  for (const txt of [[], ["v=2", `id=${ID}`], ["v=1"], ["v=1", "id=xyz"], ["v=1", `id=${ID}0`]]) {
    assert.equal(readXoqService(found(txt)), undefined);
  }
  const odd = readXoqService(found(["v=1", `id=${ID}`, "d0=no spaces:x", "d1=front:camera"]));
  assert.deepEqual(odd?.devices, []);
  const loud = readXoqService({ ...found(["v=1", `id=${ID}`]), instance: "a\x1b[31mb\u202e" });
  assert.equal(loud?.label, "a[31mb");
});

Deno.test("names count up in a conflict, and always fit a label", () => {
  assert.equal(nextName("Arm (host)"), "Arm (host) (2)");
  assert.equal(nextName("Arm (host) (2)"), "Arm (host) (3)");
  assert.equal(nextName("Arm (99)"), "Arm (100)");
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), (text) => {
    const next = nextName(label(text));
    assert.ok(new TextEncoder().encode(next).length <= 63);
    assert.notEqual(next, label(text));
    assert.ok(!label(text).includes("."));
  }));
});

Deno.test("strings of a TXT record are read as RFC 6763 says: the first of a key, no case, any value", () => {
  const txt = readTxt(
    ["A=1", "a=2", "flag", "=x", "k=a=b", ""].map((s) => new TextEncoder().encode(s)),
  );
  assert.deepEqual([...txt], [["a", "1"], ["flag", ""], ["k", "a=b"]]);
  assert.throws(() => txtStrings(["k=" + "v".repeat(254)]), RangeError);
  assert.throws(() => txtStrings(Array(10).fill("k=" + "v".repeat(200))), RangeError);
});

Deno.test("names from outside are asked for only where they fit a question", () => {
  assert.equal(isSendable("a._xoq._udp.local"), true);
  for (const name of ["", "a..b", `${"x".repeat(64)}.local`, Array(130).fill("a").join(".")]) {
    assert.equal(isSendable(name), false, name);
  }
});

Deno.test("only a service's own records carry the cache-flush bit", () => {
  const service = { type: "_t._udp.local", instance: "a.b", port: 1, txt: ["v=1"] };
  const { pointer, kind, place, text } = serviceRecords(service, "h.local");
  assert.equal(pointer.data, "a·b._t._udp.local");
  assert.deepEqual([pointer.flush, kind.flush, place.flush, text.flush], [
    undefined,
    undefined,
    true,
    true,
  ]);
});
