/**
 * Checks what came as JSON: shapes, and limits beside the fields they protect. Pure and synchronous;
 * a violation is a `ProtocolError`, and the session's owner closes.
 *
 * @module
 */
import * as v from "valibot";
import { ProtocolError } from "../errors.ts";
import type { ClientMessage, PipeAnswer, PipeMessage, ServerMessage } from "./messages.ts";

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
  /** Which datagrams belong to the pipe; see `datagrams.ts`. */
  channel: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(16_383))),
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

const CLIENT_TYPES = typesOf(clientSchema);
const SERVER_TYPES = typesOf(serverSchema);
const PIPE_TYPES = new Set(["pipe"]);
const PIPE_ANSWER_TYPES = typesOf(pipeAnswerSchema);

function typesOf(
  schema: { options: readonly { entries: { t: { literal: string } } }[] },
): ReadonlySet<string> {
  return new Set(schema.options.map((option) => option.entries.t.literal));
}

/** Reads a client's message; `undefined` for a type this version does not know. */
export function parseClientMessage(body: Uint8Array): ClientMessage | undefined {
  return parseBody(body, CLIENT_TYPES, clientSchema);
}

/** Reads a server's message; `undefined` for a type this version does not know. */
export function parseServerMessage(body: Uint8Array): ServerMessage | undefined {
  return parseBody(body, SERVER_TYPES, serverSchema);
}

/** Reads the first message of a byte pipe. */
export function parsePipeMessage(body: Uint8Array): PipeMessage {
  const message = parseBody(body, PIPE_TYPES, pipeSchema);
  if (message === undefined) throw new ProtocolError("a byte pipe begins with a pipe message");
  return message;
}

/** Reads the server's answer on a byte pipe. */
export function parsePipeAnswer(body: Uint8Array): PipeAnswer {
  const message = parseBody(body, PIPE_ANSWER_TYPES, pipeAnswerSchema);
  if (message === undefined) throw new ProtocolError("a byte pipe is answered by open or error");
  return message;
}

function parseBody<T>(
  body: Uint8Array,
  known: ReadonlySet<string>,
  schema: v.GenericSchema<unknown, T>,
): T | undefined {
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
