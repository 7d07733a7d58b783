import assert from "node:assert/strict";
import { limitArenas, trimMemory } from "../../ffi/malloc.ts";

Deno.test("arenas are limited and memory is trimmed where the C library can do that", () => {
  const glibc = Deno.build.os === "linux" && Deno.build.target.endsWith("-gnu");
  assert.equal(limitArenas(2), glibc);
  assert.equal(typeof trimMemory(), "boolean");
});
