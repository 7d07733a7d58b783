/**
 * `--stdout` and `--stdin`: frames as lines of candump's log.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import { formatLogLine, type LogLine, parseLogLine } from "../candump.ts";
import type { CanFrame } from "../frame.ts";
import type { BusHub } from "../hub.ts";

/** Most frames waiting for whoever reads. Policy: the oldest make room, and are counted. */
const MAX_WAITING = 262_144;
/** Most lines of standard input that wait for the network before more is read. */
const MAX_UNSENT = 4_096;
/** Longest line of standard input, in characters. */
const MAX_LINE = 1_024;

/** A running text sink. */
export interface TextSink {
  /** Frames dropped because nobody read. */
  readonly dropped: number;
  /** Resolves when the reader went away, rejects when writing failed otherwise. */
  readonly done: Promise<void>;
}

/** Writes each frame as a line of candump's log until the signal aborts. */
export function writeLog(
  hub: BusHub,
  name: string,
  stdout: WritableStream<Uint8Array>,
  signal: AbortSignal,
): TextSink {
  let waiting: CanFrame[] = [];
  let dropped = 0;
  let wake = Promise.withResolvers<void>();
  const node = hub.join({
    onFrames: (frames) => {
      waiting.push(...frames);
      if (waiting.length > MAX_WAITING) {
        const excess = waiting.length - MAX_WAITING;
        waiting.splice(0, excess);
        dropped += excess;
      }
      wake.resolve();
    },
  });
  const abort = () => wake.resolve();
  signal.addEventListener("abort", abort, { once: true });
  const run = async () => {
    const writer = stdout.getWriter();
    const encoder = new TextEncoder();
    try {
      for (;;) {
        await wake.promise;
        wake = Promise.withResolvers();
        const frames = waiting;
        waiting = [];
        if (frames.length > 0) {
          const lines = frames.map((frame) => formatLogLine(frame, name)).join("\n");
          await writer.write(encoder.encode(`${lines}\n`));
        }
        if (signal.aborted) return;
      }
    } finally {
      writer.releaseLock();
      node[Symbol.dispose]();
      signal.removeEventListener("abort", abort);
    }
  };
  return {
    get dropped() {
      return dropped;
    },
    done: run(),
  };
}

/**
 * Sends each line, as it comes, until the input ends. A line that is no frame ends it with a
 * `UsageError` that names the line; empty lines and lines beginning with `#` are skipped.
 */
export async function sendLines(
  hub: BusHub,
  input: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const node = hub.join({});
  try {
    let number = 0;
    let frames: CanFrame[] = [];
    const flush = async () => {
      if (frames.length === 0) return;
      node.send(frames);
      frames = [];
      if (hub.remote.waiting > MAX_UNSENT) await hub.remote.drained();
    };
    for await (const lines of linesOf(input, signal)) {
      for (const line of lines) {
        number++;
        const text = line.trim();
        if (text !== "" && !text.startsWith("#")) frames.push(parse(text, number).frame);
        if (frames.length >= MAX_UNSENT) await flush();
      }
      await flush();
    }
    await hub.remote.drained();
  } finally {
    node[Symbol.dispose]();
  }
}

function parse(line: string, number: number): LogLine {
  try {
    return parseLogLine(line);
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    throw new UsageError(`line ${number}: ${cause.message}`, {
      cause,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    });
  }
}

/** Lines as they come, those of one read together. Throws `UsageError` for one without an end. */
async function* linesOf(
  input: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string[], void, void> {
  const reader = input.getReader();
  const decoder = new TextDecoder();
  const abort = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", abort, { once: true });
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      const text = rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }));
      const lines = text.split("\n");
      rest = done ? "" : lines.pop()!;
      if (rest.length > MAX_LINE) {
        throw new UsageError(`a line of more than ${MAX_LINE} characters`);
      }
      if (lines.length > 0) yield lines;
      if (done) return;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    reader.releaseLock();
  }
}
