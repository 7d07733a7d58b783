import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CARGO_LOCK, INSIDE, LICENSE_SECTIONS } from "../../lib/cli/license_texts.ts";
import { lockDigest } from "../../scripts/lib/lock_digest.ts";
import { npmInside } from "../../scripts/lib/npm_inside.ts";
import { runXoq } from "../support/xoq.ts";

Deno.test("the licences are those of the npm packages that are inside (else: scripts/licenses.ts)", async () => {
  const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
  assert.deepEqual(INSIDE.npm, await npmInside(main));
});

Deno.test("the licences are those of the crates as locked (else: scripts/licenses.ts)", async () => {
  const lock = fileURLToPath(new URL("../../ffi/quic/Cargo.lock", import.meta.url));
  assert.equal(CARGO_LOCK, await lockDigest(lock));
  assert(INSIDE.crates.some((crate) => crate.startsWith("iroh@")));
});

Deno.test("every package inside is named with a licence", () => {
  const text = LICENSE_SECTIONS.join("\n").replaceAll(/\s+/g, " ");
  for (const pack of [...INSIDE.npm, ...INSIDE.crates]) {
    const at = pack.lastIndexOf("@");
    assert(text.includes(`${pack.slice(0, at)} ${pack.slice(at + 1)}`), pack);
  }
});

Deno.test("xoq licenses prints them all, GPL and Apache among them", async () => {
  const { code, stdout } = await runXoq(["licenses"]);
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0);
  for (const part of ["Apache License", "GNU GENERAL PUBLIC LICENSE", "x264", "V8", "iroh 1."]) {
    assert(text.includes(part), part);
  }
  for (const section of LICENSE_SECTIONS) assert(text.includes(section));
});
