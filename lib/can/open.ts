/**
 * `xoq open` for CAN buses: one remote bus, as many local faces as were asked for.
 *
 * @module
 */
import type { OpenContext, Reporter, ValuesOf } from "../device.ts";
import { LostError, UsageError } from "../errors.ts";
import type { RemoteDevice } from "../remote.ts";
import { parseFilter } from "./filter.ts";
import { BusHub } from "./hub.ts";
import type { CAN_OPEN_OPTIONS } from "./options.ts";
import { type RemoteBusEvent, RemoteCanBus } from "./remote_bus.ts";

/** Counters are told this often, in milliseconds. */
const STATS_INTERVAL_MS = 1_000;

/** Opens the bus until the signal aborts, standard input has been sent, or it can't go on. */
export async function openCan(
  remote: RemoteDevice,
  values: ValuesOf<typeof CAN_OPEN_OPTIONS>,
  { signal, reporter }: OpenContext,
): Promise<void> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const sends = values.vcan !== undefined || values.socketcand !== undefined ||
    values.cannelloni !== undefined || values.stdin;
  if (values.watch && (values.stdin || values.take)) {
    throw new UsageError(`--watch and --${values.stdin ? "stdin" : "take"} contradict each other`);
  }
  if (!["", "candump", undefined].includes(values.stdout)) {
    throw new UsageError(`--stdout ${values.stdout}: a CAN bus is written as candump's log`, {
      hint: "--stdout alone says that",
    });
  }
  const bus = new RemoteCanBus(remote, {
    // Who only looks leaves control to others.
    ...(values.watch || !sends ? { role: "viewer" as const } : {}),
    take: values.take,
    filters: values.filter.map(parseFilter),
  });
  const hub = new BusHub(bus);
  await using stack = new AsyncDisposableStack();
  const work: Promise<void>[] = [];
  if (values.vcan !== undefined) {
    const { VcanSink } = await import("./sinks/vcan.ts");
    const sink = stack.use(await VcanSink.open(hub, values.vcan));
    reporter.event({ type: "interface", device: remote.label, path: sink.name });
    work.push(sink.gone.then((cause) => {
      throw new LostError(`${sink.name} was removed`, { cause });
    }));
  }
  if (values.socketcand !== undefined) {
    const { serveSocketcand } = await import("./sinks/socketcand.ts");
    const { address } = stack.use(serveSocketcand(hub, values.socketcand));
    reporter.event({ type: "listening", device: remote.label, protocol: "socketcand", address });
  }
  if (values.cannelloni !== undefined) {
    const { serveCannelloni } = await import("./sinks/cannelloni.ts");
    const { address } = stack.use(serveCannelloni(hub, values.cannelloni));
    reporter.event({ type: "listening", device: remote.label, protocol: "cannelloni", address });
  }
  const attached = Promise.withResolvers<void>();
  bus.onEvent = (event) => {
    if (event.type === "attached") attached.resolve();
    report(event, remote, reporter);
  };
  const timer = setInterval(
    () => reporter.event({ type: "stats", device: remote.label, ...bus.stats() }),
    STATS_INTERVAL_MS,
  );
  stack.defer(() => clearInterval(timer));
  const network = bus.run(ended);
  const { writeLog, sendLines } = await import("./sinks/text.ts");
  if (values.stdout !== undefined || !sends) {
    work.push(writeLog(hub, remote.label, reporter.stdout, ended).done);
  }
  if (values.stdin) {
    const sent = attached.promise.then(() => sendLines(hub, Deno.stdin.readable, ended));
    // Its end is the command's, unless something else was asked for too.
    const alone = values.stdout === undefined && values.vcan === undefined &&
      values.socketcand === undefined && values.cannelloni === undefined;
    work.push(alone ? sent : sent.then(() => network));
  }
  try {
    await Promise.race([network, ...work]);
  } finally {
    stop.abort();
    attached.resolve();
    await Promise.allSettled([network]);
  }
}

function report(event: RemoteBusEvent, remote: RemoteDevice, reporter: Reporter): void {
  const device = remote.label;
  switch (event.type) {
    case "attached":
      reporter.event({ type: "attached", device, role: event.role });
      return;
    case "lost":
      reporter.event({ type: "lost", device, reason: event.reason });
      return;
    case "back":
      reporter.event({ type: "back", device });
      return;
    case "retry": {
      const { error } = event;
      const message = error instanceof Error ? error.message : String(error);
      reporter.event({ type: "retry", device, reason: message });
      return;
    }
    case "notice":
      reporter.event({ ...event.event, type: String(event.event["type"]), device });
  }
}
