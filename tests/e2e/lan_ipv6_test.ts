/** A LAN without IPv4: Multicast DNS by ff02::fb alone. */
import assert from "node:assert/strict";
import { HERE_6, Lan, noLan, THERE_6 } from "../support/lan.ts";
import { avahi, browseUntil, noAvahi, noZeroconf, zeroconf } from "../support/mdns.ts";
import { end } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { runXoq, type Xoq, xoq } from "../support/xoq.ts";

/** No loopback here: this is what a LAN is for. */
const LAN_ENV = { XOQ_BIND: "", XOQ_NO_ANNOUNCE: "" };
const XOQ_TYPE = "_xoq._udp.local.";

function server(lan: Lan): Xoq {
  return xoq(["serial", "test", "--json"], { env: LAN_ENV, prefix: lan.here.prefix });
}

async function listed(lan: Lan): Promise<Record<string, unknown>[]> {
  const { stdout } = await runXoq(["ls", "--network", "--json"], {
    env: LAN_ENV,
    prefix: lan.there.prefix,
  });
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

Deno.test({
  name: "without IPv4, python-zeroconf finds a server by its IPv6 address, and hears goodbye",
  ...requires(noLan, noZeroconf),
  fn: async () => {
    await using lan = await Lan.start("6");
    await using peer = zeroconf(lan.there, "eth0", XOQ_TYPE);
    await using serving = server(lan);
    const { id, addresses } = await serving.until("ready");
    const found = await peer.until(({ name }) => name.startsWith("serial-test @ alpha"), "us");
    assert.deepEqual(addresses, [`[${HERE_6}]:${found.port}`]);
    assert.deepEqual(found.addresses, [HERE_6]);
    assert.ok(found.txt.includes(`id=${id}`));
    assert.equal(await serving.interrupt(), 130);
    await peer.until(({ what, name }) => what === "remove" && name === found.name, "goodbye");
  },
});

Deno.test({
  name: "without IPv4, a server is listed with its round trip, and found by avahi",
  ...requires(noLan, noAvahi),
  fn: async () => {
    await using lan = await Lan.start("6");
    await using _avahi = await avahi(lan.there, "[server]\nuse-ipv4=no\nuse-ipv6=yes\n");
    await using serving = server(lan);
    const { id } = await serving.until("ready");
    const seen = await browseUntil(lan.there, "_xoq._udp", /^=.*serial-test/m);
    assert.match(seen, new RegExp(`^=;eth0;IPv6;serial-test.*;${HERE_6};\\d+;.*"id=${id}"`, "m"));
    await using stack = new AsyncDisposableStack();
    const published = lan.there.spawn([
      ...["avahi-publish", "-s", "theirs", "_xoq._udp", "4433"],
      ...["v=1", `id=${"ab".repeat(32)}`, "d0=theirs:camera", "busy="],
    ], { stdout: "null", stderr: "null" });
    stack.defer(() => end(published));
    await browseUntil(lan.there, "_xoq._udp", /^=.*theirs/m);
    const rows = await listed(lan);
    const ours = rows.find(({ name }) => name === "serial-test");
    assert.equal(ours?.["id"], id);
    assert.ok(Number(ours?.["rtt_ms"]) > 0, "it is reached by IPv6");
    const theirs = rows.find(({ name }) => name === "theirs");
    assert.deepEqual(theirs?.["addresses"], [`[${THERE_6}]:4433`]);
  },
});

Deno.test({
  name: "a server that was restarted has its port on IPv6, too",
  ...requires(noLan),
  fn: async () => {
    await using lan = await Lan.start("6");
    const state = await Deno.makeTempDir({ prefix: "xoq-test-" });
    try {
      const options = { env: LAN_ENV, prefix: lan.here.prefix, state };
      const places: unknown[] = [];
      for (let n = 0; n < 2; n++) {
        await using serving = xoq(["serial", "test", "--json"], options);
        places.push((await serving.until("ready"))["addresses"]);
        await serving.interrupt();
      }
      assert.match(String(places[0]), /^\[fd77::1\]:\d+$/);
      assert.deepEqual(places[1], places[0]);
    } finally {
      await Deno.remove(state, { recursive: true });
    }
  },
});
