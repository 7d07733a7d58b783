/**
 * What `xoq moq sub` and `xoq moq join` share: a track received, and written.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";
import { formatItem, OBJECT_FORMATS, type ObjectFormat } from "../moq_tools/sub/format.ts";
import { type History, TrackReceiver } from "../moq_tools/sub/receiver.ts";
import type { RequestHandlers } from "../moqt/respond/incoming.ts";
import type { MoqtSession } from "../moqt/session/session.ts";
import type { Parameters } from "../moqt/wire/parameters.ts";
import { formatTrackName, hasPrefix, type TrackName, trackName } from "../moqt/wire/track_name.ts";
import { RequestError } from "../moqt/errors.ts";
import type { CommandContext } from "./command.ts";
import { openOutput, outputError } from "./files.ts";
import { parseNamespace, tokensOf } from "./moq_options.ts";
import { keepDialling, keepListening, messageOf, type SessionValues } from "./moq_session.ts";

/** Of tools that receive. */
export const RECEIVE_OPTIONS = {
  "out": { type: "string", value: "FILE", brief: "write objects here; absent: stdout" },
  "format": {
    type: "enum",
    values: OBJECT_FORMATS,
    default: "raw",
    brief: "raw: payloads alone; lines: each with a line's end; json: with places, a line each",
  },
  "arrival": { type: "boolean", brief: "objects as they arrive, not group by group" },
  "latest": {
    type: "boolean",
    brief: "give groups up that a newer one superseded, where what reads this is slow",
  },
  "count": { type: "number", value: "N", min: 1, brief: "end after so many objects" },
  "priority": {
    type: "number",
    value: "0-255",
    min: 0,
    max: 255,
    brief: "the subscription's priority, 0 goes first",
  },
} as const satisfies OptionTable;

/** Values of {@link RECEIVE_OPTIONS} and of the session's options. */
export interface ReceiveValues extends SessionValues {
  /** `--namespace`. */
  readonly namespace: string;
  /** `--track`. */
  readonly track: string;
  /** `--out`. */
  readonly out: string | undefined;
  /** `--format`. */
  readonly format: ObjectFormat;
  /** `--arrival`. */
  readonly arrival: boolean;
  /** `--latest`. */
  readonly latest: boolean;
  /** `--count`. */
  readonly count: number | undefined;
  /** `--priority`. */
  readonly priority: number | undefined;
}

/** Receives until the track ends, enough came, or the signal aborts. */
export async function receiveTrack(
  target: string | undefined,
  values: ReceiveValues,
  parameters: Parameters,
  { output, signal }: CommandContext,
  history?: History,
): Promise<void> {
  const { out, format, count = Infinity, priority } = values;
  const track = trackName(parseNamespace(values.namespace), values.track);
  const tokens = tokensOf(values.token);
  const path = out === "-" ? undefined : out;
  const sink = path === undefined ? output.stdout : await openOutput(path);
  const writer = sink.getWriter();
  writer.closed.catch(() => {});
  let unwritable: unknown;
  const counts = { objects: 0, bytes: 0, gaps: 0, skipped_groups: 0 };
  let group: number | undefined;
  let said: string | undefined;
  const receiver = new TrackReceiver({
    track,
    timeoutMs: values.timeout,
    asTheyArrive: values.arrival,
    latest: values.latest,
    parameters: {
      ...parameters,
      ...(priority === undefined ? {} : { priority }),
      ...(tokens === undefined ? {} : { tokens }),
    },
    ...(history === undefined ? {} : { history }),
    deliver: async (item) => {
      if (item.kind === "gap") counts.gaps++;
      else if (item.status === "normal") {
        counts.objects++;
        counts.bytes += item.payload.length;
      }
      // Publishers may leave ids out, so that these are counted, and not told as gaps.
      if (!values.arrival && group !== undefined && item.group > group) {
        counts.skipped_groups += item.group - group - 1;
      }
      group = item.group;
      const bytes = formatItem(item, format);
      try {
        if (bytes !== undefined && bytes.length > 0) await writer.write(bytes);
      } catch (error) {
        // No other session mends this.
        unwritable = error;
        return false;
      }
      return counts.objects < count;
    },
    onNotice: ({ type, ...rest }) => {
      output.event({ type, ...rest });
      const notice = "reason" in rest ? `${type.replace("-", " ")}: ${rest.reason}` : undefined;
      // It is asked again and again, which is worth one line.
      if (notice !== undefined && notice !== said) output.notice(notice);
      said = notice;
    },
  });
  const { tokens: _, ...wanted } = {
    ...parameters,
    ...(priority === undefined ? {} : { priority }),
  };
  const done = new AbortController();
  const over = AbortSignal.any([signal, done.signal]);
  const stats = () => ({
    type: "stats",
    text: `${counts.objects} objects · ${counts.bytes} bytes`,
    ...counts,
    stale: receiver.stale,
  });
  const ticker = setInterval(() => output.event(stats()), 1_000);
  try {
    if (values.listen === undefined) {
      await keepDialling(target, values, { use: (use) => receiver.use(use) }, {
        output,
        signal: over,
      });
    } else {
      await keepListening(values.listen, values, {
        handlers: (session) =>
          visitors(receiver, track, session, {
            wanted,
            signal: over,
            done: () => done.abort(),
            failed: (error) => output.warn(`a publisher failed: ${messageOf(error)}`),
          }),
        use: () => Promise.resolve(),
      }, { output, done: over });
    }
    await writer.close().catch((error) => unwritable ??= error);
    if (unwritable !== undefined && !signal.aborted) {
      throw outputError(unwritable, path ?? "standard output");
    }
  } finally {
    clearInterval(ticker);
    writer.releaseLock();
    done.abort();
  }
  output.event({ ...stats(), type: "done" });
  const { objects, bytes, gaps, skipped_groups } = counts;
  const missing = [
    ...(gaps === 0 ? [] : [`${gaps} gaps`]),
    ...(skipped_groups === 0 ? [] : [`${skipped_groups} group ids left out`]),
  ];
  output.notice([`received ${objects} objects, ${bytes} bytes`, ...missing].join(", "));
}

/** What is done about publishers who dial this side: their track is taken. */
function visitors(
  receiver: TrackReceiver,
  track: TrackName,
  session: Promise<MoqtSession>,
  { wanted, signal, done, failed }: {
    wanted: Parameters;
    signal: AbortSignal;
    done: () => void;
    failed: (error: unknown) => void;
  },
): RequestHandlers {
  const name = formatTrackName(track);
  return {
    publish: (request) => {
      if (formatTrackName(request.track) !== name) {
        throw new RequestError("uninterested", "another track is wanted");
      }
      const subscription = request.accept(wanted);
      session.then((session) => receiver.follow(session, subscription, signal))
        .then((over) => over && done(), failed);
    },
    publishNamespace: (request) => {
      if (!hasPrefix(track.namespace, request.namespace)) {
        throw new RequestError("uninterested", "another namespace is wanted");
      }
      const either = AbortSignal.any([signal, request.signal]);
      const over = () => either.aborted || done();
      session.then((session) =>
        receiver.use({ dialled: { session }, signal: either, established() {} })
      ).then(over, (error) => either.aborted || failed(error));
    },
  };
}
