/**
 * The camera of the MJPEG benchmark: writes JPEGs into a v4l2loopback node, over and over, each with
 * a stamp. Says in a line of JSON when the first is written; ends with its input.
 */
import { monotonicMicros } from "../../ffi/libc.ts";
import { openVideoOutput } from "../../lib/camera/v4l2_output.ts";
import { withStamp, writeStamp } from "./mjpeg_stamp.ts";

/** What to feed. */
export interface FeederJob {
  /** The node. */
  node: string;
  /** Folder of JPEGs, fed in the order of their names. */
  folder: string;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Pictures a second. */
  fps: number;
}

const { node, folder, width, height, fps } = JSON.parse(Deno.args[0] ?? "{}") as FeederJob;
const names: string[] = [];
for await (const { name } of Deno.readDir(folder)) names.push(name);
const pictures = await Promise.all(
  names.sort().map(async (name) => withStamp(await Deno.readFile(`${folder}/${name}`))),
);
const output = await openVideoOutput(node, { format: "MJPG", width, height, fps });

const begun = performance.now();
let number = 0;
function feed(): void {
  const picture = pictures[number % pictures.length]!;
  writeStamp(picture, { time: monotonicMicros(), number });
  output.write(picture);
  number++;
  // A camera that is late for a picture leaves it out rather than hurrying after it.
  const now = performance.now() - begun;
  const due = Math.ceil(now * fps / 1000) * 1000 / fps;
  setTimeout(feed, due - now);
}
feed();
console.log(JSON.stringify({ fed: node }));
for await (const _ of Deno.stdin.readable);
await output.close();
Deno.exit(0);
