import assert from "node:assert/strict";
import fc from "fast-check";
import { cutBytes, cutLines, type CutObject } from "../../lib/moq_tools/pub/cut.ts";
import { cutFragments, isMp4 } from "../../lib/moq_tools/pub/fmp4.ts";
import { ffprobe, noFfmpeg, run } from "../support/ffmpeg.ts";
import { requires } from "../support/requires.ts";
import { utf8 } from "./support.ts";

async function* chunks(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.slice(at, at + size);
    at += size;
    await Promise.resolve();
  }
}

async function all(objects: AsyncIterable<CutObject>): Promise<CutObject[]> {
  const list: CutObject[] = [];
  for await (const object of objects) list.push(object);
  return list;
}

function joined(objects: readonly CutObject[]): Uint8Array {
  return new Uint8Array(objects.flatMap(({ payload }) => [...payload]));
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

Deno.test("lines are objects with their ends, however the bytes come, and nothing is lost", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ maxLength: 12 }).map((line) => line.replaceAll("\n", "")), {
      maxLength: 8,
    }),
    fc.boolean(),
    sizes,
    async (lines, ended, sizes) => {
      const text = lines.join("\n") + (ended && lines.length > 0 ? "\n" : "");
      const objects = await all(cutLines(chunks(utf8(text), sizes)));
      const wanted = text.split(/(?<=\n)/).filter((line) => line !== "");
      assert.deepEqual(
        objects.map(({ payload }) => new TextDecoder().decode(payload)),
        wanted,
      );
    },
  ));
});

Deno.test("bytes are cut into equal objects, the last one shorter", async () => {
  await fc.assert(fc.asyncProperty(
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 1, max: 20 }),
    sizes,
    async (bytes, size, sizes) => {
      const objects = await all(cutBytes(chunks(bytes, sizes), size));
      assert.deepEqual(joined(objects), bytes);
      assert.equal(objects.length, Math.ceil(bytes.length / size));
      assert.ok(objects.slice(0, -1).every(({ payload }) => payload.length === size));
    },
  ));
});

const MP4 = ["-movflags", "frag_every_frame+empty_moov+default_base_moof", "-f", "mp4", "-"];

Deno.test({
  name: "each fragment of MP4 is an object, each key frame begins a group that plays alone",
  ...requires(noFfmpeg),
  async fn() {
    const { stdout: file } = await run("ffmpeg", [
      ..."-hide_banner -loglevel error -f lavfi -i testsrc=size=160x120:rate=10".split(" "),
      ..."-f lavfi -i sine -frames:v 25 -shortest -c:v libx264 -bf 0 -g 10".split(" "),
      ...["-pix_fmt", "yuv420p", "-c:a", "aac", ...MP4],
    ]);
    assert.ok(isMp4(file.subarray(0, 8)));
    const objects = await all(cutFragments(chunks(file, [997, 13, 40_000])));
    const starts = objects.filter(({ startsGroup }) => startsGroup === true);
    assert.equal(starts.length, 3);
    assert.ok(objects.length > 25);
    // Without the initialisations that were put in, it is the file (less ffmpeg's index at its end).
    const [init] = starts;
    const rest = objects.filter((object) => object.startsGroup !== true);
    const back = joined([init!, ...rest]);
    assert.deepEqual(back, file.subarray(0, back.length));
    // The last group alone can be decoded.
    const last = objects.slice(objects.lastIndexOf(starts.at(-1)!));
    const path = await Deno.makeTempFile({ suffix: ".mp4" });
    try {
      await Deno.writeFile(path, joined(last));
      const probe = await ffprobe(path);
      assert.equal(probe.frames, 5);
      assert.equal(probe.errors, "");
    } finally {
      await Deno.remove(path);
    }
  },
});

Deno.test("what is no fragmented MP4 is refused with what to do", async () => {
  const boxes = [
    [0, 0, 0, 8, ...utf8("mdat")],
    [0, 0, 0, 4, ...utf8("ftyp")],
    [0, 0, 0, 8, ...utf8("ftyp")],
    [0, 0, 0, 8, ...utf8("moov")],
    [0, 0, 0, 16, ...utf8("moov"), 0, 0, 0, 99, ...utf8("trak")],
  ];
  for (const box of boxes) {
    await assert.rejects(all(cutFragments(chunks(new Uint8Array(box), [3]))), {
      code: "usage",
      hint: /frag_keyframe/,
    });
  }
});
