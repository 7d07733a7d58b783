import assert from "node:assert/strict";
import { findTarget, isName } from "../../lib/cli/find_target.ts";
import { findTrusted, forget, readTrusted, trust } from "../../lib/cli/trusted.ts";
import { issueGrant } from "../../lib/transport/grant.ts";
import { endpointIdOf, generateSecretKey } from "../../lib/transport/key.ts";
import { formatEndpointTicket, formatTicket } from "../../lib/transport/ticket.ts";

/** A state folder of the test's own. */
async function withState(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const key = generateSecretKey();
const address = { id: await endpointIdOf(key), relays: [], direct: ["192.0.2.1:4433"] };
const grant = await issueGrant(key, { rights: "control", standing: true });
const ticket = formatTicket({ address, device: "front", grant });

Deno.test("names, tickets and endpoint ids are told apart", () => {
  for (const name of ["front", "camera-0", "endpoint", "endpoint-a", "a", "can0"]) {
    assert.equal(isName(name), true, name);
  }
  for (
    const other of [
      ticket,
      formatEndpointTicket(address),
      address.id,
      address.id.slice(0, 60),
      `${address.id}/front`,
      `${address.id}@192.0.2.1:1`,
      "Front",
      "",
    ]
  ) assert.equal(isName(other), false, other);
});

Deno.test("a kept ticket is found by its name, replaced by another of that name, and let go of", async () => {
  await withState(async (folder) => {
    assert.deepEqual(await readTrusted(folder), []);
    assert.equal(await trust(ticket, undefined, folder), "front");
    assert.equal(await trust(` ${ticket}\n`, "left", folder), "left");
    assert.equal(await trust(formatEndpointTicket(address), "left", folder), "left");
    assert.deepEqual((await readTrusted(folder)).map(({ name }) => name), ["front", "left"]);
    assert.equal((await findTrusted("front", folder))?.grant, grant);
    assert.equal((await findTrusted("left", folder))?.grant, undefined, folder);
    assert.equal((await findTarget(ticket, false)).device, "front");
    if (Deno.build.os !== "windows") {
      const { mode } = await Deno.stat(`${folder}/trusted.json`);
      assert.equal((mode ?? 0) & 0o777, 0o600);
    }
    await forget("front", folder);
    assert.equal(await findTrusted("front", folder), undefined);
    await assert.rejects(forget("front", folder), { code: "not-found" });
  });
});

Deno.test("what is no ticket or no name is not kept, and a damaged file is said to be so", async () => {
  await withState(async (folder) => {
    await assert.rejects(trust("endpointx", undefined, folder), { code: "usage" });
    await assert.rejects(trust(ticket, "No Name", folder), { code: "usage" });
    assert.deepEqual(await readTrusted(folder), []);
    await trust(ticket, undefined, folder);
    for (const text of ["{", "[1]", '[{"name":"a"}]', "null"]) {
      await Deno.writeTextFile(`${folder}/trusted.json`, text);
      await assert.rejects(readTrusted(folder), { code: "failed", message: /damaged/ });
    }
  });
});
