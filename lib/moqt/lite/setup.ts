/**
 * How a session begins: the client's set-up offers versions, the server's tells which is spoken.
 *
 * @module
 */
import { UnsupportedError } from "../../errors.ts";
import {
  type BidirectionalStream,
  type Connection,
  TransportError,
} from "../../transport/connection.ts";
import { violation } from "../errors.ts";
import {
  CLIENT_SETUP,
  decodeClientSetup,
  decodeServerSetup,
  encodeClientSetup,
  encodeServerSetup,
  type LiteSetupOptions,
  SERVER_SETUP,
} from "./messages/setup.ts";
import type { PushBuffer } from "./push_buffer.ts";
import { StreamInput } from "./stream_input.ts";
import { LITE_CODES, type LiteVersion } from "./versions.ts";

/** Control streams go before groups: an int32. */
export const CONTROL_ORDER = 0x7fff_ffff;

/** What the set-up came to. */
export interface Begun {
  /** The draft that is spoken. */
  version: LiteVersion;
  /** The name that the peer gives itself. */
  implementation: string | undefined;
  /** The stream of the set-up, which stays open. */
  stream: BidirectionalStream;
  /** Its receiving half. */
  input: StreamInput;
}

/** What is said, and who is let in. */
export interface SetUpOptions {
  /** Name and version of the program. */
  implementation?: string;
  /** Told what a client said; throws to send it away. */
  admit?: (setup: LiteSetupOptions) => void | Promise<void>;
}

/** What peers are told where nothing else was said. */
const IMPLEMENTATION = "xoq";

/** Sets up as the client. */
export async function setUpClient(
  connection: Connection,
  { implementation = IMPLEMENTATION }: SetUpOptions,
): Promise<Begun> {
  const stream = await connection.createBidirectionalStream({ sendOrder: CONTROL_ORDER });
  const versions = LITE_CODES.map(({ code }) => code);
  await send(stream, encodeClientSetup({ versions, options: { implementation } }));
  const input = new StreamInput(stream.readable);
  const body = await input.next((buffer) => setupBody(buffer, SERVER_SETUP));
  if (body === undefined) throw violation("the set-up's stream was closed");
  const { version: code, options } = decodeServerSetup(body);
  const known = LITE_CODES.find((entry) => entry.code === code);
  if (known === undefined) throw unsupported(`the server chose version 0x${code.toString(16)}`);
  return { version: known.version, implementation: options.implementation, stream, input };
}

/** Sets up as the server. */
export async function setUpServer(
  connection: Connection,
  { implementation = IMPLEMENTATION, admit }: SetUpOptions,
): Promise<Begun> {
  const streams = connection.incomingBidirectionalStreams.getReader();
  let stream: BidirectionalStream | undefined;
  try {
    stream = (await streams.read()).value;
  } finally {
    streams.releaseLock();
  }
  if (stream === undefined) throw violation("the connection ended before its set-up");
  const input = new StreamInput(stream.readable);
  const body = await input.next((buffer) => setupBody(buffer, CLIENT_SETUP));
  if (body === undefined) throw violation("the set-up's stream was closed");
  const { versions, options } = decodeClientSetup(body);
  // The client's order decides, as its list is by preference.
  const known = versions.flatMap((offered) => LITE_CODES.filter(({ code }) => code === offered))[0];
  if (known === undefined) {
    const offered = versions.map((version) => `0x${version.toString(16)}`).join(", ");
    throw unsupported(`the client offers ${offered === "" ? "no version" : offered}`);
  }
  stream.writable.sendOrder = CONTROL_ORDER;
  await admit?.(options);
  await send(stream, encodeServerSetup({ version: known.code, options: { implementation } }));
  return { version: known.version, implementation: options.implementation, stream, input };
}

function unsupported(message: string): UnsupportedError {
  return new UnsupportedError(`${message}; moq-lite-02 and 01 are spoken here`, {
    hint: "where the peer speaks MoQT, choose its draft by ALPN or WebTransport subprotocol",
  });
}

async function send(stream: BidirectionalStream, message: Uint8Array): Promise<void> {
  const writer = stream.writable.getWriter();
  writer.closed.catch(() => {});
  try {
    await writer.write(message);
  } finally {
    writer.releaseLock();
  }
}

/** A set-up's body behind its type and two bytes of length; undefined: more bytes are needed. */
export function setupBody(buffer: PushBuffer, type: number): Uint8Array | undefined {
  const head = buffer.peek(3);
  if (head === undefined) return undefined;
  if (head[0] !== type) {
    throw violation(`the first message is 0x${head[0]!.toString(16)}, not 0x${type.toString(16)}`);
  }
  const length = head[1]! << 8 | head[2]!;
  if (buffer.length < 3 + length) return undefined;
  buffer.bytes(3);
  return buffer.bytes(length);
}

/** How long a close may come after the resets of its streams, in milliseconds. */
const CLOSE_MS = 250;

/** Why a set-up failed: where its stream was reset since the peer closed the session, that close. */
export async function closeOf(connection: Connection, error: unknown): Promise<unknown> {
  if (!(error instanceof TransportError) || error.source !== "stream") return error;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const given = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_MS));
  try {
    const info = await Promise.race([connection.closed, given]);
    if (info === undefined) return error;
    const { closeCode, reason } = info;
    const said = reason === "" ? "" : `: ${reason}`;
    return new TransportError(`the peer closed the session with code ${closeCode}${said}`, {
      source: "session",
      failure: "closed",
      closeCode,
      cause: error,
    });
  } catch (lost) {
    return lost;
  } finally {
    clearTimeout(timer);
  }
}
