/**
 * `xoq moq pub`: a file, stdin or a pattern as a MoQT track.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import type { OptionTable } from "../../device.ts";
import { cutBytes, cutLines, type CutObject } from "../../moq_tools/pub/cut.ts";
import { feed, pattern } from "../../moq_tools/pub/feed.ts";
import { cutFragments, isMp4 } from "../../moq_tools/pub/fmp4.ts";
import { TrackPublisher } from "../../moq_tools/pub/publisher.ts";
import type { SessionUse } from "../../moqt/persistent.ts";
import { trackName } from "../../moqt/wire/track_name.ts";
import { type Command, defineCommand } from "../command.ts";
import { openInput } from "../files.ts";
import { parseNamespace, tokensOf } from "../moq_options.ts";
import { keepDialling, keepListening, SESSION_OPTIONS } from "../moq_session.ts";

const OPTIONS = {
  "split": {
    type: "enum",
    values: ["auto", "lines", "bytes", "fmp4"],
    default: "auto",
    brief:
      "what of the input is an object: a line with its end, --size bytes, or a fragment of MP4; " +
      "auto: fragments where it is MP4, else lines",
  },
  "size": {
    type: "number",
    value: "BYTES",
    default: 1024,
    min: 1,
    max: 16 << 20,
    brief: "bytes of an object with --split bytes, and of the pattern's",
  },
  "group": {
    type: "number",
    value: "N",
    default: 100,
    min: 1,
    brief: "objects of a group (MP4: a group begins at each key frame)",
  },
  "rate": {
    type: "number",
    value: "N",
    min: 0.001,
    max: 1_000_000,
    fraction: true,
    brief: "objects a second; absent: as fast as they are taken, the pattern 10",
  },
  "count": { type: "number", value: "N", min: 1, brief: "end after so many objects" },
  "first-group": {
    type: "string",
    value: "N|now",
    default: "0",
    brief: "id of the first group; now: from the clock, so that a restarted publisher goes on",
  },
  "offer": {
    type: "enum",
    values: ["namespace", "publish", "both"],
    default: "namespace",
    brief: "make the track known by PUBLISH_NAMESPACE, by PUBLISH, or by both",
  },
  "datagrams": { type: "boolean", brief: "send objects in datagrams instead of streams" },
  "priority": {
    type: "number",
    value: "0-255",
    min: 0,
    max: 255,
    brief: "the track's priority, 0 goes first",
  },
  "no-wait": { type: "boolean", brief: "publish though nobody has subscribed" },
  "keep": {
    type: "number",
    value: "N",
    default: 16,
    min: 0,
    max: 10_000,
    brief: "groups that are kept for FETCH, at most 32 MiB of them",
  },
  "linger": {
    type: "duration",
    value: "TIME",
    default: 1_000,
    min: 0,
    max: 600_000,
    brief: "stay so long after the end, so that all of it arrives",
  },
  ...SESSION_OPTIONS,
} as const satisfies OptionTable;

/** The command. */
export const moqPubCommand: Command = defineCommand({
  positionals: [
    { value: "URL", brief: "moqt://…, https://… or a ticket; not with --listen", optional: true },
    { value: "FILE", brief: "what to publish; -: stdin; absent: a pattern", optional: true },
  ],
  options: OPTIONS,
  description:
    "Publishes a track. A session that is lost is dialled again, and the track goes on\n" +
    "where it was. With a file or stdin the first subscriber is waited for.",
  examples: [
    ["xoq moq pub moqt://localhost:4443 --insecure", "a pattern, ten objects a second"],
    ["journalctl -f | xoq moq pub https://relay.example/live -", "each line an object"],
    [
      "ffmpeg … -movflags frag_keyframe+empty_moov+default_base_moof -f mp4 - | " +
      "xoq moq pub URL --namespace live/cam --track video -",
      "video, each fragment an object, each key frame a group",
    ],
    ["xoq moq pub --listen :4443 data.bin --split bytes", "as a server, without a relay"],
  ],
  run: async (args, values, context) => {
    const { output, signal } = context;
    const [target, file] = values.listen === undefined ? args : [undefined, ...args];
    if (values.listen !== undefined && args.length > 1) {
      throw new UsageError("--listen takes no URL", { hint: "give the file alone" });
    }
    const tokens = tokensOf(values.token);
    const readable = file === undefined ? undefined : await inputOf(file);
    const publisher = new TrackPublisher({
      track: trackName(parseNamespace(values.namespace), values.track),
      offerBy: values.offer,
      datagrams: values.datagrams,
      keepGroups: values.keep,
      ...(values.priority === undefined ? {} : {
        properties: { defaultPriority: values.priority },
      }),
      ...(tokens === undefined ? {} : { tokens }),
      onSubscribers: (count) => output.event({ type: "subscribers", count }),
    });
    const done = new AbortController();
    const over = AbortSignal.any([signal, done.signal]);
    // What is published before anybody agreed to take it would count as published.
    const offered = Promise.withResolvers<void>();
    over.addEventListener("abort", () => offered.resolve(), { once: true });
    if (values.listen !== undefined) offered.resolve();
    const feeding = (async () => {
      await offered.promise;
      const { rate, count } = values;
      const pace = rate ?? (file === undefined ? 10 : undefined);
      await feed(publisher, await objectsOf(readable, values, over), {
        groupSize: values.group,
        firstGroup: firstGroup(values["first-group"]),
        waits: file !== undefined && !values["no-wait"],
        signal: over,
        ...(pace === undefined ? {} : { rate: pace }),
        ...(count === undefined ? {} : { count }),
      });
      await publisher.drained();
      await publisher.end({ lingerMs: signal.aborted ? 0 : values.linger, signal });
    })();
    const ended = feeding.finally(() => done.abort());
    ended.catch(() => {});
    const ticker = setInterval(() => output.event(statsOf(publisher)), 1_000);
    const tool = {
      handlers: publisher.handlers.bind(publisher),
      use: (use: SessionUse) =>
        publisher.use({
          ...use,
          established() {
            use.established();
            offered.resolve();
          },
        }),
    };
    try {
      if (values.listen === undefined) {
        await keepDialling(target, values, tool, { output, signal: over });
      } else await keepListening(values.listen, values, tool, { output, done: over });
      await feeding;
    } finally {
      clearInterval(ticker);
      done.abort();
      await ended.catch(() => {});
    }
    output.event({ ...statsOf(publisher), type: "done" });
    output.notice(summary(publisher));
  },
});

async function inputOf(file: string): Promise<ReadableStream<Uint8Array>> {
  return file === "-" ? Deno.stdin.readable : await openInput(file);
}

async function objectsOf(
  readable: ReadableStream<Uint8Array> | undefined,
  { split, size }: { split: "auto" | "lines" | "bytes" | "fmp4"; size: number },
  signal: AbortSignal,
): Promise<AsyncIterable<CutObject>> {
  if (readable === undefined) return pattern(size);
  const reader = readable.getReader();
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  const head = split === "auto" ? (await reader.read()).value ?? new Uint8Array(0) : undefined;
  const input = (async function* () {
    if (head !== undefined) yield head;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  })();
  if (split === "bytes") return cutBytes(input, size);
  return split === "fmp4" || (head !== undefined && isMp4(head))
    ? cutFragments(input)
    : cutLines(input);
}

function firstGroup(text: string): number {
  if (text === "now") return Date.now();
  const group = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(group)) {
    throw new UsageError(`--first-group: ${JSON.stringify(text)} is no group`, {
      hint: "give a number, or now",
    });
  }
  return group;
}

function statsOf(publisher: TrackPublisher) {
  const { objects, bytes, subscribers, resetGroups, droppedDatagrams } = publisher.stats;
  return {
    type: "stats",
    text: `${objects} objects · ${subscribers} subscribers`,
    objects,
    bytes,
    subscribers,
    reset_groups: resetGroups,
    dropped_datagrams: droppedDatagrams,
  };
}

function summary(publisher: TrackPublisher): string {
  const { objects, bytes, resetGroups, droppedDatagrams } = publisher.stats;
  const lost = [
    ...(resetGroups > 0 ? [`${resetGroups} groups cut off`] : []),
    ...(droppedDatagrams > 0 ? [`${droppedDatagrams} datagrams dropped`] : []),
  ];
  return [`published ${objects} objects, ${bytes} bytes`, ...lost].join(", ");
}
