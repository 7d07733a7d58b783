/**
 * Control messages on the wire: type, length, fields (draft-16, section 9; draft-18, section 10).
 *
 * @module
 */
import type { RequestKind } from "../codes.ts";
import { violation } from "../errors.ts";
import { NEWEST, type Version, VERSIONS } from "../versions.ts";
import { integersOf } from "../wire/integers.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { ANSWER_CODECS } from "./answers.ts";
import type { MessageCodec } from "./codec.ts";
import { type Fetch, type FetchCancel, fetchCancel } from "./fetch.ts";
import { fetchMessage, type FetchOk, fetchOk } from "./fetch.ts";
import { FIELD_CODECS } from "./fields.ts";
import * as names from "./namespace.ts";
import * as byName from "./namespace_fields.ts";
import { type Publish, publish, type PublishDone, publishDone } from "./publish.ts";
import { type PublishOk, publishOk, publishOkAlias } from "./publish.ts";
import { type PublishStateNotify, publishStateNotify } from "./publish.ts";
import { requestError, type RequestErrorMessage, type RequestOk, requestOk } from "./request.ts";
import { type RequestUpdate, requestUpdate } from "./request.ts";
import { type Goaway, goaway, type MaxRequestId, maxRequestId } from "./session.ts";
import { type RequestsBlocked, requestsBlocked } from "./session.ts";
import { type ClientSetup, clientSetup, type ServerSetup, serverSetup } from "./setup.ts";
import { type Setup, setup } from "./setup.ts";
import { type Subscribe, subscribe, type SubscribeOk, subscribeOk } from "./subscribe.ts";
import { type TrackStatus, trackStatus, type Unsubscribe, unsubscribe } from "./subscribe.ts";

/** Any control message. */
export type ControlMessage =
  | Setup
  | ClientSetup
  | ServerSetup
  | Goaway
  | MaxRequestId
  | RequestsBlocked
  | RequestOk
  | RequestErrorMessage
  | RequestUpdate
  | Subscribe
  | SubscribeOk
  | Unsubscribe
  | TrackStatus
  | Publish
  | PublishOk
  | PublishDone
  | PublishStateNotify
  | Fetch
  | FetchOk
  | FetchCancel
  | names.PublishNamespace
  | names.PublishNamespaceDone
  | names.PublishNamespaceCancel
  | names.SubscribeNamespace
  | names.SubscribeTracks
  | names.PublishBlocked
  | names.NamespaceMessage
  | names.NamespaceDone
  | byName.NamespaceWithdrawn
  | byName.NamespaceRejected
  | byName.UnsubscribeNamespace;

/** The message of a kind. */
export type MessageOf<K extends ControlMessage["kind"]> = Extract<ControlMessage, { kind: K }>;

/** Every message's codec. */
export const CODECS = [
  setup,
  clientSetup,
  serverSetup,
  goaway,
  maxRequestId,
  requestsBlocked,
  requestOk,
  requestError,
  requestUpdate,
  subscribe,
  subscribeOk,
  unsubscribe,
  trackStatus,
  publish,
  publishOk,
  publishOkAlias,
  publishDone,
  publishStateNotify,
  fetchMessage,
  fetchOk,
  fetchCancel,
  names.publishNamespace,
  names.publishNamespaceDone,
  names.publishNamespaceCancel,
  names.subscribeNamespace,
  names.subscribeNamespaceOnly,
  names.subscribeTracks,
  names.publishBlocked,
  names.namespaceMessage,
  names.namespaceDone,
  byName.namespaceWithdrawn,
  byName.namespaceRejected,
  byName.subscribeNamespaceAll,
  byName.unsubscribeNamespace,
  ...FIELD_CODECS,
  ...ANSWER_CODECS,
] as const;

type AnyCodec = MessageCodec<ControlMessage>;

interface Codecs {
  byType: Map<number, AnyCodec>;
  byKind: Map<string, AnyCodec>;
}

/** What a message is told by; the same kind of answer may be a message for each kind of request. */
function keyOf({ kind, of }: { kind: string; of?: RequestKind }): string {
  return of === undefined ? kind : `${kind} of ${of}`;
}

const TABLES = new Map(VERSIONS.map((version): [Version, Codecs] => {
  const table: Codecs = { byType: new Map(), byKind: new Map() };
  for (const codec of CODECS as unknown as readonly AnyCodec[]) {
    if (codec.has?.(version) === false) continue;
    if (!table.byType.has(codec.type)) table.byType.set(codec.type, codec);
    table.byKind.set(keyOf(codec), codec);
  }
  return [version, table];
}));

/** Most bytes of a message's fields: the length is 16 bits. */
const MAX_BODY_BYTES = 65_535;

/**
 * A message as it goes on the wire. A `TypeError` where the draft has no such, a `RangeError` where
 * it has more than 65,535 bytes.
 */
export function encodeControl(
  message: ControlMessage,
  version: Version = NEWEST,
): Uint8Array<ArrayBuffer> {
  const { byKind } = TABLES.get(version)!;
  const codec = byKind.get(keyOf(message)) ?? byKind.get(message.kind);
  if (codec === undefined) throw new TypeError(`draft ${version} has no ${message.kind}`);
  const body = new Writer(version);
  codec.write(body, message);
  if (body.length > MAX_BODY_BYTES) {
    throw new RangeError(
      `${codec.name} has ${body.length} bytes; at most ${MAX_BODY_BYTES} may be`,
    );
  }
  return new Writer(version, body.length + 11).integer(codec.type)
    .byte(body.length >> 8).byte(body.length & 0xff)
    .bytes(body.finish()).finish();
}

/** Takes a stream's bytes as they come, and gives its messages. */
export class ControlParser {
  readonly #version: Version;
  #pending = new Uint8Array(0);
  #offset = 0;

  /** Begins at a message's start. */
  constructor(version: Version = NEWEST) {
    this.#version = version;
  }

  /** Whether the bytes so far end between two messages. */
  get between(): boolean {
    return this.#pending.length === this.#offset;
  }

  /** Adds bytes. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const left = this.#pending.subarray(this.#offset);
    const joined = new Uint8Array(left.length + bytes.length);
    joined.set(left);
    joined.set(bytes, left.length);
    this.#pending = joined;
    this.#offset = 0;
  }

  /** The next message; undefined while it is not all there. Throws a violation. */
  next(): ControlMessage | undefined {
    const pending = this.#pending.subarray(this.#offset);
    if (pending.length === 0) return undefined;
    const integers = integersOf(this.#version);
    const typeLength = integers.length(pending[0]!);
    if (pending.length < typeLength) return undefined;
    const type = integers.read(pending, 0);
    const codec = TABLES.get(this.#version)!.byType.get(type);
    if (codec === undefined) throw violation(`0x${type.toString(16)} is no control message`);
    if (pending.length < typeLength + 2) return undefined;
    const length = pending[typeLength]! << 8 | pending[typeLength + 1]!;
    const end = typeLength + 2 + length;
    if (pending.length < end) return undefined;
    this.#offset += end;
    const reader = new Reader(pending.subarray(end - length, end), this.#version);
    const message = codec.read(reader);
    reader.end(codec.name);
    return message;
  }
}
