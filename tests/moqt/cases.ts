/**
 * Every control message with its value, and the bytes that the peer does not make. Those that it
 * makes are in tests/vectors/moqt/control.json. Tests and the fuzzer go through all of them.
 *
 * @module
 */
import type { ControlMessage } from "../../lib/moqt/messages/control.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";

/** A message as it is in one draft. */
export interface ControlCase {
  /** What it is. */
  name: string;
  /** The draft. */
  version: Version;
  /** As it goes on the wire. */
  bytes: Uint8Array;
  /** What it means. */
  message: ControlMessage;
}

interface Case {
  /** By draft; where one is missing the draft has no such message. */
  [draft: number]: ControlMessage;
  /** Bytes that are not in the peer's vectors. */
  bytes?: Record<number, string>;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const track = trackName(["example.com", "cam"], "video");
const prefix = track.namespace.slice(0, 1);
const suffix = track.namespace.slice(1);
const options = { maxTokenCacheSize: 0x1000, implementation: "xoq" };
const client = { ...options, path: "/live?x=1", authority: "localhost:4604" };

function both(message: ControlMessage, bytes?: Record<number, string>): Case {
  // Where requests have streams of their own, their messages do not tell whose they are.
  const owned: Record<string, string> = {
    "request-ok": "requestId",
    "request-error": "requestId",
    "subscribe-ok": "requestId",
    "publish-done": "requestId",
    "fetch-ok": "requestId",
    "request-update": "existingRequestId",
  };
  const field = owned[message.kind];
  return {
    16: message,
    18: field === undefined ? message : { ...message, [field]: 0 },
    ...(bytes === undefined ? {} : { bytes }),
  };
}

const CASES: Record<string, Case> = {
  "client set-up": { 16: { kind: "client-setup", options: { ...client, maxRequestId: 100 } } },
  "server set-up": { 16: { kind: "server-setup", options: { ...options, maxRequestId: 100 } } },
  "set-up": {
    18: { kind: "setup", options: client },
    bytes: {
      18: "af0000230109" + "2f6c6976653f783d31" + "039000" + "010e" +
        "6c6f63616c686f73743a34363034" + "0203786f71",
    },
  },
  "set-up with options nobody knows": {
    18: {
      kind: "setup",
      options: { others: [{ type: 0x9d, value: utf8("grease") }, { type: 0x11c, value: 5n }] },
    },
    bytes: { 18: "af00000b809d066772656173657f05" },
  },
  "set-up with tokens": {
    16: {
      kind: "client-setup",
      options: {
        tokens: [
          { use: "register", alias: 1, type: 0, value: utf8("a") },
          { use: "value", type: 300, value: utf8("bc") },
        ],
      },
    },
    bytes: { 16: "20000e02" + "030401010061" + "000503412c6263" },
  },
  "goaway": {
    16: { kind: "goaway", uri: "moqt://other.example/" },
    18: { kind: "goaway", uri: "moqt://other.example/", timeoutMs: 5000, requestId: 6 },
  },
  "goaway of one request": {
    18: { kind: "goaway", uri: "", timeoutMs: 0 },
    bytes: { 18: "1000020000" },
  },
  "max request id": { 16: { kind: "max-request-id", max: 100 } },
  "requests blocked": { 16: { kind: "requests-blocked", max: 100 } },
  "request ok": both({
    kind: "request-ok",
    requestId: 2,
    parameters: { largest: { group: 7, object: 9 } },
  }),
  "request ok with properties": {
    18: {
      kind: "request-ok",
      requestId: 0,
      parameters: {},
      properties: { subgroupTimeoutMs: 300, deliveryTimeoutMs: 0 },
    },
    bytes: { 18: "070006000200" + "04812c" },
  },
  "request error": both({
    kind: "request-error",
    requestId: 2,
    code: 0x10,
    retryMs: 1000,
    reason: "no such track",
  }),
  "redirect": {
    18: {
      kind: "request-error",
      requestId: 0,
      code: 0x34,
      reason: "",
      redirect: { uri: "moqt://b/", track: { namespace: [], name: new Uint8Array() } },
    },
    bytes: { 18: "05000f340000" + "096d6f71743a2f2f622f" + "0000" },
  },
  "request update": both({
    kind: "request-update",
    requestId: 4,
    existingRequestId: 2,
    parameters: { forward: false, priority: 7 },
  }),
  "request update of a prefix": {
    18: {
      kind: "request-update",
      requestId: 4,
      existingRequestId: 0,
      parameters: { prefix: suffix },
    },
    bytes: { 18: "0200080401" + "34010363616d" },
  },
  "subscribe": both({
    kind: "subscribe",
    requestId: 2,
    track,
    parameters: {
      priority: 5,
      groupOrder: "descending",
      forward: true,
      filter: { from: "start", start: { group: 3, object: 1 }, endGroup: 300 },
      tokens: [{ use: "value", type: 0, value: utf8("secret") }],
    },
  }),
  "subscribe for what comes next": both({
    kind: "subscribe",
    requestId: 0,
    track,
    parameters: {
      priority: 128,
      groupOrder: "ascending",
      forward: true,
      filter: { from: "largest-object" },
    },
  }),
  "subscribe with timeouts and the rest": {
    16: {
      kind: "subscribe",
      requestId: 0,
      track: trackName(["a"], ""),
      parameters: {
        deliveryTimeoutMs: 500,
        newGroup: 0,
        filter: { from: "next-group" },
        tokens: [{ use: "alias", alias: 1 }, { use: "delete", alias: 2 }],
      },
    },
    18: {
      kind: "subscribe",
      requestId: 0,
      track: trackName([], ""),
      parameters: {
        deliveryTimeoutMs: 0,
        subgroupTimeoutMs: 500,
        rendezvousTimeoutMs: 200,
        newGroup: 0,
        filter: { from: "start", start: { group: 1, object: 2 } },
      },
    },
    bytes: {
      16: "03001600" + "010161" + "00" + "05" + "0241f4" + "01020201" + "00020002" + "1e0101" +
        "1100",
      18: "03001300" + "00" + "00" + "05" + "0200" + "0280c8" + "0281f4" + "1b03030102" + "1100",
    },
  },
  "subscribe ok": both({
    kind: "subscribe-ok",
    requestId: 2,
    trackAlias: 1,
    parameters: { expiresMs: 60_000, largest: { group: 70, object: 2 } },
    properties: { maxCacheDurationMs: 1000, defaultPriority: 9 },
  }),
  "unsubscribe": { 16: { kind: "unsubscribe", requestId: 2 } },
  "track status": both({ kind: "track-status", requestId: 6, track, parameters: {} }),
  "publish": both({
    kind: "publish",
    requestId: 2,
    track,
    trackAlias: 16_384,
    parameters: { largest: { group: 70, object: 2 }, forward: false },
    properties: { dynamicGroups: true },
  }),
  "publish ok": {
    16: {
      kind: "publish-ok",
      requestId: 2,
      parameters: { forward: true, priority: 0, groupOrder: "descending" },
    },
    bytes: { 16: "1e0008020310011000" + "0202" },
  },
  "publish done": both({
    kind: "publish-done",
    requestId: 2,
    code: 2,
    streamCount: 1000,
    reason: "over",
  }),
  "publish done without a count": both(
    { kind: "publish-done", requestId: 2, code: 0, reason: "" },
    { 16: "0b000b0200ffffffffffffffff00", 18: "0b000b00ff3fffffffffffffff00" },
  ),
  "fetch of a range": both({
    kind: "fetch",
    requestId: 2,
    range: { by: "range", track, start: { group: 3, object: 0 }, end: { group: 5, object: 0 } },
    parameters: { priority: 128, groupOrder: "ascending" },
  }),
  "fetch that joins relatively": both({
    kind: "fetch",
    requestId: 4,
    range: { by: "relative-join", joiningRequestId: 2, groups: 3 },
    parameters: { priority: 128, groupOrder: "descending" },
  }),
  "fetch that joins absolutely": both({
    kind: "fetch",
    requestId: 4,
    range: { by: "absolute-join", joiningRequestId: 2, group: 70 },
    parameters: { priority: 128, groupOrder: "descending" },
  }),
  "fetch ok": both({
    kind: "fetch-ok",
    requestId: 2,
    endOfTrack: true,
    end: { group: 5, object: 3 },
    parameters: {},
    properties: { groupOrder: "descending" },
  }),
  "fetch cancel": { 16: { kind: "fetch-cancel", requestId: 2 } },
  "publish namespace": both({
    kind: "publish-namespace",
    requestId: 2,
    namespace: track.namespace,
    parameters: {},
  }),
  "publish namespace done": { 16: { kind: "publish-namespace-done", requestId: 2 } },
  "publish namespace cancel": {
    16: { kind: "publish-namespace-cancel", requestId: 2, code: 0x20, reason: "enough" },
  },
  "subscribe namespace": both({
    kind: "subscribe-namespace",
    requestId: 2,
    prefix,
    interest: "namespace",
    parameters: {},
  }),
  "subscribe namespace for tracks": {
    16: {
      kind: "subscribe-namespace",
      requestId: 0,
      prefix: [],
      interest: "both",
      parameters: { forward: false },
    },
    bytes: { 16: "11000600000201" + "1000" },
  },
  "subscribe tracks": {
    18: { kind: "subscribe-tracks", requestId: 2, prefix, parameters: {} },
  },
  "publish blocked": {
    18: { kind: "publish-blocked", suffix: { namespace: suffix, name: track.name } },
  },
  "namespace": both({ kind: "namespace", suffix }),
  "namespace done": both({ kind: "namespace-done", suffix }),
};

/** One entry of the peer's vectors. */
interface Vector {
  name: string;
  draft: Version;
  bytes: string;
}

/** The peer's vectors. */
export const VECTORS: readonly Vector[] = JSON.parse(
  await Deno.readTextFile(new URL("../vectors/moqt/control.json", import.meta.url)),
);

/** Bytes from hexadecimal digits. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** Every case. */
export const CONTROL_CASES: readonly ControlCase[] = Object.entries(CASES).flatMap(
  ([name, { bytes, ...byDraft }]) =>
    Object.entries(byDraft).map(([draft, message]) => {
      const version = Number(draft) as Version;
      const text = bytes?.[version] ??
        VECTORS.find((vector) => vector.name === name && vector.draft === version)?.bytes;
      if (text === undefined) throw new Error(`no bytes for ${name} in draft ${version}`);
      return { name, version, bytes: hex(text), message: message as ControlMessage };
    }),
);
