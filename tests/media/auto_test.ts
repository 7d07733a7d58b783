import assert from "node:assert/strict";
import { UnsupportedError } from "../../lib/errors.ts";
import { codecLibraries, type EncoderChoice, openEncoder } from "../../lib/media/auto.ts";
import type { EncoderConfig } from "../../lib/media/codec.ts";

const CONFIG: EncoderConfig = {
  codec: "jpeg",
  width: 64,
  height: 64,
  fps: 30,
  bitrate: 100_000,
  quality: 80,
  gop: 30,
};

Deno.test("every library answers for itself and never throws", async () => {
  const names = new Set<string>();
  for (const library of codecLibraries()) {
    names.add(library.name);
    const probe = await library.probe();
    assert.notEqual(probe.detail, "");
    if (!probe.available) assert.deepEqual(probe.encoders, {});
  }
  assert.deepEqual([...names], ["libav", "embedded", "nvenc", "videotoolbox", "v4l2m2m"]);
});

Deno.test("JPEG is encoded on every machine", async () => {
  await using encoder = await openEncoder("auto", CONFIG);
  await using own = await openEncoder("embedded", CONFIG);
  assert.equal(own.name, "embedded jpeg");
  assert.notEqual(encoder.name, "");
});

Deno.test("auto goes on to the next library, and at the end says what was tried", async () => {
  const exclude = new Set<string>();
  for (;;) {
    try {
      await using encoder = await openEncoder("auto", CONFIG, { exclude });
      assert.ok(!exclude.has(encoder.name));
      exclude.add(encoder.name);
    } catch (error) {
      assert.ok(error instanceof UnsupportedError);
      assert.match(error.message, /libav: .*embedded: /);
      break;
    }
  }
  assert.ok(exclude.has("embedded jpeg"));
});

Deno.test("a named encoder that is not here is refused with what to do", async () => {
  for (const choice of ["nvenc", "videotoolbox", "v4l2m2m", "device"] as EncoderChoice[]) {
    await assert.rejects(openEncoder(choice, { ...CONFIG, codec: "h264" }), (error) => {
      assert.ok(error instanceof UnsupportedError);
      assert.ok(error.hint !== undefined && error.hint.length > 10, choice);
      return true;
    });
  }
  for (const codec of ["hevc", "av1"] as const) {
    await assert.rejects(openEncoder("embedded", { ...CONFIG, codec }), UnsupportedError);
  }
});
