import assert from "node:assert/strict";
import { complaints } from "../../scripts/hygiene.ts";

const slash = "/";

Deno.test("a path of one machine is found, with its line", () => {
  assert.deepEqual(complaints("a.ts", `const ok = 1;\nread("${slash}root/x");\n`), [
    "a.ts:2: a path of one machine",
  ]);
  assert.equal(complaints("a.md", `see ${slash}home/somebody/x`).length, 1);
});

Deno.test("paths that only resemble one are left alone", () => {
  assert.deepEqual(complaints("a.ts", `"./work/x" "${slash}rooted/"`), []);
});

Deno.test("a lock file with a host is found", () => {
  assert.equal(complaints("deno.lock", `{"npm":{"a@1":{"tarball":"https://x.test/a"}}}`).length, 1);
  const cargo = `source = "registry+https://x.test/index"`;
  assert.equal(complaints("ffi/quic/Cargo.lock", cargo).length, 1);
});

Deno.test("a version that is not exact is found", () => {
  const config = `{"imports":{"a":"npm:a@^1.2.3","b":"npm:@s/b@1.2.3","c":"npm:c"}}`;
  assert.deepEqual(complaints("deno.json", config), [
    "deno.json: npm:a@^1.2.3 is not an exact version",
    "deno.json: npm:c is not an exact version",
  ]);
});

Deno.test("a source file of more than 500 lines is found", () => {
  assert.equal(complaints("a.ts", "\n".repeat(501)).length, 1);
  assert.equal(complaints("a.ts", "\n".repeat(500)).length, 0);
});
