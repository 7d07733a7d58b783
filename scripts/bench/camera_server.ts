/**
 * The serving process of the camera benchmark: what `xoq camera` runs, with the times of each
 * picture noted. Prints its ticket as a line of JSON; when stdin ends, its measurements, and ends.
 */
import type { Pipeline } from "../../lib/camera/pipeline.ts";
import { createPipeline } from "../../lib/camera/pipeline.ts";
import { CameraServer } from "../../lib/camera/serve.ts";
import { DeviceHost } from "../../lib/session/host.ts";
import { ephemeralIdentity } from "../../lib/transport/identity.ts";
import { ReplayPipeline } from "./replay_pipeline.ts";
import { usage } from "./report.ts";

/** What to serve. */
export interface ServerJob {
  /** `h264` encodes the test camera; `replay` sends one large JPEG again and again. */
  source: "h264" | "replay";
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Frames per second. */
  fps: number;
}

const job = JSON.parse(Deno.args[0] ?? "{}") as ServerJob;
const pipeline = await makePipeline(job);
await pipeline.prepare();
const camera = new CameraServer(pipeline, { name: "bench", always: false });
/** Capture time and time of encoding of each picture, µs since the epoch. */
const encoded: [number, number][] = [];
const push = pipeline.onFrame;
pipeline.onFrame = (frame) => {
  encoded.push([frame.captureTime, frame.encodedTime ?? 0]);
  push?.(frame);
};
const host = await DeviceHost.start({
  identity: await ephemeralIdentity(),
  devices: [camera],
  bind: "127.0.0.1",
  relay: "none",
  mdns: false,
  public: false,
  allow: [],
  agent: "bench",
});
console.log(JSON.stringify({ ticket: host.tickets().ticket }));
const before = usage();
for await (const _ of Deno.stdin.readable);
const after = usage();
console.log(JSON.stringify({
  encoded,
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
  peakBytes: after.peakBytes,
  stats: camera.stats(),
}));
await host.close();
await camera.close();
Deno.exit(0);

async function makePipeline({ source, width, height, fps }: ServerJob): Promise<Pipeline> {
  if (source === "replay") return await ReplayPipeline.create(width, height, fps);
  return createPipeline({
    camera: "test",
    codec: "h264",
    encoder: "auto",
    width,
    height,
    fps,
    quality: 80,
    bitrate: 2_000_000,
    gop: fps * 2,
    controls: {},
  });
}
