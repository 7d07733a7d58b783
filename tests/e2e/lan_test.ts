import assert from "node:assert/strict";
import { HERE, Lan, type LanMachine, noLan, THERE } from "../support/lan.ts";
import { avahi, browseUntil, noAvahi, noZeroconf, zeroconf } from "../support/mdns.ts";
import { requires } from "../support/requires.ts";
import { eachLine, end, within } from "../support/process.ts";
import { runXoq, type Xoq, xoq } from "../support/xoq.ts";

/** No loopback here: this is what a LAN is for. */
const LAN_ENV = { XOQ_BIND: "", XOQ_NO_ANNOUNCE: "" };
const POSE_TYPE = "_televoodoo._udp.local.";

const pose = (machine: LanMachine, ...args: string[]) =>
  xoq(["pose", "--pairing-token", "K7QX2M", "--json", ...args], {
    env: LAN_ENV,
    prefix: machine.prefix,
    data: true,
  });

/** Counts lines of poses, and keeps the others. */
function poses(command: Xoq) {
  const counted = { poses: 0, others: [] as string[] };
  let tell = () => {};
  void eachLine(command.stdout, (line) => {
    if (line.startsWith('{"type":"pose"')) counted.poses++;
    else counted.others.push(JSON.parse(line).type);
    tell();
  }).catch(() => {});
  return {
    ...{ counted },
    until: (condition: () => boolean, what: string) =>
      within(
        new Promise<void>((resolve) => {
          tell = () => condition() && resolve();
          tell();
        }),
        20_000,
        () => `${what}: ${JSON.stringify(counted)}`,
      ),
  };
}

Deno.test({
  name:
    "python-zeroconf finds a receiver's instances with exactly their TXT records, and hears goodbye",
  ...requires(noLan, noZeroconf),
  fn: async () => {
    await using lan = await Lan.start();
    await using peer = zeroconf(lan.there, THERE, POSE_TYPE);
    await using server = pose(lan.here, "--service-name", "Arm", "--wifi-port", "50123");
    void server.stdout.cancel();
    const first = await peer.until(({ name }) => name === `Arm (alpha).${POSE_TYPE}`, "POSE");
    const second = await peer.until(({ name }) => name === `Arm @ alpha.${POSE_TYPE}`, "TELE");
    assert.deepEqual(first.txt, [
      "v=1",
      "transport=udp",
      "format=struct_v1",
      "handshake_port=50123",
      "token_required=1",
    ]);
    assert.deepEqual(second.txt, ["v=1", "port=50123", "name=Arm"]);
    for (const { addresses, port } of [first, second]) {
      assert.deepEqual([addresses, port], [[HERE], 50123]);
    }
    assert.equal(await server.interrupt(), 130);
    for (const { name } of [first, second]) {
      await peer.until((s) => s.what === "remove" && s.name === name, `the goodbye of ${name}`);
    }
  },
});

Deno.test({
  name: "a name that is taken gets a number, and whoever had it keeps it",
  ...requires(noLan, noZeroconf),
  fn: async () => {
    await using lan = await Lan.start();
    await lan.there.run("hostname", "alpha");
    const taken = "Arm @ alpha";
    await using peer = zeroconf(lan.there, THERE, POSE_TYPE, taken, "999", "v=1");
    await peer.until(({ what }) => what === "registered", "its own service");
    await using first = pose(lan.here, "--service-name", "Arm");
    void first.stdout.cancel();
    await peer.until(
      ({ name, port }) => name.startsWith("Arm @ alpha (2)") && port === 50_000,
      "2",
    );
    await peer.until(({ name }) => name.startsWith("Arm (alpha)."), "the free one");
    // The second machine has the same host name: both of its names are taken.
    await using second = pose(lan.there, "--service-name", "Arm", "--wifi-port", "50001");
    void second.stdout.cancel();
    await peer.until(
      ({ name, port }) => name.startsWith("Arm (alpha) (2)") && port === 50_001,
      "2",
    );
    await peer.until(
      ({ name, port }) => name.startsWith("Arm @ alpha (3)") && port === 50_001,
      "3",
    );
    const names = peer.seen.filter(({ what }) => what === "remove").map(({ name }) => name);
    assert.ok(!names.includes(`${taken}.${POSE_TYPE}`), "the first owner keeps its name");
  },
});

Deno.test({
  name: "avahi-browse resolves our servers, and we list one that avahi publishes",
  ...requires(noLan, noAvahi),
  fn: async () => {
    await using lan = await Lan.start();
    const { there } = lan;
    await using stack = new AsyncDisposableStack();
    stack.use(await avahi(there));
    await using server = xoq(["serial", "test", "--json"], {
      env: LAN_ENV,
      prefix: lan.here.prefix,
    });
    const { id } = await server.until("ready");
    const seen = await browseUntil(there, "_xoq._udp", /^=.*serial-test/m);
    assert.match(seen, new RegExp(`"id=${id}"`));
    assert.match(seen, /"d0=serial-test:serial"/);
    assert.match(seen, /alpha-[0-9a-f]+\.local;10\.77\.0\.1;\d+;/);
    assert.doesNotMatch(seen, /#|grant/);

    const published = there.spawn([
      ...["avahi-publish", "-s", "theirs", "_xoq._udp", "4433"],
      ...["v=1", `id=${"ab".repeat(32)}`, "d0=theirs:camera", "busy=theirs"],
    ], { stdout: "null", stderr: "null" });
    stack.defer(() => end(published));
    await browseUntil(there, "_xoq._udp", /^=.*theirs/m);
    const listed = await runXoq(["ls", "--network", "--json"], {
      env: LAN_ENV,
      prefix: lan.here.prefix,
    });
    const rows = new TextDecoder().decode(listed.stdout).trim().split("\n").map((l) =>
      JSON.parse(l)
    );
    const theirs = rows.find(({ name }) => name === "theirs");
    assert.deepEqual([theirs?.kind, theirs?.state, theirs?.addresses], [
      "camera",
      "busy",
      [`${THERE}:4433`],
    ]);
    assert.equal(theirs.rtt_ms, undefined);
    const ours = rows.find(({ name }) => name === "serial-test");
    assert.equal(ours.id, id);
    assert.ok(ours.rtt_ms > 0);
  },
});

Deno.test({
  name: "a device found by name opens when its ticket is trusted, and shows as busy meanwhile",
  ...requires(noLan),
  fn: async () => {
    await using lan = await Lan.start();
    await using server = xoq(["serial", "test", "--json"], {
      env: LAN_ENV,
      prefix: lan.here.prefix,
    });
    const { ticket } = await server.until("ready");
    const state = await Deno.makeTempDir({ prefix: "xoq-test-" });
    try {
      const there = { env: LAN_ENV, prefix: lan.there.prefix, state };
      const denied = await runXoq(["ping", "serial-test"], there);
      assert.match(`${denied.code} ${denied.stderr}`, /^5 .*wants a grant/);
      assert.equal((await runXoq(["ping", "nobody"], there)).code, 3);
      // Kept by another name: the device's own is found on the LAN, and the grant among the tickets.
      assert.equal((await runXoq(["trust", ticket as string, "--as", "echo"], there)).code, 0);
      const { mode } = await Deno.stat(`${state}/xoq/trusted.json`);
      assert.equal((mode ?? 0) & 0o777, 0o600);
      for (const name of ["serial-test", "echo"]) {
        assert.equal((await runXoq(["ping", name, "-c", "1"], there)).code, 0, name);
      }
      await using watching = xoq(["ls", "--network", "--watch", "--json"], there);
      await watching.until("found", { where: (event) => event["state"] === "free" });
      {
        await using opened = xoq(["open", "echo", "--stdout", "--json"], { ...there, data: true });
        await opened.until("open");
        await watching.until("found", { where: (event) => event["state"] === "busy" });
      }
      const before = watching.events.length;
      await server.interrupt();
      await watching.until("lost", { after: before });
      assert.equal((await runXoq(["trust", "--forget", "echo"], there)).code, 0);
      assert.equal((await runXoq(["trust", "--forget", "echo"], there)).code, 3);
    } finally {
      await Deno.remove(state, { recursive: true });
    }
  },
});

Deno.test({
  name: "a cable that is out for a second interrupts a stream, and no session",
  ...requires(noLan),
  fn: async () => {
    await using lan = await Lan.start();
    await using server = pose(lan.here);
    const lines = poses(server);
    await server.until("pairing");
    await using _phone = pose(lan.there, "--simulate", HERE);
    await lines.until(() => lines.counted.poses > 30, "poses");
    await lan.here.run("ip", "link", "set", "eth0", "down");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await lan.here.run("ip", "link", "set", "eth0", "up");
    const before = lines.counted.poses;
    await lines.until(() => lines.counted.poses > before + 30, "poses again");
    assert.deepEqual(lines.counted.others, ["wifi_connected"]);
  },
});

Deno.test({
  name:
    "a phone that changes its address is another phone: it waits for the old one's time to pass",
  ...requires(noLan),
  fn: async () => {
    await using lan = await Lan.start();
    await using server = pose(lan.here);
    const lines = poses(server);
    await server.until("pairing");
    await using phone = pose(lan.there, "--simulate", HERE, "--dialect", "tele");
    await lines.until(() => lines.counted.poses > 30, "poses");
    await lan.there.run("ip", "address", "del", `${THERE}/24`, "dev", "eth0");
    await lan.there.run("ip", "address", "add", "10.77.0.3/24", "dev", "eth0");
    await phone.until("phone", { where: (event) => event["state"] === "busy" });
    await lines.until(() => lines.counted.others.length === 3, "the second session");
    const before = lines.counted.poses;
    await lines.until(() => lines.counted.poses > before + 30, "poses of the second session");
    assert.deepEqual(lines.counted.others, [
      "wifi_connected",
      "wifi_disconnected",
      "wifi_connected",
    ]);
  },
});
