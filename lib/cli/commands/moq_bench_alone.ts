/**
 * `xoq moq bench loopback`, `relay` and `fanout`: both ends of a benchmark in one process.
 *
 * @module
 */
import type { OptionTable } from "../../device.ts";
import { Audience } from "../../moq_tools/bench/audience.ts";
import { type Command, defineCommand } from "../command.ts";
import * as bench from "../moq_bench.ts";
import { directStage, relayStage, type Stage } from "../moq_bench_stage.ts";
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
    ...audience.dropped,
    subscribers: each.length,
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
