/**
 * A camera that encodes by itself: v4l2loopback, fed with JPEGs by ffmpeg.
 *
 * @module
 */
import type { CameraInfo } from "../../lib/camera/camera.ts";
import { waitForDevice } from "../../lib/camera/hotplug.ts";
import { V4l2Driver } from "../../lib/camera/v4l2_driver.ts";
import { command } from "./support.ts";

/** Pictures fed, over and over. */
const PICTURES = 20;
const QUIET = ["-v", "error", "-y"];

/** A camera being fed. */
export interface FedCamera extends AsyncDisposable {
  /** The camera that the node has become. */
  readonly info: CameraInfo;
  /** The JPEGs that are fed, in order, as base64. */
  readonly pictures: readonly string[];
}

/** The camera that a loopback node becomes when its other side is fed. */
export function fedCamera(node: string, signal?: AbortSignal): Promise<CameraInfo> {
  return waitForDevice(
    async () => (await new V4l2Driver().list()).find(({ path }) => path === node),
    { subsystem: "video4linux", ...(signal && { signal }) },
  );
}

/**
 * Feeds a v4l2loopback node with 320×240 JPEGs, ten a second, and waits until it is a camera. A node
 * that ffmpeg has fed is spent: version 0.12 of the module takes no second feeder after it.
 */
export async function feedJpegs(node: string): Promise<FedCamera> {
  const folder = await Deno.makeTempDir();
  const files = `${folder}/%02d.jpg`;
  await command(
    "ffmpeg",
    ...[...QUIET, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10"],
    ...["-frames:v", String(PICTURES), "-c:v", "mjpeg", files],
  );
  const pictures: string[] = [];
  for (let i = 1; i <= PICTURES; i++) {
    pictures.push(
      (await Deno.readFile(`${folder}/${i.toString().padStart(2, "0")}.jpg`)).toBase64(),
    );
  }
  const feeder = new Deno.Command("ffmpeg", {
    args: [
      ...[...QUIET, "-re", "-framerate", "10", "-loop", "1", "-i", files],
      ...["-c", "copy", "-f", "v4l2", node],
    ],
    stdin: "null",
  }).spawn();
  const stop = async () => {
    feeder.kill("SIGKILL");
    await feeder.status;
    await Deno.remove(folder, { recursive: true });
  };
  const given = new AbortController();
  const ended = feeder.status.then(() => given.abort(new Error(`ffmpeg doesn't feed ${node}`)));
  try {
    const info = await fedCamera(node, given.signal);
    return { info, pictures, [Symbol.asyncDispose]: () => stop().then(() => ended) };
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}
