import assert from "node:assert/strict";
import { candidates, mapOwnContent } from "../../ffi/own_content.ts";
import { alignContent } from "../../scripts/compile/align.ts";

Deno.test("memory that may hold an executable's content is anonymous, writable and large", () => {
  const maps = [
    "55e52caf2000-55e52f11f000 r--p 00000000 fe:00 11591729                   /usr/bin/xoq",
    "55e5464f6000-55e546a14000 rw-p 00000000 00:00 0                          [heap]",
    "7f53a25e0000-7f53a25e4000 rw-p 00000000 00:00 0 ",
    "7f53a35e0000-7f53a35e6000 rw-p 00000000 00:00 0 ",
    "7f53a45e0000-7f53a45e6000 r--p 00000000 00:00 0 ",
    "",
  ].join("\n");
  assert.deepEqual(candidates(maps, 0x5000), [0x7f53a35e0010]);
  assert.deepEqual(candidates(maps, 0x3ff0), [0x7f53a25e0010, 0x7f53a35e0010, 0x7f53a35e2010]);
});

Deno.test("a program that is not an executable of ours maps nothing", () => {
  assert.equal(mapOwnContent(), 0);
});

Deno.test("an executable's content is moved to where it can be mapped, and found as before", async () => {
  const path = await Deno.makeTempFile();
  try {
    const content = new Uint8Array(1000).map((_, index) => index);
    content.set(new TextEncoder().encode("d3n0l4nd"));
    new DataView(content.buffer).setBigUint64(992, 1000n, true);
    await Deno.writeFile(path, new Uint8Array([...new Uint8Array(70_000).fill(7), ...content]));
    assert.equal(await alignContent(path), true);
    const bytes = await Deno.readFile(path);
    assert.equal((bytes.length - 1000) % 65_536, 16);
    assert.deepEqual(bytes.slice(-1000), content);
    assert.deepEqual(bytes.slice(0, 70_000), new Uint8Array(70_000).fill(7));
    assert.equal(await alignContent(path), true);
    assert.equal((await Deno.readFile(path)).length, bytes.length);
    await Deno.writeFile(path, new Uint8Array(100));
    assert.equal(await alignContent(path), false);
  } finally {
    await Deno.remove(path);
  }
});
