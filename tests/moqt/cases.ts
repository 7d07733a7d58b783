/**
 * Every control message with its value, and the bytes that the peer does not make. Those that it
 * makes are in tests/vectors/moqt/control.json. Tests and the fuzzer go through all of them.
 *
 * @module
 */
import type { ControlMessage } from "../../lib/moqt/messages/control.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import type { SubscriptionFilter } from "../../lib/moqt/wire/filter.ts";
import { CASES_14 } from "./cases_14.ts";
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

// Where requests have streams of their own, their messages do not tell whose they are.
const OWNED: Record<string, string> = {
  "request-ok": "requestId",
  "request-error": "requestId",
  "subscribe-ok": "requestId",
  "publish-done": "requestId",
  "fetch-ok": "requestId",
  "request-update": "existingRequestId",
};

function of(drafts: readonly number[], message: ControlMessage): Record<number, ControlMessage> {
  const field = OWNED[message.kind];
  return Object.fromEntries(
    drafts.map((draft) => [
      draft,
      draft < 18 || field === undefined ? message : { ...message, [field]: 0 },
    ]),
  );
}

const OLD = [14, 16];
const NEW = [18, 20, 22];
const FILTERS = [20, 22];
const since16 = (message: ControlMessage) => of([16, ...NEW], message);
const all = (message: ControlMessage) => of([...OLD, ...NEW], message);
const bytes = (drafts: readonly number[], text: string) =>
  Object.fromEntries(drafts.map((draft) => [draft, text]));

const LARGEST = { group: 70, object: 2 };

const SUBSCRIBE: ControlMessage = {
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
};

const SUBSCRIBE_NEXT: ControlMessage = {
  kind: "subscribe",
  requestId: 0,
  track,
  parameters: {
    priority: 128,
    groupOrder: "ascending",
    forward: true,
    filter: { from: "largest-object" },
  },
};

function subscribeFrom(filter: SubscriptionFilter): ControlMessage {
  return { kind: "subscribe", requestId: 0, track, parameters: { filter } };
}

const SUBSCRIBE_OK: ControlMessage = {
  kind: "subscribe-ok",
  requestId: 2,
  trackAlias: 1,
  parameters: { expiresMs: 60_000, largest: LARGEST },
  properties: { maxCacheDurationMs: 1000, defaultPriority: 9 },
};

const PUBLISH: ControlMessage = {
  kind: "publish",
  requestId: 2,
  track,
  trackAlias: 16_384,
  parameters: { largest: LARGEST, forward: false },
  properties: { dynamicGroups: true },
};

const FETCH: ControlMessage = {
  kind: "fetch",
  requestId: 2,
  range: { by: "range", track, start: { group: 3, object: 0 }, end: { group: 5, object: 0 } },
  parameters: { priority: 128, groupOrder: "ascending" },
};

const FETCH_OK: ControlMessage = {
  kind: "fetch-ok",
  requestId: 2,
  endOfTrack: true,
  end: { group: 5, object: 3 },
  parameters: {},
  properties: { groupOrder: "descending" },
};

const CASES: Record<string, Case> = {
  ...CASES_14,
  "client set-up": {
    14: {
      kind: "client-setup",
      versions: [0xff00000e],
      options: { ...client, maxRequestId: 100 },
    },
    16: { kind: "client-setup", options: { ...client, maxRequestId: 100 } },
  },
  "server set-up": {
    14: {
      kind: "server-setup",
      version: 0xff00000e,
      options: { ...options, maxRequestId: 100 },
    },
    16: { kind: "server-setup", options: { ...options, maxRequestId: 100 } },
  },
  "set-up": {
    ...of(NEW, { kind: "setup", options: client }),
    bytes: bytes(
      NEW,
      "af0000230109" + "2f6c6976653f783d31" + "039000" + "010e" +
        "6c6f63616c686f73743a34363034" + "0203786f71",
    ),
  },
  "set-up with options nobody knows": {
    ...of(NEW, {
      kind: "setup",
      options: { others: [{ type: 0x9d, value: utf8("grease") }, { type: 0x11c, value: 5n }] },
    }),
    bytes: bytes(NEW, "af00000b809d066772656173657f05"),
  },
  "set-up with limits": {
    ...of(FILTERS, { kind: "setup", options: { maxFilterRanges: 4, maxRequestUpdates: 64 } }),
    bytes: bytes(FILTERS, "af000004" + "0604" + "0240"),
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
    ...of(OLD, { kind: "goaway", uri: "moqt://other.example/" }),
    18: { kind: "goaway", uri: "moqt://other.example/", timeoutMs: 5000, requestId: 6 },
    ...of(FILTERS, { kind: "goaway", uri: "moqt://other.example/", timeoutMs: 5000 }),
  },
  "goaway of one request": {
    ...of(NEW, { kind: "goaway", uri: "", timeoutMs: 0 }),
    bytes: bytes(NEW, "1000020000"),
  },
  "max request id": of(OLD, { kind: "max-request-id", max: 100 }),
  "requests blocked": of(OLD, { kind: "requests-blocked", max: 100 }),
  "request ok": since16({
    kind: "request-ok",
    requestId: 2,
    parameters: { largest: { group: 7, object: 9 } },
  }),
  "request ok with properties": {
    ...of(NEW, {
      kind: "request-ok",
      requestId: 0,
      parameters: {},
      properties: { subgroupTimeoutMs: 300, deliveryTimeoutMs: 0 },
    }),
    bytes: bytes(NEW, "070006000200" + "04812c"),
  },
  "request error": since16({
    kind: "request-error",
    requestId: 2,
    code: 0x10,
    retryMs: 1000,
    reason: "no such track",
  }),
  "redirect": {
    ...of(NEW, {
      kind: "request-error",
      requestId: 0,
      code: 0x34,
      reason: "",
      redirect: { uri: "moqt://b/", track: { namespace: [], name: new Uint8Array() } },
    }),
    bytes: bytes(NEW, "05000f340000" + "096d6f71743a2f2f622f" + "0000"),
  },
  "request update": since16({
    kind: "request-update",
    requestId: 4,
    existingRequestId: 2,
    parameters: { forward: false, priority: 7 },
  }),
  "request update of a prefix": {
    ...of(NEW, {
      kind: "request-update",
      requestId: 4,
      existingRequestId: 0,
      parameters: { prefix: suffix },
    }),
    bytes: bytes(NEW, "0200080401" + "34010363616d"),
  },
  "request update that ends filters": {
    ...of(FILTERS, {
      kind: "request-update",
      requestId: 4,
      existingRequestId: 0,
      parameters: { filter: { from: "all" }, objectRanges: [] },
    }),
    bytes: { 20: "0200060402" + "2100" + "0500", 22: "0200060402" + "2100" + "0500" },
  },
  "subscribe": all(SUBSCRIBE),
  "subscribe for what comes next": all(SUBSCRIBE_NEXT),
  "subscribe from groups back": of(FILTERS, subscribeFrom({ from: "groups-back", groups: 3 })),
  "subscribe to an object": of(
    FILTERS,
    subscribeFrom({
      from: "start",
      start: { group: 300, object: 1 },
      endGroup: 302,
      endObject: 7,
    }),
  ),
  "subscribe with a fill and ranges": of(FILTERS, {
    kind: "subscribe",
    requestId: 0,
    track,
    parameters: {
      filter: { from: "largest-object" },
      fill: {
        fillTimeoutMs: 500,
        priority: 200,
        filter: { from: "groups-back", groups: 1 },
        groupOrder: "descending",
      },
      objectRanges: [{ set: 1, ranges: [{ start: 3n, end: 5n }, { start: 10n }] }],
      objectPropertyRanges: [{ set: 0, property: 0x10, ranges: [{ start: 1n, end: 1n }] }],
      includeProperties: false,
    },
  }),
  "subscribe with timeouts and the rest": {
    14: {
      kind: "subscribe",
      requestId: 0,
      track: trackName(["a"], ""),
      parameters: {
        priority: 0,
        forward: false,
        filter: { from: "next-group" },
        deliveryTimeoutMs: 500,
        tokens: [{ use: "alias", alias: 1 }, { use: "delete", alias: 2 }],
      },
    },
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
    ...of(NEW, {
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
    }),
    bytes: {
      14: "03001500" + "010161" + "00" + "000000" + "01" + "03" + "0241f4" + "03020201" +
        "03020002",
      16: "03001600" + "010161" + "00" + "05" + "0241f4" + "01020201" + "00020002" + "1e0101" +
        "1100",
      18: "03001300" + "00" + "00" + "05" + "0200" + "0280c8" + "0281f4" + "1b03030102" + "1100",
      20: "03001200" + "00" + "00" + "05" + "0200" + "0280c8" + "0281f4" + "1b020102" + "1100",
      22: "03001200" + "00" + "00" + "05" + "0200" + "0280c8" + "0281f4" + "1b020102" + "1100",
    },
  },
  "subscribe ok": {
    14: { ...SUBSCRIBE_OK, properties: { groupOrder: "ascending", maxCacheDurationMs: 1000 } },
    ...since16(SUBSCRIBE_OK),
  },
  "unsubscribe": of(OLD, { kind: "unsubscribe", requestId: 2 }),
  "track status": {
    14: {
      kind: "track-status",
      requestId: 6,
      track,
      parameters: { priority: 128, forward: true, filter: { from: "largest-object" } },
    },
    ...since16({ kind: "track-status", requestId: 6, track, parameters: {} }),
  },
  "publish": {
    14: { ...PUBLISH, properties: { groupOrder: "ascending", maxCacheDurationMs: 1000 } },
    ...since16(PUBLISH),
  },
  "publish ok": {
    14: {
      kind: "publish-ok",
      requestId: 2,
      parameters: {
        forward: true,
        priority: 0,
        groupOrder: "descending",
        filter: { from: "start", start: { group: 4, object: 5 } },
      },
    },
    16: {
      kind: "publish-ok",
      requestId: 2,
      parameters: { forward: true, priority: 0, groupOrder: "descending" },
    },
    bytes: { 16: "1e0008020310011000" + "0202" },
  },
  "publish done": all({
    kind: "publish-done",
    requestId: 2,
    code: 2,
    streamCount: 1000,
    reason: "over",
  }),
  "publish done without a count": {
    ...all({ kind: "publish-done", requestId: 2, code: 0, reason: "" }),
    bytes: {
      ...bytes(OLD, "0b000b0200ffffffffffffffff00"),
      18: "0b000b00ff3fffffffffffffff00",
      ...bytes(FILTERS, "0b000b00ffffffffffffffffff00"),
    },
  },
  "publish state notify": of(FILTERS, {
    kind: "publish-state-notify",
    parameters: {
      largest: { group: 7, object: 9 },
      forward: false,
      filter: { from: "start", start: { group: 3, object: 1 } },
    },
  }),
  "fetch of a range": all(FETCH),
  "fetch of a range to an object": all({
    ...FETCH,
    range: { by: "range", track, start: { group: 3, object: 0 }, end: { group: 5, object: 4 } },
  }),
  "fetch to the largest": of(FILTERS, {
    ...FETCH,
    range: { by: "filter", track, filter: { from: "groups-back", groups: 1 } },
  }),
  "fetch that joins relatively": of([...OLD, 18], {
    kind: "fetch",
    requestId: 4,
    range: { by: "relative-join", joiningRequestId: 2, groups: 3 },
    parameters: { priority: 128, groupOrder: "descending" },
  }),
  "fetch that joins absolutely": of([...OLD, 18], {
    kind: "fetch",
    requestId: 4,
    range: { by: "absolute-join", joiningRequestId: 2, group: 70 },
    parameters: { priority: 128, groupOrder: "descending" },
  }),
  "fetch ok": {
    14: { ...FETCH_OK, parameters: { groupOrder: "descending" }, properties: {} },
    ...since16(FETCH_OK),
  },
  "fetch ok of whole groups": {
    ...of(FILTERS, { ...FETCH_OK, end: { group: 5, object: 0 }, properties: {} }),
    bytes: bytes(FILTERS, "18000c" + "01" + "05" + "ffffffffffffffffff" + "00"),
  },
  "fetch cancel": of(OLD, { kind: "fetch-cancel", requestId: 2 }),
  "publish namespace": all({
    kind: "publish-namespace",
    requestId: 2,
    namespace: track.namespace,
    parameters: {},
  }),
  "publish namespace done": {
    14: { kind: "namespace-withdrawn", namespace: track.namespace },
    16: { kind: "publish-namespace-done", requestId: 2 },
  },
  "publish namespace cancel": {
    14: { kind: "namespace-rejected", namespace: track.namespace, code: 4, reason: "enough" },
    16: { kind: "publish-namespace-cancel", requestId: 2, code: 0x20, reason: "enough" },
  },
  "subscribe namespace": {
    14: { kind: "subscribe-namespace", requestId: 2, prefix, interest: "both", parameters: {} },
    ...since16({
      kind: "subscribe-namespace",
      requestId: 2,
      prefix,
      interest: "namespace",
      parameters: {},
    }),
  },
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
  "subscribe tracks": of(NEW, { kind: "subscribe-tracks", requestId: 2, prefix, parameters: {} }),
  "publish blocked": of(NEW, {
    kind: "publish-blocked",
    suffix: { namespace: suffix, name: track.name },
  }),
  "namespace": since16({ kind: "namespace", suffix }),
  "namespace done": since16({ kind: "namespace-done", suffix }),
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
