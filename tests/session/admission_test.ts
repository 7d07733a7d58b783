import assert from "node:assert/strict";
import { DeniedError } from "../../lib/errors.ts";
import { AdmissionDesk, type AdmissionPolicy } from "../../lib/session/admission.ts";

const ANNA = "a".repeat(64);
const BERT = "b".repeat(64);

function policy(changes: Partial<AdmissionPolicy> = {}): AdmissionPolicy {
  return {
    public: false,
    allow: new Set(),
    verify: (grant) => {
      const [rights, device, expires] = grant.split(":");
      if (rights !== "view" && rights !== "control") {
        return Promise.reject(new DeniedError("bad signature"));
      }
      return Promise.resolve({
        rights,
        device: device === "" ? undefined : device,
        expires: expires === undefined ? undefined : Number(expires),
      });
    },
    ...changes,
  };
}

Deno.test("nobody gets in without a grant", async () => {
  const desk = new AdmissionDesk(policy());
  await assert.rejects(desk.admit(ANNA, undefined), DeniedError);
  await assert.rejects(desk.admit(ANNA, "forged"), DeniedError);
  assert.equal(desk.peer(ANNA, "front"), undefined);
});

Deno.test("a grant holds for the id that showed it, for its device, until released", async () => {
  const desk = new AdmissionDesk(policy());
  const admission = await desk.admit(ANNA, "view:front");
  assert.equal(desk.peer(ANNA, "front")?.rights, "view");
  assert.equal(desk.peer(ANNA, "rear"), undefined);
  assert.equal(desk.peer(BERT, "front"), undefined);
  const { signal } = desk.peer(ANNA, "front")!;
  admission[Symbol.dispose]();
  assert.ok(signal.aborted);
  assert.equal(desk.peer(ANNA, "front"), undefined);
});

Deno.test("of several grants the strongest counts, and the others remain", async () => {
  const desk = new AdmissionDesk(policy());
  await desk.admit(ANNA, "view:");
  const strong = await desk.admit(ANNA, "control:");
  assert.equal(desk.peer(ANNA, "front")?.rights, "control");
  strong[Symbol.dispose]();
  assert.equal(desk.peer(ANNA, "front")?.rights, "view");
});

Deno.test("an expired grant ends its admission by itself", async () => {
  const desk = new AdmissionDesk(policy());
  const soon = Date.now() / 1000 + 0.05;
  const admission = await desk.admit(ANNA, `view::${soon}`);
  assert.ok(!admission.signal.aborted);
  await new Promise((ended) => admission.signal.addEventListener("abort", ended, { once: true }));
  assert.equal(desk.peer(ANNA, "front"), undefined);
  assert.match(admission.signal.reason.message, /expired/);
});

Deno.test("an expiry beyond what a timer counts does not fire early", async () => {
  const desk = new AdmissionDesk(policy());
  const admission = await desk.admit(ANNA, `view::${Date.now() / 1000 + 100 * 24 * 3600}`);
  await new Promise((done) => setTimeout(done, 20));
  assert.ok(!admission.signal.aborted);
  admission[Symbol.dispose]();
});

Deno.test("public servers admit everybody, --allow the named ids", async () => {
  const open = new AdmissionDesk(policy({ public: true }));
  assert.equal(open.peer(ANNA, "front")?.rights, "control");
  const listed = new AdmissionDesk(policy({ allow: new Set([ANNA]) }));
  assert.equal(listed.peer(ANNA, "front")?.rights, "control");
  assert.equal(listed.peer(BERT, "front"), undefined);
  (await listed.admit(ANNA, undefined))[Symbol.dispose]();
});

Deno.test("a connection that came before its grant is let in when the grant comes", async () => {
  const desk = new AdmissionDesk(policy());
  const waiting = desk.waitForPeer(ANNA, "front", new AbortController().signal);
  const other = desk.waitForPeer(BERT, "front", AbortSignal.timeout(30));
  await desk.admit(ANNA, "view:front");
  assert.equal((await waiting)?.id, ANNA);
  assert.equal(await other, undefined);
});
