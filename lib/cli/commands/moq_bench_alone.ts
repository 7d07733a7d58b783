/**
 * `xoq moq bench loopback`, `relay`, `fanout` and `adaptive`: both ends of a benchmark in one process.
 *
 * @module
 */
import type { OptionTable } from "../../device.ts";
import { Ramp } from "../../moq_tools/bench/adaptive.ts";
import { Audience } from "../../moq_tools/bench/audience.ts";
import type { Load } from "../../moq_tools/bench/load.ts";
import { plainLoad } from "../../moq_tools/bench/load.ts";
import { ownRelay } from "../../moq_tools/bench/own_relay.ts";
import { sleep } from "../../moq_tools/bench/pace.ts";
import { LoadPublisher } from "../../moq_tools/bench/publish.ts";
import { summaryText } from "../../moq_tools/bench/stats.ts";
import { WallClock } from "../../moq_tools/bench/stamp.ts";
import type { Dialler } from "../../moq_tools/connect.ts";
import { directTransport } from "../../moq_tools/direct.ts";
import { IMPLEMENTATION } from "../../moq_tools/interop/mod.ts";
import { type Command, defineCommand } from "../command.ts";
import * as bench from "../moq_bench.ts";
import { parseDrafts } from "../moq_options.ts";
import type { Output } from "../output.ts";

const SUBSCRIBERS = {
  type: "number",
  short: "n",
  value: "N",
  min: 1,
  max: 10_000,
  brief: "subscribers, each with a session of its own",
  section: "Load",
} as const;

type OwnValues = bench.BenchValues & { readonly quic: boolean; readonly path: string };

/** A publisher here, and the way its subscribers take to it. */
interface Stage extends AsyncDisposable {
  readonly publisher: LoadPublisher;
  /** What subscribers dial. */
  readonly dialler: Dialler;
}

/** The publisher listens, and is dialled. */
async function directStage(values: OwnValues, load: Load, output: Output): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const publisher = stack.use(newPublisher(values, load, output));
  const listener = stack.use(
    await bench.listenerOf("127.0.0.1:0", values, {
      admit: () => ({ implementation: IMPLEMENTATION, handlers: publisher.handlers }),
      arrived: ({ session }) => void session.closed.catch(() => {}),
      failed: (error) => output.debug(String(error)),
    }),
  );
  const dialler = stack.use(await bench.diallerTo(listener, values));
  const kept = stack.move();
  return { publisher, dialler, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The publisher dials a relay, as subscribers do; one of this process where no URL is given. */
async function relayStage(
  target: string | undefined,
  values: OwnValues,
  load: Load,
  { output, signal }: { output: Output; signal: AbortSignal },
): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  let dialler: Dialler;
  if (target === undefined) {
    const relay = await ownRelay(await directTransport(), parseDrafts(values.draft), {
      address: "127.0.0.1:0",
    });
    stack.use(relay);
    dialler = stack.use(await bench.diallerTo(relay, values));
  } else dialler = stack.use(await bench.diallerOf(target, values));
  const publisher = newPublisher(values, load, output);
  const { session } = await dialler.dial({ handlers: publisher.handlers, signal });
  session.closed.catch(() => {});
  stack.defer(() => session.close());
  stack.use(publisher);
  await publisher.offer(session, "namespace", signal);
  const kept = stack.move();
  return { publisher, dialler, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function newPublisher(values: bench.BenchValues, load: Load, output: Output): LoadPublisher {
  return new LoadPublisher(
    bench.trackOf(values),
    load,
    (error) => output.warn(error instanceof Error ? error.message : String(error)),
  );
}

/** Subscribes `count` times, receives for the time, and tells the result. */
async function watch(
  stage: Stage,
  count: number,
  values: bench.BenchValues & { readonly "no-stats": boolean },
  { output, signal }: { output: Output; signal: AbortSignal },
): Promise<number> {
  const audience = new Audience(stage.publisher.track, { countOnly: values["no-stats"] });
  try {
    using time = new bench.RunTime(signal, values.duration);
    for (let i = 0; i < count && !time.signal.aborted; i++) {
      const { session } = await stage.dialler.dial({ signal: time.signal });
      await audience.join(session, time.signal);
    }
    using _ticker = new bench.Ticker(output, values.interval, (now) => audience.takeInterval(now));
    await audience.done();
  } finally {
    await audience.close();
  }
  const each = audience.each().map(({ objects }) => objects);
  bench.conclude(output, audience.summary(), {
    subscribers: audience.size,
    least_objects: Math.min(...each),
    most_objects: Math.max(...each),
  });
  return each.length === count && Math.min(...each) > 0 ? 0 : 1;
}

const ALONE_OPTIONS = {
  ...bench.OWN_SERVER_OPTIONS,
  ...bench.LOAD_OPTIONS,
  ...bench.COUNT_OPTIONS,
  ...bench.BENCH_OPTIONS,
} as const satisfies OptionTable;

/** Publisher and subscriber, without a relay. */
export const moqBenchLoopbackCommand: Command = defineCommand({
  positionals: [],
  options: ALONE_OPTIONS,
  description: "A publisher that listens on loopback and a subscriber that dials it.",
  examples: [["xoq moq bench loopback -Q -s 1024 -t 10", "over plain QUIC"]],
  run: async (_, values, context) => {
    await using stage = await directStage(values, bench.loadOf(values), context.output);
    return await watch(stage, 1, values, context);
  },
});

/** Through a relay. */
export const moqBenchRelayCommand: Command = defineCommand({
  positionals: [{ value: "URL", brief: "the relay; absent: one of this process", optional: true }],
  options: { ...ALONE_OPTIONS, "subscribers": { ...SUBSCRIBERS, default: 1 } },
  description: "A publisher and its subscribers, with a relay between them.",
  examples: [
    ["xoq moq bench relay moqt://relay:4443 -s 1024", "as much as the relay takes"],
    ["xoq moq bench relay -Q -n 3", "through a relay of this process"],
  ],
  run: async ([target], values, context) => {
    await using stage = await relayStage(target, values, bench.loadOf(values), context);
    return await watch(stage, values.subscribers, values, context);
  },
});

/** Through a relay to many. */
export const moqBenchFanoutCommand: Command = defineCommand({
  positionals: [{ value: "URL", brief: "the relay; absent: one of this process", optional: true }],
  options: { ...ALONE_OPTIONS, "subscribers": { ...SUBSCRIBERS, default: 100 } },
  description:
    "One publisher and many subscribers, with a relay between them. Without a size, rate\n" +
    "or video profile the load is like video of 720p.",
  examples: [["xoq moq bench fanout moqt://relay:4443 -n 100 --video 720p", "a hundred viewers"]],
  run: async ([target], values, context) => {
    const { given } = context;
    const plain = ["object-size", "rate", "datagram"].some((name) => given.has(name));
    const video = values.video ?? (plain ? undefined : "720p");
    const load = bench.loadOf({ ...values, video });
    await using stage = await relayStage(target, values, load, context);
    return await watch(stage, values.subscribers, values, context);
  },
});

const RAMP_OPTIONS = {
  "start-mbps": {
    type: "number",
    value: "N",
    default: 10,
    min: 0.1,
    fraction: true,
    brief: "megabits a second to begin with",
  },
  "step-mbps": {
    type: "number",
    value: "N",
    default: 10,
    min: 0.1,
    fraction: true,
    brief: "what is added after each interval that went well",
  },
  "max-mbps": {
    type: "number",
    value: "N",
    default: 10_000,
    min: 0.1,
    fraction: true,
    brief: "never more than this",
  },
  "latency-threshold": {
    type: "number",
    value: "MS",
    default: 100,
    min: 1,
    fraction: true,
    brief: "a 95th percentile of latency above this is too much",
  },
  "shortfall-ratio": {
    type: "number",
    value: "R",
    default: 0.85,
    min: 0.01,
    max: 1,
    fraction: true,
    brief: "less than this share of what is sent is too little",
  },
  "backoff-factor": {
    type: "number",
    value: "F",
    default: 0.9,
    min: 0.1,
    max: 1,
    fraction: true,
    brief: "the rate is multiplied by this when it was too much",
  },
} as const satisfies OptionTable;

/** How much gets through. */
export const moqBenchAdaptiveCommand: Command = defineCommand({
  positionals: [{ value: "URL", brief: "the relay; absent: without one", optional: true }],
  options: {
    ...RAMP_OPTIONS,
    ...bench.OWN_SERVER_OPTIONS,
    "object-size": bench.LOAD_OPTIONS["object-size"],
    "group-size": bench.LOAD_OPTIONS["group-size"],
    "streams": bench.LOAD_OPTIONS.streams,
    ...bench.BENCH_OPTIONS,
  },
  description:
    "Raises the bitrate each --interval until latency, loss or a shortfall says that it is\n" +
    "too much, and backs off; ends when the ceiling was met three times.",
  examples: [["xoq moq bench adaptive moqt://relay:4443 -i 2 -t 120", "what a relay carries"]],
  run: async ([target], values, context) => {
    const ramp = new Ramp({
      startMbps: values["start-mbps"],
      stepMbps: values["step-mbps"],
      maxMbps: values["max-mbps"],
      latencyMs: values["latency-threshold"],
      shortfall: values["shortfall-ratio"],
      backoff: values["backoff-factor"],
    });
    const objectBytes = values["object-size"];
    const perMbit = 1e6 / 8 / objectBytes;
    const load = plainLoad({
      objectBytes,
      groupObjects: values["group-size"],
      streams: values.streams,
      rate: ramp.mbps * perMbit,
      datagrams: false,
    });
    await using stage = target === undefined
      ? await directStage(values, load, context.output)
      : await relayStage(target, values, load, context);
    return await climb(stage, ramp, (mbps) => load.rate = mbps * perMbit, values, context);
  },
});

async function climb(
  stage: Stage,
  ramp: Ramp,
  setRate: (mbps: number) => void,
  values: bench.BenchValues,
  { output, signal }: { output: Output; signal: AbortSignal },
): Promise<number> {
  const audience = new Audience(stage.publisher.track);
  const clock = new WallClock();
  try {
    using time = new bench.RunTime(signal, values.duration);
    const { session } = await stage.dialler.dial({ signal: time.signal });
    await audience.join(session, time.signal);
    while (!ramp.over) {
      const mbps = ramp.mbps;
      setRate(mbps);
      audience.takeInterval(clock.now());
      await sleep(values.interval * 1000, time.signal);
      if (time.signal.aborted) break;
      const interval = audience.takeInterval(clock.now());
      const verdict = ramp.judge(interval);
      if (output.json) output.event({ type: "interval", target_mbps: mbps, verdict, ...interval });
      else output.print(`${mbps.toFixed(1)} Mbit/s sent: ${verdict}, ${summaryText(interval)}`);
    }
    time.end();
    await audience.done();
  } finally {
    await audience.close();
  }
  const summary = audience.summary();
  if (!output.json) output.print(`most that got through well: ${ramp.bestMbps.toFixed(1)} Mbit/s`);
  bench.conclude(output, summary, { best_mbps: ramp.bestMbps });
  return summary.objects > 0 ? 0 : 1;
}
