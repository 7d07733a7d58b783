/** Every request can be given up before its answer, and none waits for ever. */
import assert from "node:assert/strict";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import { DRAFTS, sessions, TRACK } from "./sessions.ts";

const never = () => new Promise<never>(() => {});
/** A peer that answers nothing. */
const silent: RequestHandlers = {
  subscribe: never,
  publish: never,
  fetch: never,
  trackStatus: never,
  publishNamespace: never,
  subscribeNamespace: never,
};

const RANGE = { track: TRACK, start: { group: 0, object: 0 }, end: { group: 1, object: 0 } };
let number = 0;

type Options = { signal?: AbortSignal };

/** Every request, each time another one. */
const REQUESTS: Record<string, (session: MoqtSession, options: Options) => Promise<unknown>> = {
  subscribe: (session, options) =>
    session.subscribe(trackName(["s"], String(number++)), options).ready,
  publish: (session, options) => session.publish(trackName(["p"], String(number++)), options).ready,
  fetch: (session, options) => session.fetch(RANGE, options).ready,
  trackStatus: (session, options) => session.trackStatus(TRACK, options),
  publishNamespace: (session, options) =>
    session.publishNamespace(namespace("n", String(number++)), options).ready,
  subscribeNamespace: (session, options) =>
    session.subscribeNamespace(namespace("w", String(number++)), "namespace", options).ready,
};

for (const [draft, protocol] of DRAFTS) {
  for (const [name, ask] of Object.entries(REQUESTS)) {
    Deno.test(`draft ${draft}: ${name} is given up by its signal, before it is sent or after`, async () => {
      await using pair = await sessions(protocol, { server: { handlers: silent } });
      const reason = new Error("changed my mind");
      await assert.rejects(ask(pair.client, { signal: AbortSignal.abort(reason) }), reason);
      const abort = new AbortController();
      const asked = ask(pair.client, { signal: abort.signal });
      asked.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve));
      abort.abort(reason);
      await assert.rejects(asked, reason);
    });
  }

  Deno.test(`draft ${draft}: requests without an answer fail when the session ends, and after it`, async () => {
    await using pair = await sessions(protocol, { server: { handlers: silent } });
    const { client } = pair;
    const waiting = Object.values(REQUESTS).map((ask) => ask(client, {}));
    const failures = Promise.allSettled(waiting);
    await new Promise((resolve) => setTimeout(resolve));
    await client.close();
    for (const { status } of await failures) assert.equal(status, "rejected");
    for (const ask of Object.values(REQUESTS)) {
      await assert.rejects(ask(client, {}), { name: "RequestError", message: /session is over/ });
    }
  });
}
