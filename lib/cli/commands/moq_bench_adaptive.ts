/**
 * `xoq moq bench adaptive`: how much gets through, or to how many.
 *
 * @module
 */
import type { OptionTable } from "../../device.ts";
import { UsageError } from "../../errors.ts";
import { Ramp, type RampOptions } from "../../moq_tools/bench/adaptive.ts";
import { Audience } from "../../moq_tools/bench/audience.ts";
import { climb, type Climber, growingAudience } from "../../moq_tools/bench/climb.ts";
import { plainLoad } from "../../moq_tools/bench/load.ts";
import type { OfferBy } from "../../moq_tools/bench/publish.ts";
import { CSV_HEAD, csvLine } from "../../moq_tools/bench/report.ts";
import { summaryText } from "../../moq_tools/bench/stats.ts";
import type { SubscriptionFilter } from "../../moqt/wire/filter.ts";
import { type Command, defineCommand } from "../command.ts";
import * as bench from "../moq_bench.ts";
import { directStage, type OwnValues, relayStage, type Stage } from "../moq_bench_stage.ts";
import { ADAPTIVE_OPTIONS } from "../moq_bench_adaptive.ts";
import type { Output } from "../output.ts";

const OPTIONS = {
  ...ADAPTIVE_OPTIONS,
  ...bench.OWN_SERVER_OPTIONS,
  "object-size": bench.LOAD_OPTIONS["object-size"],
  "group-size": bench.LOAD_OPTIONS["group-size"],
  "streams": bench.LOAD_OPTIONS.streams,
  ...bench.BENCH_OPTIONS,
} as const satisfies OptionTable;

/** The parsed options that this looks at. */
type Values = OwnValues & {
  readonly "sub-filter": string | undefined;
  readonly "sub-mbps": number;
  readonly "join-rate": number | undefined;
  readonly stagger: number;
  readonly report: string | undefined;
};

/** How much gets through. */
export const moqBenchAdaptiveCommand: Command = defineCommand({
  positionals: [{ value: "URL", brief: "the relay; absent: without one", optional: true }],
  options: OPTIONS,
  description:
    "Raises the bitrate each --interval, or with --mode subs the number of subscribers,\n" +
    "until latency, loss or a shortfall says that it is too much, and backs off; ends when the\n" +
    "ceiling was met three times, or the limit is held.",
  examples: [
    ["xoq moq bench adaptive moqt://relay:4443 -i 2 -t 120", "what a relay carries"],
    ["xoq moq bench adaptive moqt://relay:4443 --mode subs --step-subs 10", "how many viewers"],
    ["xoq moq bench adaptive URL --mode subs --role pub --sub-mbps 5", "the publisher alone"],
  ],
  run: async ([target], values, context) => {
    const { mode, role } = values;
    if (role !== "both" && (mode === "bw" || target === undefined)) {
      throw new UsageError(`--role ${role} goes with --mode subs and a relay's URL`, {
        hint: "with --mode bw the rate is set where it is measured",
      });
    }
    if (values["pub-ns"] && values["pub-both"]) {
      throw new UsageError("--pub-ns and --pub-both exclude each other");
    }
    const both = { latencyMs: values["latency-threshold"], shortfall: values["shortfall-ratio"] };
    const search: RampOptions = mode === "bw"
      ? {
        ...both,
        start: values["start-mbps"],
        step: values["step-mbps"],
        max: values["max-mbps"],
        backoff: values["backoff-factor"],
      }
      : {
        ...both,
        start: values["start-subs"],
        step: values["step-subs"],
        max: values["max-subs"],
        backoff: values["backoff-factor"],
        whole: true,
      };
    const ramp = new Ramp(search);
    const objectBytes = values["object-size"];
    const perMbit = 1e6 / 8 / objectBytes;
    const load = plainLoad({
      objectBytes,
      groupObjects: values["group-size"],
      streams: values.streams,
      rate: (mode === "bw" ? ramp.level : values["sub-mbps"]) * perMbit,
      datagrams: false,
    });
    const by: OfferBy = values["pub-both"] ? "both" : "namespace";
    if (role === "pub") {
      await using _stage = await relayStage(target, values, load, { ...context, by });
      context.output.event({ type: "offered", by });
      context.output.notice(`publishing at ${values["sub-mbps"]} Mbit/s`);
      using time = new bench.RunTime(context.signal, values.duration);
      await new Promise<void>((resolve) => {
        if (time.signal.aborted) resolve();
        time.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      return 0;
    }
    await using stage = role === "sub"
      ? await subscribersStage(target!, values)
      : target === undefined && mode === "bw"
      ? await directStage(values, load, context.output)
      : await relayStage(target, values, load, { ...context, by });
    const climber: Climber = mode === "bw"
      ? { tickMs: values.interval * 1000, apply: (level) => void (load.rate = level * perMbit) }
      : { tickMs: (values["join-rate"] ?? values.interval) * 1000, subMbps: values["sub-mbps"] };
    return await run(stage, ramp, climber, values, context);
  },
});

/** A stage whose publisher is elsewhere. */
async function subscribersStage(
  target: string,
  values: OwnValues,
): Promise<Pick<Stage, "dialler"> & AsyncDisposable> {
  const dialler = await bench.diallerOf(target, values);
  return { dialler, [Symbol.asyncDispose]: () => dialler[Symbol.asyncDispose]() };
}

function filterOf(name: string | undefined): SubscriptionFilter | undefined {
  if (name === undefined) return undefined;
  return name.startsWith("next-group") ? { from: "next-group" } : { from: "largest-object" };
}

async function run(
  { dialler }: Pick<Stage, "dialler">,
  ramp: Ramp,
  climber: Climber,
  values: Values,
  { output, signal }: { output: Output; signal: AbortSignal },
): Promise<number> {
  const filter = filterOf(values["sub-filter"]);
  const parameters = filter === undefined ? {} : { filter };
  const audience = new Audience(bench.trackOf(values), { parameters });
  const report = values.report === undefined
    ? undefined
    : await Deno.open(values.report, { write: true, create: true, truncate: true });
  const unit = climber.apply === undefined ? "subscribers" : "Mbit/s";
  const began = performance.now();
  let told = 0;
  let failed = 0;
  try {
    report?.writeSync(new TextEncoder().encode(CSV_HEAD));
    using time = new bench.RunTime(signal, values.duration);
    const join = async () => {
      const { session } = await dialler.dial({ signal: time.signal });
      await audience.join(session, time.signal);
    };
    if (climber.apply !== undefined) await join();
    const sized = climber.apply ?? growingAudience(audience, join, {
      staggerMs: values.stagger * 1000,
      signal: time.signal,
      onFailure: (error) => {
        failed++;
        output.debug(String(error));
      },
    });
    await climb(ramp, audience, { ...climber, apply: sized }, time.signal, (interval) => {
      const { level, verdict, delivered } = interval;
      const now = performance.now();
      report?.writeSync(new TextEncoder().encode(csvLine((now - began) / 1000, interval)));
      // Ticks may be shorter than what people want to read.
      if (now - told < values.interval * 900) return;
      told = now;
      if (output.json) output.event({ type: "interval", unit, ...interval });
      else {
        output.print(
          `${level.toFixed(1)} ${unit}: ${verdict}, ${delivered.toFixed(1)} there, ` +
            summaryText(interval),
        );
      }
    });
    time.end();
    await audience.done();
  } finally {
    report?.close();
    await audience.close();
  }
  const summary = audience.summary();
  if (!output.json) output.print(`most that got through well: ${ramp.best.toFixed(1)} ${unit}`);
  bench.conclude(output, summary, {
    ...audience.dropped,
    ...(climber.apply === undefined
      ? {
        best_subscribers: ramp.best,
        lost_subscribers: audience.lostMembers,
        failed_joins: failed,
      }
      : { best_mbps: ramp.best }),
  });
  return summary.objects > 0 ? 0 : 1;
}
