import assert from "node:assert/strict";
import { accept, connect } from "../../lib/moqt/session/session.ts";
import type { RequestHandlers } from "../../lib/moqt/session/incoming.ts";
import type { Connection, SendStream } from "../../lib/transport/connection.ts";
import { TransportError } from "../../lib/transport/connection.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import fc from "fast-check";
import { CONTROL_CASES, hex } from "./cases.ts";
import { DATAGRAM_CASES, FETCH_CASES, SUBGROUP_CASES } from "./data_cases.ts";

/** What a peer that breaks a rule does after the handshake, by streams of bytes. */
interface Rule {
  name: string;
  draft: 16 | 18;
  /** The side that is tested; default: the server. */
  role?: "client" | "server";
  /** Bytes of the control stream after the set-up; or of the set-up itself. */
  setup?: string;
  control?: string;
  /** Bidirectional streams; each ends with FIN where it ends with a period. */
  requests?: string[];
  /** Unidirectional streams. */
  streams?: string[];
  datagram?: string;
  /** What ends the control stream. */
  end?: "fin" | "reset";
  code: number;
}

const SETUP: Record<string, string> = {
  "16 client": "20000401024064",
  "16 server": "21000401024064",
  "18 client": "af000000",
  "18 server": "af000000",
};

// SUBSCRIBE of a/t with request id 0; PUBLISH of a/t and a/u with alias 1.
const SUBSCRIBE = "0300070001" + "0161" + "0174" + "00";
const PUBLISH = "1d00080001" + "0161" + "0174" + "0100";
const PUBLISH_OTHER = "1d00080201" + "0161" + "0175" + "0100";
const NAMESPACE = "0600050001" + "0161" + "00";

const RULES: readonly Rule[] = [
  { name: "something else than a set-up first", draft: 16, setup: SUBSCRIBE, code: 0x3 },
  { name: "another set-up than the side's", draft: 16, setup: "21000401024064", code: 0x3 },
  { name: "a second set-up", draft: 16, control: SETUP["16 client"]!, code: 0x3 },
  { name: "a second set-up", draft: 18, control: SETUP["18 client"]!, code: 0x3 },
  {
    name: "the end of the control stream inside the set-up",
    draft: 18,
    setup: "af",
    end: "fin",
    code: 0x3,
  },
  { name: "a second control stream", draft: 18, streams: ["af000000"], code: 0x3 },
  { name: "the end of the control stream", draft: 16, end: "fin", code: 0x3 },
  { name: "the end of the control stream", draft: 18, end: "fin", code: 0x3 },
  { name: "a reset of the control stream", draft: 16, end: "reset", code: 0x3 },
  { name: "a reset of the control stream", draft: 18, end: "reset", code: 0x3 },
  { name: "an unknown message", draft: 16, control: "3f0000", code: 0x3 },
  {
    name: "a path from a server",
    draft: 16,
    role: "client",
    setup: "2100040101012f",
    code: 0x8,
  },
  { name: "a path from a server", draft: 18, role: "client", setup: "af00000301012f", code: 0x8 },
  {
    name: "an authority from a server",
    draft: 18,
    role: "client",
    setup: "af000003050161",
    code: 0x19,
  },
  { name: "a path that is none", draft: 18, setup: "af000003010161", code: 0x9 },
  { name: "an authority that is none", draft: 18, setup: "af000003050120", code: 0x1a },
  { name: "a token's alias in a set-up", draft: 16, setup: "2000050103020201", code: 0x3 },
  {
    name: "an odd request id from a client",
    draft: 16,
    control: "03000701010161017400",
    code: 0x4,
  },
  {
    name: "an odd request id from a client",
    draft: 18,
    requests: ["03000701010161017400"],
    code: 0x4,
  },
  { name: "a request id twice", draft: 16, control: SUBSCRIBE + SUBSCRIBE, code: 0x4 },
  { name: "a request id twice", draft: 18, requests: [SUBSCRIBE, SUBSCRIBE], code: 0x4 },
  { name: "a request id above the limit", draft: 16, control: "0300084400010161017400", code: 0x7 },
  { name: "a limit that does not grow", draft: 16, control: "1500024064", code: 0x3 },
  { name: "a second GOAWAY", draft: 16, control: "100001001000" + "0100", code: 0x3 },
  { name: "a second GOAWAY", draft: 18, control: "1000030000011000030000" + "01", code: 0x3 },
  { name: "a client's GOAWAY with a URI", draft: 16, control: "1000020161", code: 0x3 },
  {
    name: "a GOAWAY that names its sender's request",
    draft: 18,
    control: "1000030000" + "00",
    code: 0x4,
  },
  { name: "an answer to nothing", draft: 16, control: "0700020500", code: 0x3 },
  { name: "an update of nothing", draft: 16, control: "0200030006" + "00", code: 0x3 },
  { name: "a stream that begins with an answer", draft: 18, requests: ["07000100"], code: 0x3 },
  {
    name: "a stream that begins with another message",
    draft: 16,
    requests: [SUBSCRIBE],
    code: 0x3,
  },
  {
    name: "SUBSCRIBE_NAMESPACE on the control stream",
    draft: 16,
    control: "11000400000100",
    code: 0x3,
  },
  { name: "a request inside a request", draft: 18, requests: [SUBSCRIBE + NAMESPACE], code: 0x3 },
  {
    name: "a request's stream that ends inside a message",
    draft: 18,
    requests: ["0300."],
    code: 0x3,
  },
  { name: "a request on the control stream", draft: 18, control: SUBSCRIBE, code: 0x3 },
  { name: "one alias for two tracks", draft: 16, control: PUBLISH + PUBLISH_OTHER, code: 0x5 },
  { name: "one alias for two tracks", draft: 18, requests: [PUBLISH, PUBLISH_OTHER], code: 0x5 },
  {
    name: "a token registered beyond the limit",
    draft: 18,
    requests: ["06000b0001" + "0161" + "01" + "0304010000aa"],
    code: 0x13,
  },
  {
    name: "an alias that is not registered",
    draft: 16,
    control: "0600090001" + "0161" + "01" + "03020201",
    code: 0x17,
  },
  { name: "an unknown stream", draft: 16, streams: ["3e"], code: 0x3 },
  { name: "an unknown stream", draft: 18, streams: ["06"], code: 0x3 },
  { name: "a stream that ends inside its header", draft: 18, streams: ["3001."], code: 0x3 },
  {
    name: "a stream that ends inside an object",
    draft: 18,
    requests: [PUBLISH],
    streams: ["300100" + "0005aa."],
    code: 0x3,
  },
  {
    name: "an object of an unknown status",
    draft: 16,
    control: PUBLISH,
    streams: ["300100" + "000002"],
    code: 0x3,
  },
  { name: "an unknown datagram", draft: 16, datagram: "3e00", code: 0x3 },
  { name: "an unknown datagram", draft: 18, datagram: "4000", code: 0x3 },
  {
    name: "a fetch that joins a subscription without the filter",
    draft: 18,
    requests: [SUBSCRIBE, "16000502020000" + "00"],
    code: 0x3,
  },
];

const handlers: RequestHandlers = {
  subscribe: (request) => void request.accept({ largest: { group: 1, object: 1 } }),
  publish: (request) => {
    const subscription = request.accept();
    (async () => {
      for await (const _ of subscription.objects());
    })();
  },
  fetch: ({ end }) => ({ end, items: [] }),
};

async function send(stream: SendStream, text: string): Promise<void> {
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  try {
    await writer.write(hex(text.replace(".", "")));
    if (text.endsWith(".")) await writer.close();
  } catch {
    // The other side may have closed already.
  }
  writer.releaseLock();
}

async function breakRule(peer: Connection, rule: Rule, begun: Promise<unknown>): Promise<void> {
  const { draft, role = "server" } = rule;
  const us = role === "server" ? "client" : "server";
  const setup = rule.setup ?? SETUP[`${draft} ${us}`]!;
  let control: SendStream;
  if (draft === 18) control = await peer.createUnidirectionalStream();
  else if (us === "client") control = (await peer.createBidirectionalStream()).writable;
  else {
    const { value } = await peer.incomingBidirectionalStreams.getReader().read();
    control = value!.writable;
  }
  const writer = control.getWriter();
  writer.closed.catch(() => {});
  await writer.write(hex(setup));
  if (rule.control) await writer.write(hex(rule.control));
  for (const request of rule.requests ?? []) {
    await send((await peer.createBidirectionalStream()).writable, request);
    // Requests come one after another, so that the later is the one that breaks the rule.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (const stream of rule.streams ?? []) {
    await send(await peer.createUnidirectionalStream(), stream);
  }
  if (rule.datagram) await peer.datagrams.writable.getWriter().write(hex(rule.datagram));
  // A reset may overtake what was sent before it.
  if (rule.end === "reset") await begun;
  if (rule.end === "fin") await writer.close();
  if (rule.end === "reset") await writer.abort(new TransportError("", { streamErrorCode: 1 }));
}

for (const rule of RULES) {
  const { draft, role = "server", code } = rule;
  Deno.test(`draft ${draft}, to a ${role}: ${rule.name} closes with 0x${code.toString(16)}`, async () => {
    const [ours, peer] = memoryPair(`moqt-${draft}`);
    const begin = role === "server" ? accept : connect;
    const session = begin(ours, { handlers, setupTimeoutMs: 1000 });
    session.catch(() => {});
    await breakRule(peer, rule, session).catch(() => {});
    const { closeCode, reason } = await peer.closed;
    assert.equal(closeCode, code, reason);
    await session.then((open) => open.closed, () => {});
  });
}

Deno.test("a peer that sends no set-up is closed with 0x11", async () => {
  for (const draft of [16, 18]) {
    const [ours, peer] = memoryPair(`moqt-${draft}`);
    await assert.rejects(connect(ours, { setupTimeoutMs: 5 }), {
      closeName: "control-message-timeout",
    });
    assert.equal((await peer.closed).closeCode, 0x11);
  }
});

const SEEDS = [...CONTROL_CASES, ...SUBGROUP_CASES, ...FETCH_CASES, ...DATAGRAM_CASES];

const mess = fc.record({
  draft: fc.constantFrom(16 as const, 18 as const),
  parts: fc.array(
    fc.record({
      where: fc.constantFrom("control", "request", "stream", "datagram"),
      seed: fc.nat(SEEDS.length - 1),
      flip: fc.option(fc.record({ at: fc.nat(60), to: fc.nat(255) }), { nil: undefined }),
      fin: fc.boolean(),
    }),
    { maxLength: 8 },
  ),
});

Deno.test("a peer that says anything at all ends a session at worst", async () => {
  await fc.assert(
    fc.asyncProperty(mess, async ({ draft, parts }) => {
      const [ours, peer] = memoryPair(`moqt-${draft}`);
      const session = accept(ours, { handlers, setupTimeoutMs: 1000 });
      session.catch(() => {});
      const setup = hex(SETUP[`${draft} client`]!);
      const control = draft === 18
        ? await peer.createUnidirectionalStream()
        : (await peer.createBidirectionalStream()).writable;
      const writer = control.getWriter();
      writer.closed.catch(() => {});
      try {
        await writer.write(setup);
        for (const { where, seed, flip, fin } of parts) {
          const bytes = SEEDS[seed]!.bytes.slice();
          if (flip !== undefined && flip.at < bytes.length) bytes[flip.at] = flip.to;
          const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") +
            (fin ? "." : "");
          if (where === "control") await writer.write(bytes);
          else if (where === "request") {
            await send((await peer.createBidirectionalStream()).writable, text);
          } else if (where === "stream") await send(await peer.createUnidirectionalStream(), text);
          else {
            const datagrams = peer.datagrams.writable.getWriter();
            await datagrams.write(bytes);
            datagrams.releaseLock();
          }
        }
      } catch {
        // The session may be closed already.
      }
      const begun = await session.catch(() => undefined);
      await begun?.close();
      const { closeCode } = await peer.closed;
      assert.ok(closeCode <= 0x1a, `close code ${closeCode}`);
    }),
    { numRuns: 300 },
  );
});
