import assert from "node:assert/strict";
import fc from "fast-check";
import { MoqtViolation, RequestError } from "../../lib/moqt/errors.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import { allows } from "../../lib/relay/access/access.ts";
import { issueRelayToken, tokenGate, verifyRelayToken } from "../../lib/relay/access/token.ts";
import { endpointIdOf, generateSecretKey } from "../../lib/transport/key.ts";
import { Stage, TRACK, until, utf8 } from "./support.ts";

const key = generateSecretKey();
const id = await endpointIdOf(key);

function isViolation(name: string): (error: unknown) => boolean {
  return (error) => error instanceof MoqtViolation && error.closeName === name;
}

Deno.test("a token says what it was issued for", async () => {
  const fields = {
    publish: [namespace("example.com", "cam")],
    subscribe: [namespace("example.com"), []],
    path: "/live",
    expires: 2_000_000_000,
  };
  const grant = await verifyRelayToken(await issueRelayToken(key, fields), id, 0);
  const { expires, ...rest } = fields;
  assert.deepEqual(grant, { ...rest, expiresAt: expires * 1000 });
});

Deno.test("tokens of others, changed ones and expired ones are void", async () => {
  const fields = { publish: [[]], subscribe: [[]], expires: 1000 };
  const token = await issueRelayToken(key, fields);
  await verifyRelayToken(token, id, 999_999);
  await assert.rejects(verifyRelayToken(token, id, 1_000_000), isViolation("expired-auth-token"));
  const other = await issueRelayToken(generateSecretKey(), fields);
  await assert.rejects(verifyRelayToken(other, id, 0), isViolation("unauthorized"));
  await assert.rejects(verifyRelayToken("", id, 0), isViolation("malformed-auth-token"));
  await assert.rejects(verifyRelayToken("?", id, 0), isViolation("malformed-auth-token"));
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom("A", "z", "_"), async (at, char) => {
      if (token[at] === char) return;
      const changed = token.slice(0, at) + char + token.slice(at + 1);
      await assert.rejects(verifyRelayToken(changed, id, 0), MoqtViolation);
      await assert.rejects(verifyRelayToken(token.slice(0, at), id, 0), MoqtViolation);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a grant allows what is below its prefixes, at its path, until it expires", () => {
  const grant = {
    publish: [namespace("a", "b")],
    subscribe: [[]],
    path: "/live",
    expiresAt: 100,
  };
  const at = { path: "/live", now: 50 };
  assert.equal(allows([grant], "publish", namespace("a", "b", "c"), at), true);
  assert.equal(allows([grant], "publish", namespace("a"), at), false);
  assert.equal(allows([grant], "subscribe", namespace("x"), at), true);
  assert.equal(allows([grant], "subscribe", namespace("x"), { ...at, path: "/" }), false);
  assert.equal(allows([grant], "subscribe", namespace("x"), { ...at, now: 100 }), false);
});

for (const version of VERSIONS) {
  const draft = `draft-${version}`;

  Deno.test(`${draft}: a session may do what its token says, and no more`, async () => {
    await using stage = new Stage({ gate: tokenGate(id) });
    const token = await issueRelayToken(key, {
      publish: [namespace("example.com")],
      subscribe: [],
    });
    const shown = [{ use: "value", type: 0, value: utf8(token) }] as const;
    const publisher = await stage.come(version, { tokens: shown });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const unauthorized = (error: unknown) =>
      error instanceof RequestError && error.refusal === "unauthorized";
    await assert.rejects(publisher.publishNamespace(namespace("other")).ready, unauthorized);
    await assert.rejects(publisher.subscribe(TRACK).ready, unauthorized);
    const nobody = await stage.come(version);
    await assert.rejects(nobody.publish(TRACK).ready, unauthorized);
    await assert.rejects(nobody.trackStatus(TRACK), unauthorized);
    await assert.rejects(nobody.subscribeNamespace(namespace("example.com")).ready, unauthorized);
  });

  Deno.test(`${draft}: a request may bring its own token`, async () => {
    await using stage = new Stage({ gate: tokenGate(id) });
    const token = await issueRelayToken(key, { publish: [[]], subscribe: [] });
    const nobody = await stage.come(version);
    const tokens = [{ use: "value", type: 0, value: utf8(token) }] as const;
    await nobody.publishNamespace(TRACK.namespace, { parameters: { tokens } }).ready;
    const bad = [{ use: "value", type: 0, value: utf8("AAAA") }] as const;
    await assert.rejects(
      nobody.publish(trackName(["x"], "y"), { parameters: { tokens: bad } }).ready,
      RequestError,
    );
  });

  Deno.test(`${draft}: the token may stand in the URI, and a void one ends the session`, async () => {
    await using stage = new Stage({ gate: tokenGate(id) });
    const token = await issueRelayToken(key, { publish: [[]], subscribe: [], path: "/live" });
    const browser = await stage.come(version, {}, {}, `/live?token=${token}`);
    await browser.publishNamespace(TRACK.namespace).ready;
    const native = await stage.come(version, { path: `/live?token=${token}` });
    await native.publishNamespace(namespace("n")).ready;
    const elsewhere = await stage.come(version, {}, {}, `/?token=${token}`);
    await assert.rejects(elsewhere.publishNamespace(namespace("e")).ready, RequestError);
    const forged = stage.come(version, { path: "/?token=AAAA" }).then((session) => session.closed);
    const end = await forged.catch((error: { closeCode?: number }) => error);
    assert.equal(end.closeCode, 0x16);
    await until(() => stage.relay.stats.refusedSessions === 1);
  });

  Deno.test(`${draft}: a session ends when its token expires`, async () => {
    await using stage = new Stage({ gate: tokenGate(id) });
    const expires = Math.ceil(Date.now() / 1000) + 1;
    const token = await issueRelayToken(key, { publish: [[]], subscribe: [], expires });
    const session = await stage.come(version, { path: `/?token=${token}` });
    assert.equal((await session.closed).closeCode, 0x18);
    assert.ok(Date.now() >= expires * 1000);
  });
}
