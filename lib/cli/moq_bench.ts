/**
 * What the MoQT benchmarks share: their options, and how they tell what they measured.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";
import { UsageError } from "../errors.ts";
import { plainLoad, VIDEO, videoLoad } from "../moq_tools/bench/load.ts";
import type { Load } from "../moq_tools/bench/load.ts";
import { type Summary, summaryText } from "../moq_tools/bench/stats.ts";
import { WallClock } from "../moq_tools/bench/stamp.ts";
import { Dialler } from "../moq_tools/connect.ts";
import { directTransport } from "../moq_tools/direct.ts";
import { IMPLEMENTATION } from "../moq_tools/interop/mod.ts";
import { listenSessions, type SessionHost } from "../moqt/listen.ts";
import { type TrackName, trackName } from "../moqt/wire/track_name.ts";
import type { DirectOptions, Listener } from "../transport/direct.ts";
import {
  connectOptions,
  DIAL_OPTIONS,
  type DialValues,
  parseDrafts,
  parseNamespace,
  wireOptions,
} from "./moq_options.ts";
import type { Output } from "./output.ts";

/** Of every benchmark. */
export const BENCH_OPTIONS = {
  "namespace": {
    type: "string",
    short: "N",
    value: "A/B",
    default: "bench",
    brief: "the track's namespace, a slash between its fields",
  },
  "trackname": {
    type: "string",
    short: "T",
    alias: "track",
    value: "NAME",
    default: "track",
    brief: "the track's name",
  },
  "duration": {
    type: "number",
    short: "t",
    value: "SECONDS",
    default: 30,
    min: 0,
    max: 86_400,
    fraction: true,
    brief: "end after so many seconds",
  },
  "interval": {
    type: "number",
    short: "i",
    value: "SECONDS",
    default: 5,
    min: 0.1,
    max: 3_600,
    fraction: true,
    brief: "tell the figures so often",
  },
  "max-queued-bytes": {
    type: "number",
    value: "BYTES",
    default: 1 << 20,
    min: 1_024,
    max: 1 << 30,
    brief: "bytes on their way on a connection before its publisher waits",
    section: "Network",
  },
  ...DIAL_OPTIONS,
  "congestion": { ...DIAL_OPTIONS.congestion, alias: "cc-algo" },
} as const satisfies OptionTable;

/** Of benchmarks that publish. */
export const LOAD_OPTIONS = {
  "object-size": {
    type: "number",
    short: "s",
    value: "BYTES",
    default: 4096,
    min: 1,
    max: 16 << 20,
    brief: "bytes of an object",
    section: "Load",
  },
  "group-size": {
    type: "number",
    short: "g",
    value: "N",
    default: 4096,
    min: 1,
    max: 1_000_000_000,
    brief: "objects of a group",
    section: "Load",
  },
  "streams": {
    type: "number",
    short: "P",
    value: "N",
    default: 1,
    min: 1,
    max: 1_000,
    brief: "subgroups of a group, each a stream; objects go to them in turn",
    section: "Load",
  },
  "rate": {
    type: "number",
    short: "r",
    value: "N",
    default: 0,
    min: 0,
    max: 10_000_000,
    fraction: true,
    brief: "objects a second; 0: as many as are taken",
    section: "Load",
  },
  "datagram": {
    type: "boolean",
    short: "D",
    brief: "send objects in datagrams instead of streams",
    section: "Load",
  },
  "video": {
    type: "enum",
    values: Object.keys(VIDEO) as (keyof typeof VIDEO)[],
    brief: "sizes and groups like video's at this resolution; --rate is its frames, 30 by default",
    section: "Load",
  },
} as const satisfies OptionTable;

/** Of benchmarks that receive. */
export const COUNT_OPTIONS = {
  "no-stats": {
    type: "boolean",
    brief: "count objects only: no latency, jitter or loss",
  },
} as const satisfies OptionTable;

/** Of benchmarks that bring their own server. */
export const OWN_SERVER_OPTIONS = {
  "quic": { type: "boolean", short: "Q", brief: "plain QUIC instead of WebTransport" },
  "path": { type: "string", value: "PATH", default: "/", brief: "path that is asked for" },
} as const satisfies OptionTable;

/** Values of {@link LOAD_OPTIONS}. */
export interface LoadValues {
  /** `--object-size`. */
  readonly "object-size": number;
  /** `--group-size`. */
  readonly "group-size": number;
  /** `--streams`. */
  readonly streams: number;
  /** `--rate`. */
  readonly rate: number;
  /** `--datagram`. */
  readonly datagram: boolean;
  /** `--video`. */
  readonly video: string | undefined;
}

/** Values of {@link BENCH_OPTIONS}. */
export interface BenchValues extends DialValues {
  /** `--namespace`. */
  readonly namespace: string;
  /** `--trackname`. */
  readonly trackname: string;
  /** `--duration`. */
  readonly duration: number;
  /** `--interval`. */
  readonly interval: number;
  /** `--max-queued-bytes`. */
  readonly "max-queued-bytes": number;
}

/** What options say of connections. */
export function connectionOptions(
  values: BenchValues,
): Pick<DirectOptions, "sendWindow" | "keyLogFile" | "congestion"> {
  return { ...wireOptions(values), sendWindow: values["max-queued-bytes"] };
}

/** The load that options say. Throws `UsageError`. */
export function loadOf(values: LoadValues): Load {
  const { video, datagram, rate } = values;
  if (video !== undefined) {
    if (datagram) throw new UsageError("--video and --datagram: frames fit no datagram");
    return videoLoad(video, rate > 0 ? rate : 30);
  }
  return plainLoad({
    objectBytes: values["object-size"],
    groupObjects: values["group-size"],
    streams: values.streams,
    rate,
    datagrams: datagram,
  });
}

/** The track that options say. */
export function trackOf({ namespace, trackname }: BenchValues): TrackName {
  return trackName(parseNamespace(namespace), trackname);
}

/** What dials a target as options say. */
export async function diallerOf(target: string, values: BenchValues): Promise<Dialler> {
  return new Dialler(target, {
    ...await connectOptions(values),
    ...connectionOptions(values),
    implementation: IMPLEMENTATION,
  });
}

/** Listens on loopback, or where `address` says, with everything that options say. */
export async function listenerOf(
  address: string,
  values: BenchValues,
  host: SessionHost,
): Promise<Listener> {
  return await listenSessions(await directTransport(), {
    address,
    versions: parseDrafts(values.draft),
    ...connectionOptions(values),
  }, host);
}

/** What dials a listener of this process. */
export async function diallerTo(
  listener: { readonly address: string },
  values: BenchValues & { readonly quic: boolean; readonly path: string },
): Promise<Dialler> {
  const path = values.path.startsWith("/") ? values.path : `/${values.path}`;
  const target = `${values.quic ? "moqt" : "https"}://${listener.address}${path}`;
  return await diallerOf(target, { ...values, insecure: true });
}

/** A signal that ends a run: the command's, or the time is up. Dispose it. */
export class RunTime implements Disposable {
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = () => this.#abort.abort();
  readonly #command: AbortSignal;

  /** `seconds` 0: until the command is told to end. */
  constructor(command: AbortSignal, seconds: number) {
    this.#command = command;
    if (command.aborted) this.#abort.abort();
    command.addEventListener("abort", this.#stop, { once: true });
    if (seconds > 0) this.#timer = setTimeout(this.#stop, seconds * 1000);
  }

  /** Aborted at the end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends it now. */
  end(): void {
    this.#abort.abort();
  }

  /** Lets the timer go. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#command.removeEventListener("abort", this.#stop);
    this.#abort.abort();
  }
}

/** Tells figures each interval. Dispose it. */
export class Ticker implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /** Asks for the figures of the last interval each time. */
  constructor(output: Output, seconds: number, take: (now: number) => Summary) {
    const clock = new WallClock();
    this.#timer = setInterval(() => {
      const summary = take(clock.now());
      if (output.json) output.event({ type: "interval", ...summary });
      else output.print(summaryText(summary));
    }, seconds * 1000);
  }

  /** Says no more. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Tells the result: with `--json` the last line. */
export function conclude(
  output: Output,
  summary: Summary,
  more: Record<string, unknown> = {},
): void {
  if (output.json) return output.record({ ...summary, ...more });
  output.print(`total: ${summaryText(summary)}`);
  const { cut_streams, dropped_datagrams } = more;
  if (Number(cut_streams) > 0) {
    output.print(
      `${cut_streams} streams were cut off by who sent them: for being late, or by policy`,
    );
  }
  if (Number(dropped_datagrams) > 0) {
    output.print(`${dropped_datagrams} datagrams were dropped here, as the subscriber was behind`);
  }
}
