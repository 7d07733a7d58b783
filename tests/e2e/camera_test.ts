/** `xoq camera test` on one side, `xoq open` on the other, both as processes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ffprobe, noFfmpeg } from "../support/ffmpeg.ts";
import { assertInOrder, readPictures } from "../support/pattern.ts";
import { requires } from "../support/requires.ts";
import { camera, receive, SIZE } from "../support/served_camera.ts";
import { runXoq, xoq } from "../support/xoq.ts";
import { within } from "../support/process.ts";

for (
  const [codec, format, fps] of [
    ["h264", "h264", 30],
    ["hevc", "hevc", 10],
    ["av1", "obu", 10],
    ["jpeg", "mjpeg", 30],
  ] as const
) {
  const name = `${codec} from a ticket decodes, in order and none twice`;
  Deno.test({ name, ...requires(noFfmpeg) }, async () => {
    await using server = await camera([`--${codec}`, "--fps", String(fps)]);
    const { bytes, pictures } = await receive(server.ticket, codec, fps * 2);
    const read = await readPictures(bytes, SIZE, format);
    // Of what was received, the sink may have left out what came while it wrote.
    assert(read.length >= pictures * 0.8, `${read.length} of ${pictures} pictures decode`);
    assertInOrder(read);

    const gone = await server.xoq.until("gone");
    assert.equal(gone["role"], "viewer");
    assert.equal(await server.xoq.interrupt(), 130);
  });
}

Deno.test(
  { name: "MP4 has the camera's rate, and times that only grow", ...requires(noFfmpeg) },
  async () => {
    await using server = await camera(["--h264"]);
    const { bytes, pictures } = await receive(server.ticket, "mp4", 90);
    await using file = await temporary("stream.mp4", bytes);
    const probe = await ffprobe(file.path);
    assert.equal(probe.codec, "h264");
    assert.equal(probe.width, SIZE.width);
    assert.equal(probe.height, SIZE.height);
    assert(probe.frames >= pictures * 0.8, `${probe.frames} of ${pictures} frames decode`);
    probe.times.reduce((before, time) => {
      assert(time > before, `${time} s comes after ${before} s`);
      return time;
    }, -1);
    // Times are the camera's: whatever is missing, they are thirtieths of a second apart.
    const steps = probe.times.slice(1).map((time, index) =>
      (time - (probe.times[index] ?? 0)) * 30
    );
    const even = steps.filter((step) => Math.abs(step - Math.round(step)) < 0.25);
    assert(even.length > steps.length * 0.8, `${steps.map((step) => step.toFixed(2))}`);
  },
);

for (const codec of ["h264", "jpeg"]) {
  Deno.test(
    { name: `--snapshot of a ${codec} camera writes one JPEG`, ...requires(noFfmpeg) },
    async () => {
      await using server = await camera([`--${codec}`]);
      await using file = await temporary("picture.jpg");
      const { code, stderr } = await runXoq(["open", server.ticket, "--snapshot", file.path]);
      assert.equal(code, 0, stderr);
      const [picture] = await readPictures(await Deno.readFile(file.path), SIZE);
      assert(picture !== undefined);
    },
  );
}

Deno.test(
  { name: "--out leaves a playable file when the viewer is killed", ...requires(noFfmpeg) },
  async () => {
    await using server = await camera(["--h264"]);
    await using file = await temporary("film.mp4");
    await using viewer = xoq(["open", server.ticket, "--out", file.path, "--json"]);
    await viewer.until("stats", { where: (event) => Number(event["received"]) > 60 });
    viewer.signal("SIGKILL");
    await viewer.exit();
    const probe = await ffprobe(file.path);
    assert.equal(probe.codec, "h264");
    assert(probe.frames >= 30, `${probe.frames} frames of more than 60 received`);
    assert.equal(probe.errors, "");
  },
);

Deno.test("--out does not write over a file unasked", async () => {
  await using server = await camera(["--h264"]);
  await using file = await temporary("film.mp4", new Uint8Array([1, 2, 3]));
  const { code, stderr } = await runXoq(["open", server.ticket, "--out", file.path]);
  assert.notEqual(code, 0);
  assert.match(stderr, /--force/);
  assert.deepEqual(await Deno.readFile(file.path), new Uint8Array([1, 2, 3]));
});

Deno.test("nothing is captured while nobody watches, and --always changes that", async () => {
  await using idle = await camera(["--h264"]);
  await using busy = await camera(["--h264", "--always"]);
  await busy.xoq.until("stats", { where: (event) => Number(event["encoded"]) > 10 });
  await idle.xoq.until("stats", { after: idle.xoq.events.length });
  for (const event of idle.xoq.events.filter(({ event }) => event === "stats")) {
    assert.equal(event["captured"], 0);
  }
});

Deno.test("a viewer whose reader goes away ends by itself", async () => {
  await using server = await camera(["--h264"]);
  await using viewer = xoq(["open", server.ticket, "--stdout=h264"], { data: true });
  const reader = viewer.stdout.getReader();
  await within(reader.read(), 10_000, () => "the first bytes");
  await reader.cancel();
  const { code } = await viewer.exit(10_000);
  assert.equal(code, 0);
});

Deno.test("a server ends cleanly within two seconds of SIGTERM and tells its viewers", async () => {
  await using server = await camera(["--h264"]);
  await using viewer = xoq(["open", server.ticket, "--stdout=h264", "--json"], { data: true });
  const reading = new Response(viewer.stdout).arrayBuffer();
  await viewer.until("open");
  server.xoq.signal("SIGTERM");
  await server.xoq.exit(2_500);
  await viewer.until("lost", { timeoutMs: 2_000 });
  await viewer.interrupt();
  await reading;
});

/** A path in a folder of its own, with a file when there are bytes for it. */
async function temporary(name: string, bytes?: Uint8Array) {
  const folder = await Deno.makeTempDir({ prefix: "xoq-test-" });
  const path = join(folder, name);
  if (bytes !== undefined) await Deno.writeFile(path, bytes);
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
