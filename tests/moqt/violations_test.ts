import assert from "node:assert/strict";
import { accept, connect, type MoqtSession } from "../../lib/moqt/session/session.ts";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { Connection, SendStream } from "../../lib/transport/connection.ts";
import { TransportError } from "../../lib/transport/connection.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import fc from "fast-check";
import { hasRequestStreams, protocolOf, VERSIONS } from "../../lib/moqt/versions.ts";
import { SESSION_RULES } from "./session_rules.ts";
import { ASKS, type Rule, RULES, SETUP } from "./violation_rules.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { CONTROL_CASES, hex } from "./cases.ts";
import { DATAGRAM_CASES, FETCH_CASES, SUBGROUP_CASES } from "./data_cases.ts";

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
  if (hasRequestStreams(draft)) control = await peer.createUnidirectionalStream();
  else if (us === "client") control = (await peer.createBidirectionalStream()).writable;
  else {
    const { value } = await peer.incomingBidirectionalStreams.getReader().read();
    control = value!.writable;
  }
  const writer = control.getWriter();
  writer.closed.catch(() => {});
  await writer.write(hex(setup));
  if (rule.control) await writer.write(hex(rule.control));
  const incoming = hasRequestStreams(draft) ? peer.incomingBidirectionalStreams.getReader() : null;
  for (const [index, ask] of (rule.asks ?? []).entries()) {
    const asked = ASKS[ask](await begun as MoqtSession);
    asked.ready.catch(() => {});
    const { value } = await incoming!.read();
    await send(value!.writable, rule.answers![index]!);
  }
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

for (const rule of [...RULES, ...SESSION_RULES]) {
  const { draft, role = "server", code, maxTokenCacheSize = 0 } = rule;
  Deno.test(`draft ${draft}, to a ${role}: ${rule.name} closes with 0x${code.toString(16)}`, async () => {
    const [ours, peer] = memoryPair(protocolOf(draft));
    const begin = role === "server" ? accept : connect;
    const session = begin(ours, { handlers, setupTimeoutMs: 1000, maxTokenCacheSize });
    session.catch(() => {});
    await breakRule(peer, rule, session).catch(() => {});
    const { closeCode, reason } = await peer.closed;
    assert.equal(closeCode, code, reason);
    await session.then((open) => open.closed, () => {});
  });
}

Deno.test("a peer that sends no set-up is closed with 0x11", async () => {
  for (const draft of VERSIONS) {
    const [ours, peer] = memoryPair(protocolOf(draft));
    await assert.rejects(connect(ours, { setupTimeoutMs: 5 }), {
      closeName: "control-message-timeout",
    });
    assert.equal((await peer.closed).closeCode, 0x11);
  }
});

const SEEDS = [...CONTROL_CASES, ...SUBGROUP_CASES, ...FETCH_CASES, ...DATAGRAM_CASES];

const mess = fc.record({
  draft: fc.constantFrom(...VERSIONS),
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
      const [ours, peer] = memoryPair(protocolOf(draft));
      const session = accept(ours, { handlers, setupTimeoutMs: 1000 });
      session.catch(() => {});
      const setup = hex(SETUP[`${draft} client`]!);
      const control = hasRequestStreams(draft)
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
      assert.ok(closeCode <= 0x1b, `close code ${closeCode}`);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a peer that stays after GOAWAY is closed with 0x10 when its time is up", async () => {
  for (const draft of VERSIONS) {
    const [ours, peer] = memoryPair(protocolOf(draft));
    const [session, stays] = await Promise.all([accept(ours, { handlers }), connect(peer)]);
    const asked = stays.subscribe(trackName(["a"], "t"));
    await asked.ready;
    session.goaway({ timeoutMs: 20 });
    await stays.goingAway;
    assert.equal((await peer.closed).closeCode, 0x10, `draft ${draft}`);
    await session.closed.catch(() => {});
  }
});
