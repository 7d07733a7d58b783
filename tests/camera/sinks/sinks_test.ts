import assert from "node:assert/strict";
import { join } from "node:path";
import { LostError, UnsupportedError, UsageError } from "../../../lib/errors.ts";
import { writeSnapshot } from "../../../lib/camera/sinks/snapshot.ts";
import { pipeStdout } from "../../../lib/camera/sinks/stdout.ts";
import { runV4l2Sink } from "../../../lib/camera/sinks/v4l2.ts";
import type { openVideoOutput, VideoOutputConfig } from "../../../lib/camera/v4l2_output.ts";
import type { RawFrame } from "../../../lib/media/frame.ts";
import type { Codecs } from "../../../lib/media/transcode.ts";
import { ffprobe, noFfmpeg, testStream } from "../../support/ffmpeg.ts";
import { fanoutOf } from "../../support/replay.ts";
import { requires } from "../../support/requires.ts";
import { frame } from "../../media/frames.ts";

const { ignore } = requires(noFfmpeg);

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 2));

async function readers(fanout: { stats(): { readers: number } }): Promise<void> {
  while (fanout.stats().readers === 0) await turn();
}

Deno.test("a snapshot of a JPEG stream is the camera's own image, byte for byte", async () => {
  const dir = await Deno.makeTempDir();
  const path = join(dir, "f.jpg");
  const image = frame(7, true, {
    codec: "jpeg",
    data: new Uint8Array([0xff, 0xd8, 1, 2, 0xff, 0xd9]),
  });
  const fanout = fanoutOf([image]);
  const snapshot = writeSnapshot(fanout, { path });
  await readers(fanout);
  fanout.push(image);
  await snapshot;
  assert.deepEqual(await Deno.readFile(path), image.data);
  assert.equal(fanout.stats().readers, 0);
  await assert.rejects(writeSnapshot(fanout, { path }), UsageError);
  const again = writeSnapshot(fanout, { path, force: true });
  await readers(fanout);
  fanout.push({ ...image, data: new Uint8Array([9]) });
  await again;
  assert.deepEqual(await Deno.readFile(path), new Uint8Array([9]));
  assert.deepEqual([...Deno.readDirSync(dir)].map((entry) => entry.name), ["f.jpg"]);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a snapshot fails clearly: wrong name, no folder, no stream, aborted", async () => {
  const fanout = fanoutOf([frame(0, true, { codec: "jpeg" })]);
  await assert.rejects(writeSnapshot(fanout, { path: "f.png" }), UsageError);
  await assert.rejects(writeSnapshot(fanout, { path: "/nonexistent/f.jpg" }), {
    code: "not-found",
  });
  const controller = new AbortController();
  const aborted = writeSnapshot(fanout, { path: "/tmp/never.jpg" }, { signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, { name: "AbortError" });
  fanout.setState({ state: "ended", reason: "gone for good" });
  await assert.rejects(writeSnapshot(fanout, { path: "/tmp/never.jpg" }), LostError);
});

for (const format of ["h264", "mp4"] as const) {
  Deno.test({
    name: `${format} on stdout decodes, as ffprobe sees it`,
    ignore,
    fn: async () => {
      const frames = await testStream({ codec: "h264", frames: 30 });
      const fanout = fanoutOf(frames);
      const out: Uint8Array[] = [];
      const write = (bytes: Uint8Array) => {
        // A pipe takes what fits.
        const taken = bytes.slice(0, 1000);
        out.push(taken);
        return Promise.resolve(taken.length);
      };
      const piped = assert.rejects(pipeStdout(fanout, { format, write }), LostError);
      await readers(fanout);
      for (const f of frames) {
        fanout.push(f);
        await turn();
      }
      fanout.setState({ state: "ended", reason: "all played" });
      await piped;
      const path = await Deno.makeTempFile({ suffix: `.${format}` });
      await Deno.writeFile(path, new Uint8Array(out.flatMap((part) => [...part])));
      const probe = await ffprobe(path);
      assert.deepEqual([probe.codec, probe.frames, probe.errors], ["h264", 30, ""]);
      await Deno.remove(path);
    },
  });
}

Deno.test({
  name: "a slow reader of stdout loses whole groups and still decodes",
  ignore,
  fn: async () => {
    const frames = await testStream({ codec: "h264", frames: 60, gop: 10 });
    const fanout = fanoutOf(frames);
    const out: Uint8Array[] = [];
    let room = Promise.withResolvers<void>();
    const write = async (bytes: Uint8Array) => {
      await room.promise;
      out.push(bytes);
      return bytes.length;
    };
    const piped = assert.rejects(pipeStdout(fanout, { format: "h264", write }), LostError);
    await readers(fanout);
    for (const [i, f] of frames.entries()) {
      if (i === 15) room = Promise.withResolvers();
      if (i < 15 || i === 45) room.resolve();
      fanout.push(f);
      await turn();
    }
    fanout.setState({ state: "ended", reason: "all played" });
    await piped;
    const path = await Deno.makeTempFile({ suffix: ".h264" });
    await Deno.writeFile(path, new Uint8Array(out.flatMap((part) => [...part])));
    const probe = await ffprobe(path);
    assert.equal(probe.errors, "");
    assert.ok(probe.frames >= 30 && probe.frames <= 45, `${probe.frames} frames`);
    assert.equal(probe.frames, out.length);
    await Deno.remove(path);
  },
});

Deno.test("a reader that closes stdout's pipe ends it quietly", async () => {
  const fanout = fanoutOf([frame(0, true)]);
  const write = () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe"));
  const piped = pipeStdout(fanout, { format: "h264", write });
  await readers(fanout);
  fanout.push(frame(0, true));
  await piped;
  assert.equal(fanout.stats().readers, 0);
});

Deno.test("a stream that changes its codec ends stdout with a clear error", async () => {
  const fanout = fanoutOf([frame(0, true)]);
  const write = (bytes: Uint8Array) => Promise.resolve(bytes.length);
  const piped = assert.rejects(pipeStdout(fanout, { format: "h264", write }), UnsupportedError);
  await readers(fanout);
  fanout.push(frame(0, true));
  fanout.push(frame(1, true, { codec: "jpeg" }));
  await piped;
});

Deno.test("a reader of stdout that is stopped doesn't hold up an abort", async () => {
  const fanout = fanoutOf([frame(0, true)]);
  const controller = new AbortController();
  const piped = pipeStdout(fanout, { format: "h264", write: () => new Promise(() => {}) }, {
    signal: controller.signal,
  });
  await readers(fanout);
  fanout.push(frame(0, true));
  await turn();
  controller.abort();
  await piped;
});

/** A device that keeps what is written. */
function fakeOutput(refuses: string[] = []) {
  const opened: VideoOutputConfig[] = [];
  const written: (RawFrame | Uint8Array)[] = [];
  let closed = 0;
  const open: typeof openVideoOutput = (_path, wish) => {
    const format = [wish.format].flat().find((format) => !refuses.includes(format));
    if (format === undefined) {
      return Promise.reject(new UnsupportedError(`it takes no ${wish.format}`));
    }
    const config = { ...wish, format };
    opened.push(config);
    const close = () => Promise.resolve(void closed++);
    return Promise.resolve({
      config,
      dropped: 0,
      write: (picture) => void written.push(picture),
      close,
      [Symbol.asyncDispose]: close,
    });
  };
  return { open, opened, written, closed: () => closed };
}

/** A decoder whose pictures are grey. */
function greyCodecs(released: { count: number }): Codecs {
  return {
    createEncoder: () => Promise.reject(new UnsupportedError("not here")),
    createDecoder: () =>
      Promise.resolve({
        name: "grey",
        corrupt: 0,
        decode: ({ width, height, captureTime, sequence }) =>
          Promise.resolve({
            format: "I420" as const,
            width,
            height,
            planes: [],
            captureTime,
            sequence,
            release: () => void released.count++,
          }),
        close: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

Deno.test("a virtual camera gets JPEG untouched where it takes it, else pictures", async () => {
  const jpeg = frame(0, true, { codec: "jpeg" });
  for (const refuses of [[], ["MJPG"]]) {
    const fanout = fanoutOf([jpeg]);
    const device = fakeOutput(refuses);
    const released = { count: 0 };
    const controller = new AbortController();
    const sink = runV4l2Sink(fanout, { path: "/dev/video20", open: device.open }, {
      signal: controller.signal,
      codecs: greyCodecs(released),
    });
    await readers(fanout);
    fanout.push(jpeg);
    await turn();
    fanout.push({ ...jpeg, sequence: 1 });
    await turn();
    controller.abort();
    await sink;
    const raw = refuses.length > 0;
    assert.deepEqual(device.opened.map((config) => config.format), [raw ? "I420" : "MJPG"]);
    assert.equal(device.written.length, 2);
    assert.equal(device.written[0] === jpeg.data, !raw);
    assert.equal(released.count, raw ? 2 : 0);
    assert.equal(device.closed(), 1);
  }
});

Deno.test("a virtual camera is opened anew when the picture's size changes", async () => {
  const fanout = fanoutOf([frame(0, true)]);
  const device = fakeOutput();
  const released = { count: 0 };
  const sink = runV4l2Sink(fanout, { path: "/dev/video20", open: device.open }, {
    codecs: greyCodecs(released),
  });
  const ended = assert.rejects(sink, LostError);
  await readers(fanout);
  for (const [i, width] of [640, 640, 320].entries()) {
    fanout.push(frame(i, true, { width }));
    await turn();
  }
  fanout.setState({ state: "ended", reason: "gone" });
  await ended;
  assert.deepEqual(device.opened.map((config) => config.width), [640, 320]);
  assert.deepEqual([device.written.length, released.count, device.closed()], [3, 3, 2]);
});
