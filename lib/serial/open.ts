/**
 * `xoq open` for serial ports: one port across the network, as whatever was asked for here.
 *
 * @module
 */
import type { OpenContext, Reporter, ValuesOf } from "../device.ts";
import { UsageError } from "../errors.ts";
import type { RemoteDevice } from "../remote.ts";
import { parseFrame } from "./format.ts";
import type { LineNotice } from "./line_watch.ts";
import { parseLineScript } from "./line_script.ts";
import type { SERIAL_OPEN_OPTIONS } from "./options.ts";
import type { LineFormat } from "./port.ts";
import { type RemotePortEvent, RemoteSerialPort } from "./remote_port.ts";
import { parseListenAddress } from "./sinks/address.ts";
import type { NoticeTakers } from "./sinks/rfc2217.ts";
import { SharedPort, type SinkContext, type SinkEvent } from "./sinks/sink.ts";

/** The options' values. */
export type SerialOpenValues = ValuesOf<typeof SERIAL_OPEN_OPTIONS>;
type Values = SerialOpenValues;

/** Counters are told this often, in milliseconds. */
const STATS_INTERVAL_MS = 1_000;
/** What the console's reset key does unless `--reset` says otherwise. */
const CONSOLE_RESET = "esp32-run";
/** Default ports. */
const PORTS = { rfc2217: 2217, tcp: 7000 } as const;

/** Opens the port until the signal aborts, a sink has done its work, or it can't go on. */
export async function openSerial(
  remote: RemoteDevice,
  values: SerialOpenValues,
  { signal, reporter }: OpenContext,
): Promise<void> {
  if (values.reset !== undefined) parseLineScript(values.reset);
  if (values.watch && (values.take || values.stdin || values.reset !== undefined)) {
    throw new UsageError("--watch only watches: without --take, --stdin and --reset");
  }
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const takers: NoticeTakers = new Set();
  const port = new RemoteSerialPort(remote, {
    role: values.watch ? "viewer" : "controller",
    take: values.take,
    format: wantedFormat(values),
    watchLines: values.rfc2217 !== undefined,
    // A file on its way to the port waits; what is typed or commanded is only good now.
    whileLost: values.stdin ? "wait" : "discard",
  });
  port.onEvent = (event) => report(event, port, remote, reporter, takers);
  const shared = new SharedPort(port);
  const context: SinkContext = { signal: ended, onEvent: (event) => tell(event, reporter) };
  await using stack = new AsyncDisposableStack();
  const network = port.run(ended);
  network.catch(() => {});
  const work: Promise<void>[] = [];
  try {
    const onlyReset = values.reset !== undefined && !hasSink(values);
    const sinks = onlyReset
      ? []
      : await startSinks(values, shared, takers, context, stack, reporter);
    await Promise.race([network, port.ready()]);
    if (signal.aborted) return;
    if (values.reset !== undefined) {
      const steps = await port.runScript(values.reset, { signal: ended });
      reporter.event({ type: "reset", script: values.reset, steps });
      if (onlyReset) return;
    }
    const timer = setInterval(() => reporter.event(statistics(port, shared)), STATS_INTERVAL_MS);
    stack.defer(() => clearInterval(timer));
    work.push(...sinks.map((run) => run()));
    const reading = shared.run();
    reading.catch(() => {});
    // What ends by itself (a console, a pipe) ends the command.
    await Promise.race([network, reading, ...work]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stop.abort();
    await Promise.allSettled([network, ...work]);
  }
}

type Run = () => Promise<void>;

function hasSink(values: Values): boolean {
  const { pty, rfc2217, tcp, stdout } = values;
  return [pty, rfc2217, tcp, stdout].some((value) => value !== undefined) || values.console ||
    values.stdin;
}

async function startSinks(
  values: Values,
  shared: SharedPort,
  takers: NoticeTakers,
  context: SinkContext,
  stack: AsyncDisposableStack,
  reporter: Reporter,
): Promise<Run[]> {
  const sinks: Run[] = [];
  if (values.pty !== undefined || !hasSink(values)) {
    const { PtySink } = await import("./sinks/pty.ts");
    const link = values.pty === undefined || values.pty === "" ? undefined : values.pty;
    const pty = stack.use(await PtySink.open(shared, link, context));
    context.onEvent({ type: "pty", path: pty.path, ...(link === undefined ? {} : { link }) });
    sinks.push(() => pty.run());
  }
  if (values.rfc2217 !== undefined) {
    const { serveRfc2217 } = await import("./sinks/rfc2217.ts");
    const address = parseListenAddress(values.rfc2217, PORTS.rfc2217);
    sinks.push(() => serveRfc2217(shared, address, takers, context));
  }
  if (values.tcp !== undefined) {
    const { serveTcp } = await import("./sinks/tcp.ts");
    const address = parseListenAddress(values.tcp, PORTS.tcp);
    sinks.push(() => serveTcp(shared, address, context));
  }
  if (values.console) sinks.push(await consoleSink(values, shared, context, reporter));
  else {
    const { pipeIn, pipeOut } = await import("./sinks/stdio.ts");
    if (values.stdout !== undefined) {
      sinks.push(() => pipeOut(shared, reporter.stdout, context.signal));
    }
    if (values.stdin) {
      const alone = values.stdout === undefined && values.pty === undefined &&
        values.rfc2217 === undefined && values.tcp === undefined;
      sinks.push(async () => {
        await pipeIn(shared, Deno.stdin.readable, context.signal);
        // The answers may still come: only an input without an output ends it all.
        if (!alone) await untilAborted(context.signal);
      });
    }
  }
  return sinks;
}

async function consoleSink(
  values: Values,
  shared: SharedPort,
  context: SinkContext,
  reporter: Reporter,
): Promise<Run> {
  const { runConsole } = await import("./sinks/console.ts");
  const { openLog } = await import("./sinks/log_file.ts");
  const log = values.log === undefined ? undefined : await openLog(values.log);
  return () =>
    runConsole(shared, {
      input: Deno.stdin.readable,
      output: reporter.stdout,
      reset: values.reset ?? CONSOLE_RESET,
      ...(log === undefined ? {} : { log }),
      ...(Deno.stdin.isTerminal() ? { setRaw: (raw: boolean) => Deno.stdin.setRaw(raw) } : {}),
    }, context);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function wantedFormat({ baud, frame, flow }: Values): Partial<LineFormat> {
  return {
    ...(baud === undefined ? {} : { baudRate: baud }),
    ...(frame === undefined ? {} : parseFrame(frame)),
    ...(flow === undefined ? {} : { rtscts: flow === "rtscts", xonxoff: flow === "xonxoff" }),
  };
}

function tell(event: SinkEvent, reporter: Reporter): void {
  if (event.type === "notice") return reporter.notice(event.message);
  reporter.event(event);
  if (event.type === "listening") {
    const url = event.protocol === "rfc2217" ? `rfc2217://${event.address}` : event.address;
    reporter.notice(`${event.protocol} at ${url}`);
  } else {
    reporter.notice(
      `the port is ${event.path}${event.link === undefined ? "" : `, and ${event.link}`}`,
    );
  }
}

function report(
  event: RemotePortEvent,
  port: RemoteSerialPort,
  remote: RemoteDevice,
  reporter: Reporter,
  takers: NoticeTakers,
): void {
  const device = remote.label;
  switch (event.type) {
    case "attached": {
      const { device: name, control } = event.attachment;
      reporter.event({
        type: "open",
        device: name ?? device,
        kind: "serial",
        format: port.format,
        rights: control?.rights ?? "control",
      });
      return;
    }
    case "lost":
      reporter.event({ type: "lost", device, reason: event.reason });
      return;
    case "back":
      reporter.event({ type: "back", device });
      return;
    case "safe":
      reporter.notice(event.reason);
      return;
    case "retry":
      reporter.notice(
        `${device}: ${event.error instanceof Error ? event.error.message : event.error}`,
      );
      return;
    case "notice":
      if (event.event["type"] === "lines") {
        for (const take of takers) take(event.event as unknown as LineNotice);
      } else reporter.event({ type: "notice", device, notice: event.event });
  }
}

function statistics(
  port: RemoteSerialPort,
  shared: SharedPort,
): { type: "stats" } & Record<string, unknown> {
  const { received, sent, dropped, reconnects } = port.stats();
  const { control } = port;
  const roundTripMs = control?.roundTripMs;
  const text = `${received} bytes in · ${sent} bytes out`;
  return {
    type: "stats",
    text,
    received,
    sent,
    reconnects,
    dropped: { unreachable: dropped, unwanted: shared.unwanted },
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
  };
}
