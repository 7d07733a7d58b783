/** What a peer may not answer, by draft, and the code it is closed with for it. */
import assert from "node:assert/strict";
import { accept, connect, type MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import type { BidirectionalStream, Connection } from "../../lib/transport/connection.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { hex } from "./cases.ts";

const TRACK = trackName(["a"], "t");

/** The requests that a side may make here. */
const ASK = {
  "subscribe": (session: MoqtSession) => session.subscribe(TRACK),
  "publish": (session: MoqtSession) => session.publish(TRACK),
  "fetch": (session: MoqtSession) =>
    session.fetch({
      track: TRACK,
      start: { group: 5, object: 0 },
      end: { group: 6, object: 0 },
    }),
  "namespaces": (session: MoqtSession) => session.subscribeNamespace(namespace("a")),
  "offer": (session: MoqtSession) => session.publishNamespace(namespace("a")),
  "status": (session: MoqtSession) => session.trackStatus(TRACK),
} as const;

interface Answer {
  name: string;
  drafts: readonly Version[];
  /** The side that asks; default: the client. */
  role?: "client" | "server";
  asks: keyof typeof ASK;
  /** Messages on the request's stream, each its type and its fields. */
  answer: readonly (readonly [type: string, fields: string])[];
  code: number;
}

const SINCE_16 = [16, 18, 20, 22] as const;
const SINCE_18 = [18, 20, 22] as const;
const SINCE_20 = [20, 22] as const;

const ANSWERS: readonly Answer[] = [
  {
    name: "REQUEST_OK for a subscription",
    drafts: SINCE_16,
    asks: "subscribe",
    answer: [["07", "00"]],
    code: 0x3,
  },
  {
    name: "SUBSCRIBE_OK for a fetch",
    drafts: SINCE_16,
    asks: "fetch",
    answer: [["04", "0100"]],
    code: 0x3,
  },
  {
    name: "a second SUBSCRIBE_OK",
    drafts: SINCE_16,
    asks: "subscribe",
    answer: [["04", "0100"], ["04", "0200"]],
    code: 0x3,
  },
  {
    name: "DYNAMIC_GROUPS of 2",
    drafts: SINCE_16,
    asks: "subscribe",
    answer: [["04", "0100" + "3002"]],
    code: 0x3,
  },
  {
    name: "a track's group order of 3",
    drafts: SINCE_16,
    asks: "subscribe",
    answer: [["04", "0100" + "2203"]],
    code: 0x3,
  },
  {
    name: "a track's priority of 256",
    drafts: SINCE_18,
    asks: "subscribe",
    answer: [["04", "0100" + "0e8100"]],
    code: 0x3,
  },
  {
    name: "a property's type that is too large",
    drafts: SINCE_18,
    asks: "subscribe",
    answer: [["04", "0100" + "ffffffffffffffffff" + "00" + "02" + "00"]],
    code: 0x3,
  },
  {
    name: "the end of a fetch before its start",
    drafts: SINCE_16,
    asks: "fetch",
    answer: [["18", "00" + "0401" + "00"]],
    code: 0x3,
  },
  {
    name: "NAMESPACE before the answer",
    drafts: SINCE_16,
    asks: "namespaces",
    answer: [["08", "010162"]],
    code: 0x3,
  },
  {
    name: "NAMESPACE_DONE without NAMESPACE",
    drafts: SINCE_16,
    asks: "namespaces",
    answer: [["07", "00"], ["0e", "010162"]],
    code: 0x3,
  },
  {
    name: "PUBLISH_DONE for a namespace subscription",
    drafts: SINCE_18,
    asks: "namespaces",
    answer: [["07", "00"], ["0b", "020000"]],
    code: 0x3,
  },
  ...(["namespaces", "offer", "publish"] as const).map((asks): Answer => ({
    name: "track properties in REQUEST_OK",
    drafts: SINCE_18,
    asks,
    answer: [["07", "00" + "0205"]],
    code: 0x3,
  })),
  {
    name: "a redirect's URI from a client",
    drafts: SINCE_18,
    role: "server",
    asks: "subscribe",
    answer: [["05", "34" + "00" + "00" + "0161" + "010161" + "0174"]],
    code: 0x3,
  },
  ...(["namespaces", "offer"] as const).map((asks): Answer => ({
    name: "a redirect of a namespace to a track",
    drafts: SINCE_18,
    asks,
    answer: [["05", "34" + "00" + "00" + "00" + "010161" + "0174"]],
    code: 0x3,
  })),
  {
    name: "two GOAWAYs for one request",
    drafts: SINCE_18,
    asks: "subscribe",
    answer: [["04", "0100"], ["10", "0000"], ["10", "0000"]],
    code: 0x3,
  },
  {
    name: "a client's GOAWAY with a URI for a request",
    drafts: SINCE_18,
    role: "server",
    asks: "subscribe",
    answer: [["04", "0100"], ["10", "0161" + "00"]],
    code: 0x3,
  },
  {
    name: "PUBLISH_STATE_NOTIFY to a publisher",
    drafts: SINCE_20,
    asks: "publish",
    answer: [["07", "00"], ["22", "011001"]],
    code: 0x3,
  },
];

/** Answers where requests have no streams of their own name the request. */
const NAMED = ["04", "05", "07", "0b", "18"];

function messages(answer: Answer["answer"], draft: Version): string {
  return answer.map(([type, fields]) => {
    const body = draft < 18 && NAMED.includes(type) ? "00" + fields : fields;
    return type + (body.length / 2).toString(16).padStart(4, "0") + body;
  }).join("");
}

/** The peer's side of the request: its own stream, or the control stream. */
async function answering(
  peer: Connection,
  draft: Version,
  asks: Answer["asks"],
  streams: ReadableStreamDefaultReader<BidirectionalStream>,
): Promise<WritableStreamDefaultWriter<Uint8Array>> {
  if (draft >= 18 || asks === "namespaces") {
    return (await streams.read()).value!.writable.getWriter();
  }
  return await CONTROL.get(peer)!;
}

const CONTROL = new WeakMap<Connection, Promise<WritableStreamDefaultWriter<Uint8Array>>>();

/** Sends the peer's set-up. */
async function setUp(
  peer: Connection,
  draft: Version,
  streams: ReadableStreamDefaultReader<BidirectionalStream>,
): Promise<void> {
  const opened = draft >= 18
    ? peer.createUnidirectionalStream().then((stream) => stream.getWriter())
    : streams.read().then(({ value }) => value!.writable.getWriter());
  CONTROL.set(peer, opened);
  const writer = await opened;
  writer.closed.catch(() => {});
  await writer.write(hex(draft >= 18 ? "af000000" : "21000401024064"));
}

for (const { name, drafts, role = "client", asks, answer, code } of ANSWERS) {
  for (const draft of drafts) {
    Deno.test(`draft ${draft}, a ${role}'s ${asks}: ${name} closes with 0x${code}`, async () => {
      const [ours, peer] = memoryPair(`moqt-${draft}`);
      const begin = role === "client" ? connect : accept;
      const beginning = begin(ours);
      const streams = peer.incomingBidirectionalStreams.getReader();
      await setUp(peer, draft, streams);
      const session = await beginning;
      const asked = ASK[asks](session);
      const settled = ("ready" in asked ? asked.ready : asked).then(() => {}, () => {});
      const writer = await answering(peer, draft, asks, streams);
      writer.closed.catch(() => {});
      await writer.write(hex(messages(answer, draft))).catch(() => {});
      const closed = await Promise.race([
        peer.closed,
        new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1_000)),
      ]);
      await session.close();
      assert.equal(closed?.closeCode, code, closed?.reason ?? "the session lives on");
      await settled;
    });
  }
}
