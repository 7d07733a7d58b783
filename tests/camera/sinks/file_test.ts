import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UnsupportedError, UsageError, XoqError } from "../../../lib/errors.ts";
import { DiskFile } from "../../../lib/camera/sinks/disk_file.ts";
import { fileFormat, recordFile } from "../../../lib/camera/sinks/file.ts";
import { cutToWholeFragments } from "../../../lib/camera/sinks/recording.ts";
import type { SinkContext } from "../../../lib/camera/sinks/sink.ts";
import { CmafWriter } from "../../../lib/media/cmaf.ts";
import type { EncodedFrame } from "../../../lib/media/frame.ts";
import type { Codecs } from "../../../lib/media/transcode.ts";
import { ffprobe, noFfmpeg, testStream } from "../../support/ffmpeg.ts";
import { within } from "../../support/process.ts";
import { fanoutOf } from "../../support/replay.ts";
import { requires } from "../../support/requires.ts";

const { ignore } = requires(noFfmpeg);

const noCodecs: Codecs = {
  createEncoder: () => Promise.reject(new UnsupportedError("no encoder in this test")),
  createDecoder: () => Promise.reject(new UnsupportedError("no decoder in this test")),
};

async function folder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Records these frames, in bursts that fit the queue, then ends the feed. */
async function record(
  path: string,
  frames: EncodedFrame[],
  options: { force?: boolean } & SinkContext = {},
): Promise<void> {
  const fanout = fanoutOf(frames);
  const { force, ...context } = options;
  const recording = recordFile(fanout, force ? { path, force } : { path }, {
    codecs: noCodecs,
    ...context,
  });
  const ended = assert.rejects(recording, (error) => {
    if (error instanceof XoqError && error.message === "all played") return true;
    throw error;
  });
  while (fanout.stats().readers === 0) {
    const done = await Promise.race([ended.then(() => true, () => true), tick()]);
    if (done) return await ended;
  }
  for (const frame of frames) {
    fanout.push(frame);
    if (frame.sequence % 16 === 15) await tick();
  }
  fanout.setState({ state: "ended", reason: "all played" });
  await ended;
}

const tick = () => new Promise<boolean>((resolve) => setTimeout(resolve, 5, false));

for (
  const [extension, codec] of [
    ["mp4", "h264"],
    ["mp4", "hevc"],
    ["mp4", "av1"],
    ["mkv", "h264"],
    ["mkv", "hevc"],
    ["h264", "h264"],
    ["hevc", "hevc"],
    ["obu", "av1"],
    ["mjpeg", "jpeg"],
  ] as const
) {
  Deno.test({
    name: `a .${extension} recording of ${codec} holds every frame, as ffprobe decodes it`,
    ignore,
    fn: async () => {
      await using dir = await folder();
      const path = join(dir.path, `f.${extension}`);
      const frames = await testStream({ codec, width: 322, height: 242, frames: 45, gop: 15 });
      await record(path, frames);
      const probe = await ffprobe(path);
      const expected = codec === "jpeg" ? "mjpeg" : codec;
      assert.deepEqual(
        [probe.codec, probe.width, probe.height, probe.frames, probe.errors],
        [expected, 322, 242, 45, ""],
      );
      if (extension !== "mp4" && extension !== "mkv") return;
      for (const [i, time] of probe.times.entries()) {
        assert.ok(Math.abs(time - probe.times[0]! - i / 30) < 0.0011, `frame ${i} at ${time}`);
      }
    },
  });
}

Deno.test({
  name: "a change of size goes on in a second file",
  ignore,
  fn: async () => {
    await using dir = await folder();
    const small = await testStream({ codec: "h264", frames: 10 });
    const large = await testStream({ codec: "h264", width: 640, height: 480, frames: 10 });
    const files: string[] = [];
    const onEvent: SinkContext["onEvent"] = (event) =>
      void (event.type === "file" && files.push(event.path));
    await record(join(dir.path, "f.mp4"), [...small, ...large], { onEvent });
    assert.deepEqual(files, [join(dir.path, "f.mp4"), join(dir.path, "f-2.mp4")]);
    const [first, second] = await Promise.all(files.map((file) => ffprobe(file)));
    assert.deepEqual([first!.width, first!.frames], [320, 10]);
    assert.deepEqual([second!.width, second!.frames], [640, 10]);
  },
});

Deno.test({
  name: "a file that is there is not replaced without --force",
  ignore,
  fn: async () => {
    await using dir = await folder();
    const path = join(dir.path, "f.mp4");
    await Deno.writeTextFile(path, "precious");
    const frames = await testStream({ codec: "h264", frames: 5 });
    await assert.rejects(record(path, frames), (error) => {
      assert.ok(error instanceof UsageError && /--force/.test(error.hint!));
      return true;
    });
    assert.equal(await Deno.readTextFile(path), "precious");
    await record(path, frames, { force: true });
    assert.equal((await ffprobe(path)).frames, 5);
  },
});

Deno.test({
  name: "JPEG goes into MP4 by transcoding, and without an encoder says so",
  ignore,
  fn: async () => {
    await using dir = await folder();
    const frames = await testStream({ codec: "jpeg", frames: 3 });
    await assert.rejects(record(join(dir.path, "f.mp4"), frames), /no (de|en)coder in this test/);
  },
});

Deno.test({
  name: "a full disk ends a recording with one clear error",
  ignore: ignore || Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await folder();
    const path = join(dir.path, "f.mp4");
    await Deno.symlink("/dev/full", path);
    const frames = await testStream({ codec: "h264", frames: 45, gop: 5 });
    await assert.rejects(record(path, frames, { force: true }), (error) => {
      assert.ok(error instanceof XoqError);
      assert.match(error.message, /disk is full/);
      return true;
    });
  },
});

Deno.test({
  name: "a file cut anywhere is cut back to whole fragments and plays",
  ignore,
  fn: async () => {
    await using dir = await folder();
    const writer = new CmafWriter({ fps: 30 });
    const chunks = (await testStream({ codec: "h264", frames: 10, gop: 5 })).map((f) =>
      writer.write(f)!
    );
    const file = await DiskFile.open(join(dir.path, "f.mp4"), false);
    await file.append(chunks[0]!.init!);
    for (const { fragment } of chunks.slice(0, 6)) await file.append(fragment);
    const whole = file.size;
    for (const cut of [1, 8, 99, 104, 120]) {
      await file.append(chunks[6]!.fragment.subarray(0, cut));
      await cutToWholeFragments(file);
      assert.equal(file.size, whole, `${cut} bytes of a fragment`);
    }
    await file.close();
    const probe = await ffprobe(file.path);
    assert.deepEqual([probe.frames, probe.errors], [6, ""]);
  },
});

Deno.test({
  name: "a recording that is killed plays up to its last whole group",
  ignore,
  fn: async () => {
    await using dir = await folder();
    const path = join(dir.path, "f.mp4");
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--quiet",
        fileURLToPath(new URL("../../support/record_child.ts", import.meta.url)),
        path,
      ],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    // It says so when three groups of ten frames are behind it.
    await within(reader.read(), 30_000, () => "recording");
    child.kill("SIGKILL");
    await reader.cancel();
    await child.status;
    const probe = await ffprobe(path);
    assert.ok(probe.frames >= 20, `${probe.frames} frames`);
    assert.equal(probe.frames % 10, 0, "whole groups");
    assert.equal(probe.errors, "");
  },
});

Deno.test({
  name: "an abort ends a recording whole, without an error",
  ignore,
  fn: async () => {
    await using dir = await folder();
    const path = join(dir.path, "f.mp4");
    const frames = await testStream({ codec: "h264", frames: 12 });
    const fanout = fanoutOf(frames);
    const controller = new AbortController();
    const recording = recordFile(fanout, { path }, { signal: controller.signal });
    while (fanout.stats().readers === 0) await tick();
    for (const frame of frames) fanout.push(frame);
    while (!(await Deno.stat(path).catch(() => undefined))) await tick();
    await tick();
    controller.abort();
    await recording;
    assert.equal((await ffprobe(path)).errors, "");
    assert.equal(fanout.stats().readers, 0);
  },
});

Deno.test("extensions decide the format, unknown ones are refused", () => {
  assert.deepEqual(fileFormat("a/b.MP4"), { container: "mp4" });
  assert.deepEqual(fileFormat("x.y.mkv"), { container: "mkv" });
  assert.deepEqual(fileFormat("f.mjpg"), { raw: "jpeg" });
  for (const path of ["f", "f.avi", "dir.mp4/f", ""]) {
    assert.throws(() => fileFormat(path), UsageError, path);
  }
});

Deno.test("a folder that isn't there is not found", async () => {
  await assert.rejects(DiskFile.open("/nonexistent/f.mp4", false), { code: "not-found" });
  await assert.rejects(DiskFile.open("/", true), { code: "usage" });
});
