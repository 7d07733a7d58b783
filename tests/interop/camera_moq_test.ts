import assert from "node:assert/strict";
import { decodeMoqJpeg, decodeMoqVideo } from "../../lib/camera/moq_wire.ts";
import { parseJpegInfo } from "../../lib/media/jpeg_info.ts";
import { connectLite } from "../../lib/moqt/lite/mod.ts";
import { MoqRelay, noMoqRelay } from "../support/moq_relay.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { camera, SIZE } from "../support/served_camera.ts";

const PATH = "anon/camera-test";

/** The first frames of the first groups of a camera on a relay. */
async function watch(relay: MoqRelay, track: string, groups: number): Promise<Uint8Array[]> {
  await using session = await connectLite(await relay.dial("https", [], PATH));
  const heard = session.announced();
  for await (const { path, active } of heard) if (path === "" && active) break;
  const subscription = session.subscribe("", track);
  const frames: Uint8Array[] = [];
  for await (const group of subscription.groups()) {
    for await (const frame of group) {
      frames.push(frame);
      break;
    }
    if (frames.length === groups) break;
  }
  return frames;
}

Deno.test({
  name: "xoq camera --moq: JPEG pictures are on the relay, also after it was gone",
  ...requires(noMoqRelay),
  async fn() {
    let relay = await MoqRelay.start();
    try {
      await using served = await camera([
        ...["--jpeg", `--moq=${PATH}`, "--relay", relay.url("https"), "--insecure"],
      ]);
      const published = await served.xoq.until("moq", {
        where: ({ state }) => state === "published",
      });
      assert.equal(published["path"], PATH);
      const pictures = await within(watch(relay, "camera", 5), 15_000, () => "five pictures");
      let before = 0;
      for (const payload of pictures) {
        const { data, stampMs, width, height } = decodeMoqJpeg(payload);
        assert.deepEqual({ width, height }, SIZE);
        const info = parseJpegInfo(data);
        assert.deepEqual({ width: info.width, height: info.height }, SIZE);
        assert.ok(stampMs > before && Math.abs(Date.now() - stampMs) < 20_000);
        before = stampMs;
      }

      const { port } = relay;
      await relay[Symbol.asyncDispose]();
      await served.xoq.until("moq", { where: ({ state }) => state === "lost" });
      relay = await MoqRelay.start(port);
      await served.xoq.until("moq", { where: ({ state }) => state === "published" });
      await within(watch(relay, "camera", 2), 15_000, () => "two more");
    } finally {
      await relay[Symbol.asyncDispose]();
    }
  },
});

Deno.test({
  name: "xoq camera --moq: video is CMAF, each group with its beginning",
  ...requires(noMoqRelay),
  async fn() {
    await using relay = await MoqRelay.start();
    await using served = await camera([
      ...["--h264", "--gop", "10", `--moq=${PATH}`, "--moq-relay", relay.url("https")],
      "--insecure",
    ]);
    await served.xoq.until("moq", { where: ({ state }) => state === "published" });
    const frames = await within(watch(relay, "video", 3), 20_000, () => "three groups");
    for (const payload of frames) {
      const { data } = decodeMoqVideo(payload);
      assert.equal(new TextDecoder().decode(data.subarray(4, 8)), "ftyp");
    }
  },
});
