/**
 * Messages of the `xoq/1` control stream (docs/xoq-1.md): framing and shapes. Pure and synchronous;
 * a violation is a `ProtocolError`, and the session's owner closes.
 *
 * @module
 */
import * as v from "valibot";
import { decodeVarint, encodeVarint } from "../bytes/varint.ts";
import { ProtocolError } from "../errors.ts";

/** Longest message body in bytes. */
export const MAX_MESSAGE_BYTES = 65_536;

const text = v.pipe(v.string(), v.maxLength(1024));
const deviceName = v.pipe(v.string(), v.maxLength(64));
const count = v.pipe(v.number(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const micros = v.pipe(v.number(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

/** What a client may say. */
const clientSchema = v.variant("t", [
  v.looseObject({
    t: v.literal("hello"),
    version: count,
    agent: v.optional(text),
    // A grant is some 150 characters; the limit leaves room for longer ones to come.
    grant: v.optional(v.pipe(v.string(), v.maxLength(2048))),
  }),
  v.looseObject({ t: v.literal("settings"), device: deviceName }),
  v.looseObject({
    t: v.literal("received"),
    device: deviceName,
    frames: count,
    bytes: count,
    captured: v.optional(micros),
  }),
  v.looseObject({ t: v.literal("stats"), device: v.optional(deviceName) }),
  v.looseObject({ t: v.literal("clock"), c: micros }),
  v.looseObject({
    t: v.literal("call"),
    id: count,
    device: deviceName,
    method: v.pipe(v.string(), v.maxLength(64)),
    params: v.optional(v.record(v.string(), v.unknown())),
  }),
  v.looseObject({ t: v.literal("beat"), device: deviceName }),
]);

/** First message on a byte pipe, from the client. */
const pipeSchema = v.object({
  t: v.literal("pipe"),
  device: deviceName,
  role: v.picklist(["viewer", "controller"]),
  take: v.optional(v.boolean()),
  params: v.optional(v.record(v.string(), v.unknown())),
});

/** First message on a byte pipe, from the server. */
const pipeAnswerSchema = v.variant("t", [
  v.object({ t: v.literal("open"), answer: v.record(v.string(), v.unknown()) }),
  v.object({
    t: v.literal("error"),
    code: text,
    message: text,
    hint: v.optional(text),
  }),
]);

/** A device as `welcome` lists it. */
const deviceSchema = v.looseObject({ name: deviceName, kind: text });

/** What a server may say. */
const serverSchema = v.variant("t", [
  v.looseObject({
    t: v.literal("welcome"),
    version: count,
    agent: v.optional(text),
    rights: v.picklist(["view", "control"]),
    expires: v.optional(count),
    devices: v.pipe(v.array(deviceSchema), v.maxLength(256)),
  }),
  v.looseObject({
    t: v.literal("error"),
    code: text,
    message: text,
    re: v.optional(text),
  }),
  v.looseObject({
    t: v.literal("stats"),
    devices: v.record(deviceName, v.record(v.string(), v.unknown())),
  }),
  v.looseObject({ t: v.literal("clock"), c: micros, r: micros, s: micros }),
  v.looseObject({
    t: v.literal("device"),
    device: deviceName,
    state: v.picklist(["lost", "back"]),
    reason: v.optional(text),
  }),
  v.looseObject({
    t: v.literal("result"),
    id: count,
    result: v.optional(v.record(v.string(), v.unknown())),
    error: v.optional(v.object({ code: text, message: text, hint: v.optional(text) })),
  }),
  v.looseObject({
    t: v.literal("notice"),
    device: deviceName,
    event: v.record(v.string(), v.unknown()),
  }),
  v.looseObject({ t: v.literal("bye"), reason: text }),
]);

/** A message from a client. */
export type ClientMessage = v.InferOutput<typeof clientSchema>;
/** A message from a server. */
export type ServerMessage = v.InferOutput<typeof serverSchema>;
/** First message on a byte pipe, from the client. */
export type PipeMessage = v.InferOutput<typeof pipeSchema>;
/** First message on a byte pipe, from the server. */
export type PipeAnswer = v.InferOutput<typeof pipeAnswerSchema>;
/** A device as `welcome` lists it. */
export type RemoteDeviceInfo = v.InferOutput<typeof deviceSchema>;

const CLIENT_TYPES = typesOf(clientSchema);
const SERVER_TYPES = typesOf(serverSchema);
const PIPE_TYPES = new Set(["pipe"]);
const PIPE_ANSWER_TYPES = typesOf(pipeAnswerSchema);

function typesOf(
  schema: { options: readonly { entries: { t: { literal: string } } }[] },
): ReadonlySet<string> {
  return new Set(schema.options.map((option) => option.entries.t.literal));
}

/** Encodes one message with its length in front. Throws `RangeError` when it is too long. */
export function encodeMessage(
  message: ClientMessage | ServerMessage | PipeMessage | PipeAnswer,
): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(message));
  if (body.length > MAX_MESSAGE_BYTES) {
    throw new RangeError(`control message of ${body.length} bytes, at most ${MAX_MESSAGE_BYTES}`);
  }
  const length = encodeVarint(body.length);
  const bytes = new Uint8Array(length.length + body.length);
  bytes.set(length);
  bytes.set(body, length.length);
  return bytes;
}

/** Reads a client's message; `undefined` for a type this version does not know. */
export function parseClientMessage(body: Uint8Array): ClientMessage | undefined {
  return parseBody(body, CLIENT_TYPES, clientSchema) as ClientMessage | undefined;
}

/** Reads a server's message; `undefined` for a type this version does not know. */
export function parseServerMessage(body: Uint8Array): ServerMessage | undefined {
  return parseBody(body, SERVER_TYPES, serverSchema) as ServerMessage | undefined;
}

/** Reads the first message of a byte pipe. */
export function parsePipeMessage(body: Uint8Array): PipeMessage {
  const message = parseBody(body, PIPE_TYPES, pipeSchema);
  if (message === undefined) throw new ProtocolError("a byte pipe begins with a pipe message");
  return message as PipeMessage;
}

/** Reads the server's answer on a byte pipe. */
export function parsePipeAnswer(body: Uint8Array): PipeAnswer {
  const message = parseBody(body, PIPE_ANSWER_TYPES, pipeAnswerSchema);
  if (message === undefined) throw new ProtocolError("a byte pipe is answered by open or error");
  return message as PipeAnswer;
}

function parseBody(
  body: Uint8Array,
  known: ReadonlySet<string>,
  schema: v.GenericSchema,
): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new ProtocolError("control message is not JSON", { cause });
  }
  const type = (value as { t?: unknown } | null)?.t;
  if (typeof type !== "string") throw new ProtocolError("control message without a type");
  if (!known.has(type)) return undefined;
  const result = v.safeParse(schema, value);
  if (!result.success) {
    const issue = result.issues[0];
    const where = issue.path?.map((p) => String(p.key)).join(".") ?? "";
    throw new ProtocolError(`control message "${type}": ${where}: ${issue.message}`);
  }
  return result.output;
}

/** Cuts a byte stream into message bodies. Holds at most one message. */
export class MessageSplitter {
  #pending = new Uint8Array(0);

  /** Takes bytes as they came; gives the bodies that are now whole. Throws `ProtocolError`. */
  push(chunk: Uint8Array): Uint8Array[] {
    return this.#split(chunk, Infinity);
  }

  /** As {@link push}, for one message only: its body, and the bytes behind it; `undefined` while it is not whole. */
  first(chunk: Uint8Array): { body: Uint8Array; rest: Uint8Array } | undefined {
    const [body] = this.#split(chunk, 1);
    return body === undefined ? undefined : { body, rest: this.#pending };
  }

  #split(chunk: Uint8Array, most: number): Uint8Array[] {
    let data = chunk;
    if (this.#pending.length > 0) {
      data = new Uint8Array(this.#pending.length + chunk.length);
      data.set(this.#pending);
      data.set(chunk, this.#pending.length);
    }
    const bodies: Uint8Array[] = [];
    let at = 0;
    while (bodies.length < most) {
      const prefix = lengthAt(data, at);
      if (prefix === undefined) break;
      const length = prefix.value;
      if (length === 0) throw new ProtocolError("empty control message");
      if (length > MAX_MESSAGE_BYTES) {
        throw new ProtocolError(`control message of ${length} bytes, at most ${MAX_MESSAGE_BYTES}`);
      }
      const start = at + prefix.size;
      if (data.length < start + length) break;
      bodies.push(data.subarray(start, start + length));
      at = start + length;
    }
    this.#pending = data.slice(at);
    return bodies;
  }

  /** Whether the stream may end here: no message is cut off. */
  get atBoundary(): boolean {
    return this.#pending.length === 0;
  }
}

/** The length in front of a body. One beyond 2^53 is no length at all. */
function lengthAt(data: Uint8Array, at: number): ReturnType<typeof decodeVarint> {
  try {
    return decodeVarint(data, at);
  } catch (cause) {
    throw new ProtocolError("control message of absurd length", { cause });
  }
}
