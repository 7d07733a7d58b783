/** A phone's pose as a MoQT track across a LAN whose cable is out for a while. */
import assert from "node:assert/strict";
import { nowMicros } from "../../lib/media/clock.ts";
import { HERE, Lan, noLan } from "../support/lan.ts";
import { eachLine, within } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { xoq } from "../support/xoq.ts";

const LAN_ENV = { XOQ_BIND: "", XOQ_NO_ANNOUNCE: "" };
const TOKEN = ["--pairing-token", "K7QX2M"];
/** Longer than this, in ms, and the cable is out. */
const GAP_MS = 1_000;

Deno.test({
  name: "after a stall of two seconds, poses of the track are new ones, not those that waited",
  ...requires(noLan, whyNoNativeQuic()),
  fn: async () => {
    await using lan = await Lan.start();
    const { here, there } = lan;
    await using server = xoq(["pose", "--name", "pose", "--json", ...TOKEN], {
      env: LAN_ENV,
      prefix: here.prefix,
      data: true,
    });
    void server.stdout.pipeTo(new WritableStream()).catch(() => {});
    const { ticket } = await server.until("ready");
    await using _phone = xoq(["pose", "--simulate", HERE, ...TOKEN], {
      env: LAN_ENV,
      prefix: here.prefix,
    });
    await server.until("wifi_connected");
    await using client = xoq(
      [
        ...["moq", "sub", ticket as string, "--namespace", "xoq/pose", "--track", "pose"],
        ...["--arrival", "--format", "lines"],
      ],
      { env: LAN_ENV, prefix: there.prefix, data: true },
    );
    /** Of each pose: when it came, and how old it was, in ms. All clocks are this machine's. */
    const came: { at: number; age: number }[] = [];
    let tell = () => {};
    void eachLine(client.stdout, (line) => {
      const { received_us } = JSON.parse(line);
      came.push({ at: performance.now(), age: (nowMicros() - received_us) / 1_000 });
      tell();
    }).catch(() => {});
    const until = (condition: () => boolean, what: string) =>
      within(
        new Promise<void>((resolve) => {
          tell = () => condition() && resolve();
          tell();
        }),
        20_000,
        () => what,
      );
    await until(() => came.length > 60, "poses");
    await here.run("ip", "link", "set", "eth0", "down");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await here.run("ip", "link", "set", "eth0", "up");
    const gap = () => came.findIndex(({ at }, n) => n > 0 && at - came[n - 1]!.at > GAP_MS);
    await until(() => gap() > 0 && came.length > gap() + 30, "poses again");
    const ages = came.slice(gap(), gap() + 30).map(({ age }) => age);
    assert.ok(Math.max(...ages) < 500, `${ages.map(Math.round)}`);
  },
});
