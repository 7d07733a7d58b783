import assert from "node:assert/strict";
import fc from "fast-check";
import { UnsupportedError } from "../../lib/errors.ts";
import { CmafWriter } from "../../lib/media/cmaf.ts";
import { Timeline, type TimelineMode } from "../../lib/media/timeline.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";
import { ffprobe, noFfmpeg, run, testStream } from "../support/ffmpeg.ts";
import { requires } from "../support/requires.ts";
import { frame } from "./frames.ts";

const { ignore } = requires(noFfmpeg);

async function writeFile(frames: EncodedFrame[], timeline: TimelineMode = "capture") {
  const writer = new CmafWriter({ fps: 30, timeline });
  const path = await Deno.makeTempFile({ suffix: ".mp4" });
  const file = await Deno.open(path, { write: true, truncate: true });
  let inits = 0;
  for (const f of frames) {
    const chunk = writer.write(f);
    if (chunk?.init) {
      inits++;
      file.writeSync(chunk.init);
    }
    if (chunk) file.writeSync(chunk.fragment);
  }
  file.close();
  return { path, inits, [Symbol.dispose]: () => Deno.removeSync(path) };
}

/** The boxes of a file as a tree of paths with sizes checked. */
function boxes(data: Uint8Array, containers: Set<string>, path = ""): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const found: string[] = [];
  let at = 0;
  while (at < data.length) {
    const size = view.getUint32(at);
    assert.ok(size >= 8 && at + size <= data.length, `${path}: box size ${size} at ${at}`);
    const type = String.fromCharCode(...data.subarray(at + 4, at + 8));
    found.push(path + type);
    if (containers.has(type)) {
      found.push(...boxes(data.subarray(at + 8, at + size), containers, `${path}${type}/`));
    }
    at += size;
  }
  return found;
}

Deno.test({
  name: "the boxes nest as CMAF wants them",
  ignore,
  fn: async () => {
    const [key] = await testStream({ codec: "h264", frames: 1 });
    const chunk = new CmafWriter().write(key!)!;
    const nested = new Set([
      "moov",
      "trak",
      "mdia",
      "minf",
      "stbl",
      "mvex",
      "dinf",
      "moof",
      "traf",
    ]);
    assert.deepEqual(
      boxes(chunk.init!, nested).join(" "),
      "ftyp moov moov/mvhd moov/trak moov/trak/tkhd moov/trak/mdia moov/trak/mdia/mdhd " +
        "moov/trak/mdia/hdlr moov/trak/mdia/minf moov/trak/mdia/minf/vmhd moov/trak/mdia/minf/dinf " +
        "moov/trak/mdia/minf/dinf/dref moov/trak/mdia/minf/stbl moov/trak/mdia/minf/stbl/stsd " +
        "moov/trak/mdia/minf/stbl/stts moov/trak/mdia/minf/stbl/stsc moov/trak/mdia/minf/stbl/stsz " +
        "moov/trak/mdia/minf/stbl/stco moov/mvex moov/mvex/trex",
    );
    assert.deepEqual(boxes(chunk.fragment, nested), [
      "moof",
      "moof/mfhd",
      "moof/traf",
      "moof/traf/tfhd",
      "moof/traf/tfdt",
      "moof/traf/trun",
      "mdat",
    ]);
  },
});

for (const codec of ["h264", "hevc", "av1"] as const) {
  for (const timeline of ["capture", "contiguous"] as const) {
    Deno.test({
      name: `ffprobe decodes every ${codec} frame of a ${timeline} file at its time`,
      ignore,
      fn: async () => {
        const frames = await testStream({ codec, width: 322, height: 242, frames: 30 });
        using file = await writeFile(frames, timeline);
        const probe = await ffprobe(file.path);
        assert.equal(probe.errors, "");
        assert.deepEqual(
          [probe.codec, probe.width, probe.height, probe.frames],
          [codec, 322, 242, 30],
        );
        assert.ok(Math.abs(probe.rate - 30) < 0.1, `${probe.rate}`);
        for (const [i, time] of probe.times.entries()) {
          assert.ok(Math.abs(time - i / 30) < 0.0001, `frame ${i} at ${time}`);
        }
      },
    });
  }
}

Deno.test({
  name: "the picture in the file is the picture that was encoded",
  ignore,
  fn: async () => {
    const frames = await testStream({ codec: "h264", frames: 12 });
    using file = await writeFile(frames);
    const raw = new Uint8Array(frames.flatMap((f) => [...f.data]));
    const md5 = ["-f", "framemd5", "-"];
    const sums = async (args: string[], input?: Uint8Array) =>
      new TextDecoder().decode(
        (await run("ffmpeg", ["-loglevel", "error", ...args, ...md5], input)).stdout,
      )
        .split("\n").filter((line) => line && !line.startsWith("#")).map((line) =>
          line.split(",").at(-1)
        );
    const ours = await sums(["-i", file.path]);
    assert.equal(ours.length, 12);
    assert.deepEqual(ours, await sums(["-f", "h264", "-i", "-"], raw));
  },
});

Deno.test({
  name: "a dropped picture leaves a gap in a capture file",
  ignore,
  fn: async () => {
    const frames = await testStream({ codec: "h264", frames: 20, gop: 10 });
    const kept = frames.filter((_, i) => i < 5 || i >= 10);
    using file = await writeFile(kept);
    const { times } = await ffprobe(file.path);
    assert.equal(times.length, 15);
    assert.ok(Math.abs(times[5]! - 10 / 30) < 0.001);
  },
});

Deno.test({
  name: "new parameter sets bring a new initialization segment, the same ones don't",
  ignore,
  fn: async () => {
    const small = await testStream({ codec: "h264", frames: 6, gop: 2 });
    const large = await testStream({ codec: "h264", frames: 4, width: 640, height: 480 });
    const writer = new CmafWriter();
    const inits = [...small.slice(1), ...large].map((f) => writer.write(f)?.init !== undefined);
    assert.deepEqual(inits, [false, true, false, false, false, true, false, false, false]);
    assert.deepEqual([writer.info?.width, writer.info?.height], [640, 480]);
    assert.ok(writer.initSegment()!.length > 500);
  },
});

Deno.test("JPEG is refused", () => {
  assert.throws(() => new CmafWriter().write(frame(0, true, { codec: "jpeg" })), UnsupportedError);
});

Deno.test("timelines: monotonic whatever the clock does; contiguous ones without gaps", () => {
  const captures = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 1000, max: 100_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: -4e9, max: 4e9 }) },
    ),
    { maxLength: 100, size: "max" },
  );
  fc.assert(fc.property(captures, (steps) => {
    const modes = (["capture", "contiguous"] as const).map((mode) =>
      new Timeline(90_000, 30, mode)
    );
    let now = 1.7e15;
    const ends = [0, 0];
    for (const step of [0, ...steps]) {
      now += step;
      for (const [i, timeline] of modes.entries()) {
        const { time, duration } = timeline.next(now);
        assert.ok(Number.isInteger(time) && Number.isInteger(duration) && duration >= 1);
        assert.ok(duration < 2 ** 32 && time >= ends[i]!, "never goes back, never overlaps");
        if (i === 1) assert.equal(time, ends[i], "contiguous");
        ends[i] = time + duration;
      }
    }
  }));
});

Deno.test("timelines follow the capture times, without drift", () => {
  const capture = new Timeline(90_000, 30, "capture");
  const contiguous = new Timeline(90_000, 30, "contiguous");
  let now = 1.7e15, captured = 0;
  for (let i = 0; i < 10_000; i++) {
    captured = now - 1.7e15;
    const at = capture.next(now), late = contiguous.next(now);
    const expected = captured * 0.09;
    assert.ok(Math.abs(at.time - expected) <= 600, `${at.time} for ${expected}`);
    const lateBy = expected - late.time;
    assert.ok(lateBy >= -1 && lateBy <= 3100, `${lateBy} units late`);
    now += i % 7 === 3 ? 40_123 : 33_367;
  }
});
