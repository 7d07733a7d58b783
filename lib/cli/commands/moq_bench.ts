/**
 * `xoq moq bench pub` and `sub`: the two ends of a benchmark, wire-compatible with aiomoqt's.
 *
 * @module
 */
import { Backoff } from "../../backoff.ts";
import { UsageError } from "../../errors.ts";
import { Audience } from "../../moq_tools/bench/audience.ts";
import { LoadPublisher, type OfferBy } from "../../moq_tools/bench/publish.ts";
import { round, type Summary } from "../../moq_tools/bench/stats.ts";
import type { Dialler } from "../../moq_tools/connect.ts";
import { RequestError } from "../../moqt/errors.ts";
import { IMPLEMENTATION } from "../../moq_tools/interop/mod.ts";
import { isLoopback, listenAddress } from "../../moq_tools/serve.ts";
import type { OptionTable } from "../../device.ts";
import { type Command, defineCommand } from "../command.ts";
import * as bench from "../moq_bench.ts";
import type { Output } from "../output.ts";

const OFFER_OPTIONS = {
  "pub-ns": {
    type: "boolean",
    brief: "offer the namespace only (PUBLISH_NAMESPACE), and wait for SUBSCRIBE",
  },
  "pub-both": { type: "boolean", brief: "offer the namespace, and the track by PUBLISH" },
  "listen": {
    type: "string",
    value: "ADDR:PORT",
    brief: "be the server: plain QUIC and WebTransport on this port, instead of dialling a URL",
    section: "Network",
  },
  "public": {
    type: "boolean",
    brief: "with --listen: beyond this machine, too",
    section: "Access",
  },
} as const satisfies OptionTable;

/** The publisher. */
export const moqBenchPubCommand: Command = defineCommand({
  positionals: [
    { value: "URL", brief: "moqt://…, https://… or a ticket; not with --listen", optional: true },
  ],
  options: { ...bench.LOAD_OPTIONS, ...OFFER_OPTIONS, ...bench.BENCH_OPTIONS },
  description: "Publishes objects that carry their place and the time they were sent at, each\n" +
    "subscriber its own. aiomoqt's moq-sub-bench reads them, too.",
  examples: [
    ["xoq moq bench pub --listen :4443 -s 1024", "as a server, as fast as it goes"],
    ["xoq moq bench pub moqt://relay:4443 -s 1024 -r 10000 -t 60", "to a relay, paced"],
    ["xoq moq bench pub https://relay/ --video 1080p", "like video"],
  ],
  run: async ([target], values, { output, signal }) => {
    const publisher = new LoadPublisher(
      bench.trackOf(values),
      bench.loadOf(values),
      (error) => output.warn(error instanceof Error ? error.message : String(error)),
    );
    const rateOf = sentRate(publisher);
    using time = new bench.RunTime(signal, values.duration);
    using _ticker = new bench.Ticker(output, values.interval, rateOf);
    if (values.listen === undefined) await dial(target, values, publisher, { time, output });
    else {
      if (target !== undefined) throw new UsageError("--listen takes no URL");
      const address = listenAddress(values.listen);
      if (!isLoopback(address) && !values.public) {
        throw new UsageError(`${address} is not this machine's alone`, {
          hint: "give --public to let anybody in",
        });
      }
      await using listener = await bench.listenerOf(address, values, {
        admit: () => ({ implementation: IMPLEMENTATION, handlers: publisher.handlers }),
        arrived: ({ session, incoming }) => {
          output.event({ type: "client", id: incoming.remote, role: incoming.kind });
          session.closed.catch(() => {});
        },
        failed: (error, { remote }) => output.debug(`${remote}: ${String(error)}`),
      });
      const urls = [`moqt://${listener.address}`, `https://${listener.address}/`];
      output.event({ type: "listening", address: listener.address, urls });
      output.notice(`listening on ${urls.join(" and ")}`);
      await aborted(time.signal);
      await publisher.close();
    }
    const { objects, bytes, groups } = publisher.tally;
    const summary = summaryOf(objects, bytes, groups, publisher.seconds);
    bench.conclude(output, summary, { subscribers: publisher.served });
  },
});

async function dial(
  target: string | undefined,
  values: bench.BenchValues & { readonly "pub-ns": boolean; readonly "pub-both": boolean },
  publisher: LoadPublisher,
  { time, output }: { time: bench.RunTime; output: Output },
): Promise<void> {
  if (target === undefined) {
    throw new UsageError("no server is given", {
      hint:
        "write moqt://HOST:PORT/PATH, https://HOST:PORT/PATH or a ticket; or --listen ADDR:PORT",
    });
  }
  if (values["pub-ns"] && values["pub-both"]) {
    throw new UsageError("--pub-ns and --pub-both exclude each other");
  }
  const by: OfferBy = values["pub-ns"] ? "namespace" : values["pub-both"] ? "both" : "publish";
  await using dialler = await bench.diallerOf(target, values);
  const { session } = await dialler.dial({ handlers: publisher.handlers, signal: time.signal });
  session.closed.then(() => time.end(), () => time.end());
  try {
    await publisher.offer(session, by, time.signal);
    output.event({ type: "offered", by });
    await aborted(time.signal);
    await publisher.close();
  } finally {
    await session.close();
  }
}

/** Figures of what was sent since the last call. */
function sentRate(publisher: LoadPublisher): () => Summary {
  let before = { objects: 0, bytes: 0, groups: 0 };
  let at = performance.now();
  return () => {
    const now = performance.now();
    const tally = publisher.tally;
    const objects = tally.objects - before.objects;
    const bytes = tally.bytes - before.bytes;
    const summary = summaryOf(objects, bytes, tally.groups, (now - at) / 1000);
    before = tally;
    at = now;
    return summary;
  };
}

function summaryOf(objects: number, bytes: number, groups: number, seconds: number): Summary {
  return {
    objects_per_second: seconds > 0 ? round(objects / seconds) : 0,
    mbps: seconds > 0 ? round(bytes * 8 / seconds / 1e6) : 0,
    lost: 0,
    latency_ms: { p50: null, p95: null, p99: null },
    jitter_ms: 0,
    objects,
    bytes,
    groups,
    seconds: round(seconds),
    clock_offset: false,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The subscriber. */
export const moqBenchSubCommand: Command = defineCommand({
  positionals: [{ value: "URL", brief: "moqt://…, https://… or a ticket" }],
  options: { ...bench.COUNT_OPTIONS, ...bench.BENCH_OPTIONS },
  description: "Subscribes to a benchmark's track, ours or aiomoqt's, and measures what comes.\n" +
    "With --duration 0 it ends with the track.",
  examples: [
    ["xoq moq bench sub moqt://localhost:4443 -k -t 10", "for ten seconds"],
    ["xoq moq bench sub URL -k --json | tail -1", "the result for programs"],
  ],
  run: async ([target = ""], values, { output, signal }) => {
    await using dialler = await bench.diallerOf(target, values);
    const audience = new Audience(bench.trackOf(values), { countOnly: values["no-stats"] });
    try {
      using time = new bench.RunTime(signal, values.duration);
      await joinOnceThere(audience, dialler, values.timeout, { signal: time.signal, output });
      using _ticker = new bench.Ticker(
        output,
        values.interval,
        (now) => audience.takeInterval(now),
      );
      await audience.done();
    } finally {
      await audience.close();
    }
    const summary = audience.summary();
    bench.conclude(output, summary, { ...audience.dropped });
    return summary.objects > 0 ? 0 : 1;
  },
});

/** Subscribes; a track that nobody publishes yet is asked for again until `timeoutMs` is over. */
async function joinOnceThere(
  audience: Audience,
  dialler: Dialler,
  timeoutMs: number,
  { signal, output }: { signal: AbortSignal; output: Output },
): Promise<void> {
  const backoff = new Backoff();
  const ends = performance.now() + timeoutMs;
  for (let tries = 0;; tries++) {
    const { session } = await dialler.dial({ signal });
    try {
      return await audience.join(session, signal);
    } catch (error) {
      const isAbsent = error instanceof RequestError && error.refusal === "does-not-exist";
      if (!isAbsent || signal.aborted || performance.now() > ends) throw error;
      output.event({ type: "waiting", reason: error.message });
      if (tries === 0) output.notice(`waiting: ${error.message}`);
      await backoff.wait(signal);
    }
  }
}
