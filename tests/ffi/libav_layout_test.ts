import assert from "node:assert/strict";
import { LIBAV_LAYOUTS } from "../../ffi/libav/layouts.ts";
import { requires } from "../support/requires.ts";

/** What the layout program says of this machine's headers; the reason where it can't be built. */
async function measured(): Promise<{ layout?: Record<string, number>; missing?: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const source = new URL("../../ffi/libav/layout.c", import.meta.url);
    const program = `${folder}/layout`;
    const built = await new Deno.Command("cc", {
      args: ["-o", program, source.pathname],
      stderr: "null",
    }).output();
    if (!built.success) return { missing: "libavcodec's headers are not installed" };
    const { stdout } = await new Deno.Command(program).output();
    return { layout: JSON.parse(new TextDecoder().decode(stdout)) };
  } catch (error) {
    return { missing: `no C compiler (${error instanceof Error ? error.message : error})` };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const { layout, missing } = await measured();

Deno.test({
  name: "the layout of libavcodec is what this machine's headers say",
  ...requires(missing),
  fn: () => {
    assert.deepEqual({ ...LIBAV_LAYOUTS[layout!.major!] }, layout);
  },
});

Deno.test("layouts of FFmpeg 4 to 8 are known, with every field", () => {
  assert.deepEqual(Object.keys(LIBAV_LAYOUTS), ["58", "59", "60", "61", "62"]);
  const fields = Object.keys(LIBAV_LAYOUTS[59]!).sort();
  for (const [major, each] of Object.entries(LIBAV_LAYOUTS)) {
    assert.equal(each.major, Number(major));
    assert.deepEqual(Object.keys(each).sort(), fields);
  }
});
