/**
 * A camera that encodes by itself: v4l2loopback, fed with JPEGs by ffmpeg.
 *
 * @module
 */
import { command } from "./support.ts";

/** Pictures fed, over and over. */
const PICTURES = 20;
const QUIET = ["-v", "error", "-y"];

/** A camera being fed. */
export interface FedCamera extends AsyncDisposable {
  /** The JPEGs that are fed, in order, as base64. */
  readonly pictures: readonly string[];
}

/** Feeds a v4l2loopback node with 320×240 JPEGs, ten a second. */
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
  return {
    pictures,
    async [Symbol.asyncDispose]() {
      feeder.kill("SIGKILL");
      await feeder.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
