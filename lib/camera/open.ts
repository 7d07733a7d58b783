/**
 * `xoq open` for cameras: one feed across the network, into as many sinks as were asked for.
 *
 * @module
 */
import type { OpenContext, Reporter, ValuesOf } from "../device.ts";
import type { StreamDescription } from "../media/frame.ts";
import type { RemoteDevice } from "../remote.ts";
import type { CAMERA_OPEN_OPTIONS } from "./options.ts";
import { RemoteCamera, type RemoteCameraEvent } from "./remote_camera.ts";
import type { SinkContext } from "./sinks/sink.ts";
import type { StdoutFormat } from "./sinks/stdout.ts";

/** Values of `CAMERA_OPEN_OPTIONS`. */
export type Values = ValuesOf<typeof CAMERA_OPEN_OPTIONS>;

/** Counters are told this often, in milliseconds. */
const STATS_INTERVAL_MS = 1_000;

/** Runs a sink until its work is done or its signal aborts. */
type Sink = () => Promise<void>;

/** Opens the camera until the signal aborts, a sink has done its work, or it can't go on. */
export async function openCamera(
  remote: RemoteDevice,
  values: Values,
  opening: OpenContext,
): Promise<void> {
  const { signal, reporter } = opening;
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const onlyPage = values.stdout === undefined && values.out === undefined &&
    values.snapshot === undefined && values.v4l2 === undefined;
  const camera = new RemoteCamera(remote, { eager: !onlyPage });
  const context: SinkContext = {
    signal: ended,
    onEvent: (event) => {
      if (event.type === "file") reporter.event({ type: "file", path: event.path });
      else reporter.notice(event.message);
    },
  };
  await using stack = new AsyncDisposableStack();
  const sinks: Sink[] = [];
  if (values.http !== undefined || onlyPage) {
    stack.use(await startPage(camera, remote, values.http ?? "", opening));
  }
  if (values.out !== undefined) sinks.push(await fileSink(camera, values, context));
  if (values.snapshot !== undefined) sinks.push(await snapshotSink(camera, values, context));
  if (values.stdout !== undefined) sinks.push(await stdoutSink(camera, values.stdout, context));
  if (values.v4l2 !== undefined) sinks.push(await v4l2Sink(camera, values.v4l2, context));
  camera.onEvent = (event) => report(event, camera, remote, reporter);
  const timer = setInterval(() => reporter.event(statistics(camera)), STATS_INTERVAL_MS);
  stack.defer(() => clearInterval(timer));
  const network = camera.run(ended);
  const work = sinks.map((run) => run());
  const done = Promise.all(work);
  try {
    // A page has no end of its own; other sinks end the command when all of them have.
    const page = onlyPage || values.http !== undefined;
    await Promise.race([network, page ? done.then(() => network) : done]);
  } catch (error) {
    stop.abort();
    // A sink whose feed ended knows less of why than the network side.
    await network;
    throw error;
  } finally {
    stop.abort();
    await Promise.allSettled([network, ...work]);
  }
}

async function startPage(
  camera: RemoteCamera,
  remote: RemoteDevice,
  address: string,
  context: OpenContext,
): Promise<AsyncDisposable> {
  const { startHttp } = await import("./sinks/page.ts");
  return startHttp(remote.label, camera.feed, address, context);
}

async function fileSink(
  camera: RemoteCamera,
  { out = "", force }: Values,
  context: SinkContext,
): Promise<Sink> {
  const { recordFile } = await import("./sinks/file.ts");
  return () => recordFile(camera.feed, { path: out, force }, context);
}

async function snapshotSink(
  camera: RemoteCamera,
  { snapshot = "", force }: Values,
  context: SinkContext,
): Promise<Sink> {
  const { writeSnapshot } = await import("./sinks/snapshot.ts");
  return () => writeSnapshot(camera.feed, { path: snapshot, force }, context);
}

async function stdoutSink(
  camera: RemoteCamera,
  wanted: string,
  context: SinkContext,
): Promise<Sink> {
  const { pipeStdout } = await import("./sinks/stdout.ts");
  return async () => {
    const format = wanted === "" ? (await camera.feed.description()).codec : wanted;
    await pipeStdout(camera.feed, { format: format as StdoutFormat }, context);
  };
}

async function v4l2Sink(camera: RemoteCamera, path: string, context: SinkContext): Promise<Sink> {
  const { runV4l2Sink } = await import("./sinks/v4l2.ts");
  return () => runV4l2Sink(camera.feed, { path }, context);
}

function report(
  event: RemoteCameraEvent,
  camera: RemoteCamera,
  remote: RemoteDevice,
  reporter: Reporter,
): void {
  const device = remote.label;
  if (event.type === "lost") reporter.event({ type: "lost", device, reason: event.reason });
  else if (event.type === "attached") {
    const stream: Partial<StreamDescription> = { ...event.attachment.control?.description };
    const again = camera.stats().reconnects > 0;
    reporter.event(again ? { type: "back", device } : { ...stream, type: "open", device });
  }
}

function statistics(camera: RemoteCamera): { type: string } & Record<string, unknown> {
  const { received, bytes, stale, reconnects, latencyMs } = camera.stats();
  const rtt = camera.control?.roundTripMs;
  return {
    type: "stats",
    received,
    bytes,
    stale,
    reconnects,
    dropped: camera.feed.stats().dropped,
    ...(latencyMs === undefined ? {} : { latency_ms: round(latencyMs) }),
    ...(rtt === undefined ? {} : { rtt_ms: round(rtt) }),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
