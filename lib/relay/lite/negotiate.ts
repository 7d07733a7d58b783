/**
 * Whether a session is of moq-lite or of MoQT, where the connection's protocol does not tell: over
 * WebTransport that agreed on nothing both begin with a CLIENT_SETUP of the same form, whose versions
 * tell it.
 *
 * @module
 */
import type { BidirectionalStream, Connection } from "../../transport/connection.ts";
import { MoqtViolation, violation } from "../../moqt/errors.ts";
import { CLIENT_SETUP, decodeClientSetup } from "../../moqt/lite/messages/setup.ts";
import { PushBuffer } from "../../moqt/lite/push_buffer.ts";
import { setupBody } from "../../moqt/lite/setup.ts";
import { LITE_CODES, LITE_PROTOCOL } from "../../moqt/lite/versions.ts";
import { hasVersionInSetup, setupNumberOf, VERSIONS } from "../../moqt/versions.ts";

/** How long the first message may take, in milliseconds. */
const SETUP_MS = 10_000;

/** What is spoken, and the connection to go on with. */
export interface Negotiated {
  /** Which family. */
  family: "lite" | "moqt";
  /** The connection, as if nothing of it had been read. */
  connection: Connection;
}

/**
 * Finds out what is spoken. Reads the client's first message where it must; rejects where none comes,
 * or none that can be read.
 */
export async function negotiate(
  connection: Connection,
  signal?: AbortSignal,
): Promise<Negotiated> {
  if (connection.protocol === LITE_PROTOCOL) return { family: "lite", connection };
  if (connection.protocol !== "") return { family: "moqt", connection };
  const ended = new AbortController();
  const timeout = setTimeout(() => {
    ended.abort(new MoqtViolation("control-message-timeout", "no set-up came in time"));
  }, SETUP_MS);
  const give = () => ended.abort(signal!.reason);
  signal?.addEventListener("abort", give, { once: true });
  const close = () => {
    const { reason } = ended.signal;
    const closeCode = reason instanceof MoqtViolation ? reason.closeCode : 0;
    connection.close({ closeCode, reason: reason instanceof Error ? reason.message : "" });
  };
  ended.signal.addEventListener("abort", close, { once: true });
  try {
    signal?.throwIfAborted();
    return await readSetup(connection);
  } catch (error) {
    ended.abort(ended.signal.aborted ? undefined : error);
    throw ended.signal.reason;
  } finally {
    clearTimeout(timeout);
    signal?.removeEventListener("abort", give);
  }
}

async function readSetup(connection: Connection): Promise<Negotiated> {
  const streams = connection.incomingBidirectionalStreams.getReader();
  const stream = (await streams.read()).value;
  if (stream === undefined) throw violation("the connection ended before its set-up");
  const reader = stream.readable.getReader();
  const chunks: Uint8Array[] = [];
  const buffer = new PushBuffer();
  let body: Uint8Array | undefined;
  while (body === undefined) {
    const { done, value } = await reader.read();
    if (done) throw violation("the set-up's stream was closed");
    chunks.push(value);
    buffer.push(value);
    body = setupBody(buffer, CLIENT_SETUP);
  }
  const { versions } = decodeClientSetup(body);
  const first: BidirectionalStream = {
    readable: again(chunks, reader),
    writable: stream.writable,
  };
  return { family: familyOf(versions), connection: replayed(connection, first, streams) };
}

/** What the first version stands for that is spoken here; MoQT answers who offers none. */
function familyOf(versions: readonly number[]): Negotiated["family"] {
  const drafts = VERSIONS.filter(hasVersionInSetup).map(setupNumberOf);
  for (const version of versions) {
    if (LITE_CODES.some(({ code }) => code === version)) return "lite";
    if (drafts.includes(version)) return "moqt";
  }
  return "moqt";
}

/** A stream of what was read, and of what follows. */
function again<T>(read: readonly T[], reader: ReadableStreamDefaultReader<T>): ReadableStream<T> {
  const before = [...read];
  return new ReadableStream<T>({
    pull: async (controller) => {
      const known = before.shift();
      if (known !== undefined) return controller.enqueue(known);
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function replayed(
  connection: Connection,
  first: BidirectionalStream,
  streams: ReadableStreamDefaultReader<BidirectionalStream>,
): Connection {
  const incoming = again([first], streams);
  return new Proxy(connection, {
    get: (target, key) => {
      if (key === "incomingBidirectionalStreams") return incoming;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
