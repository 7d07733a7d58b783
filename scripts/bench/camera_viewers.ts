/**
 * The viewing process of the camera benchmark: any number of viewers, each with an endpoint of its
 * own, for some seconds. Prints what arrived when, as one line of JSON.
 */
import { RemoteCamera } from "../../lib/camera/remote_camera.ts";
import { openDecoder } from "../../lib/media/auto.ts";
import { nowMicros } from "../../lib/media/clock.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";
import { attach } from "../../lib/session/attach.ts";
import { createEndpoint } from "../../lib/transport/mod.ts";
import { parseTicket } from "../../lib/transport/ticket.ts";
import { usage } from "./report.ts";

/** What to watch. */
export interface ViewersJob {
  /** The server's ticket. */
  ticket: string;
  /** How many viewers. */
  viewers: number;
  /** For how long, from the first picture of the last viewer. */
  seconds: number;
  /** Whether the first viewer decodes. */
  decode: boolean;
}

/** What one viewer saw. */
export interface ViewerResult {
  /** From dialling to the first picture, in milliseconds. */
  firstFrameMs: number;
  /** Capture time and arrival of each picture, µs since the epoch by this process's clock. */
  arrived: [number, number][];
  /** Capture time and end of decoding, µs since the epoch. */
  decoded: [number, number][];
  /** Bytes of pictures. */
  bytes: number;
  /** Microseconds to add to the server's clock. */
  clockOffset: number;
}

const job = JSON.parse(Deno.args[0] ?? "{}") as ViewersJob;
const { address, grant, device } = parseTicket(job.ticket);
const stop = new AbortController();
const started: Promise<void>[] = [];
const results = Array.from({ length: job.viewers }, (_, index) => watch(index));
await Promise.all(started);
setTimeout(() => stop.abort(), job.seconds * 1000);
const done = await Promise.all(results);
console.log(JSON.stringify({ viewers: done, ...usage() }));
Deno.exit(0);

async function watch(index: number): Promise<ViewerResult> {
  const first = Promise.withResolvers<void>();
  started.push(first.promise);
  const endpoint = await createEndpoint({ bind: "127.0.0.1", relay: "none", mdns: false });
  const camera = new RemoteCamera({
    label: "bench",
    policy: { timeoutMs: 10_000, reconnect: false },
    attach: (options) => {
      const target = {
        address,
        agent: "bench",
        ...(device && { device }),
        ...(grant && { grant }),
      };
      return attach(endpoint, target, { ...options, timeoutMs: 10_000 });
    },
  }, { eager: true });
  const result: ViewerResult = {
    firstFrameMs: 0,
    arrived: [],
    decoded: [],
    bytes: 0,
    clockOffset: 0,
  };
  const dialled = performance.now();
  const frames = camera.feed.subscribe({ queue: 64, signal: stop.signal });
  const network = camera.run(stop.signal);
  const decoder = job.decode && index === 0 ? await openDecoder("h264") : undefined;
  let decoding = Promise.resolve();
  const decode = async (frame: EncodedFrame) => {
    const picture = await decoder?.decode(frame);
    if (picture === undefined) return;
    result.decoded.push([picture.captureTime, nowMicros()]);
    picture.release();
  };
  for await (const frame of frames) {
    result.arrived.push([frame.captureTime, nowMicros()]);
    result.bytes += frame.data.length;
    if (result.arrived.length === 1) {
      result.firstFrameMs = performance.now() - dialled;
      first.resolve();
    }
    if (decoder !== undefined) decoding = decoding.then(() => decode(frame));
    result.clockOffset = camera.control?.clockOffset ?? result.clockOffset;
  }
  await Promise.allSettled([network, decoding]);
  await decoder?.close();
  await endpoint.close();
  return result;
}
