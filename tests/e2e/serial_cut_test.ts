/** A serial port whose controller's network is cut, in a network of its own. */
import assert from "node:assert/strict";
import { noPrivateNetwork, PrivateNetwork } from "../support/private_network.ts";
import { hasPty, PtyDevice } from "../support/pty_echo.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { xoq } from "../support/xoq.ts";

const DEADLINE_MS = 200;
const SAFE = "SAFE";

Deno.test({
  name: "a cut network makes the port safe in time, nothing sent before comes late, and it heals",
  ...requires(
    whyNoNativeQuic(),
    noPrivateNetwork,
    hasPty() ? undefined : "pseudo-terminals can't be made",
  ),
}, async () => {
  await using network = await PrivateNetwork.start();
  const { prefix } = network;
  const link = async (state: "up" | "down") => {
    const [program = "", ...args] = [...prefix, "ip", "link", "set", "lo", state];
    assert.equal((await new Deno.Command(program, { args }).output()).code, 0);
  };
  // The device: what it was told, and when.
  const told: { text: string; at: number }[] = [];
  await using device = new PtyDevice((bytes) => {
    told.push({ text: new TextDecoder().decode(bytes), at: performance.now() });
    return undefined;
  });
  const args = ["--on-lost", `text:${SAFE}`, "--deadline", `${DEADLINE_MS}ms`, "--json"];
  await using server = xoq(["serial", device.path, ...args], { prefix });
  const { ticket } = await server.until("ready");
  await using client = xoq(["open", String(ticket), "--kind", "serial", "--pty", "--json"], {
    prefix,
  });
  const { path } = await client.until("pty");
  await client.until("open");
  const port = await Deno.open(String(path), { write: true });
  const write = (text: string) => port.write(new TextEncoder().encode(text));
  const heard = async (text: string) => {
    const deadline = performance.now() + 8_000;
    while (!told.some((entry) => entry.text.includes(text))) {
      assert.ok(performance.now() < deadline, `${text} never came: ${JSON.stringify(told)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await write("go1");
  await heard("go1");

  const cutAt = performance.now();
  await link("down");
  await write("late");
  await heard(SAFE);
  const took = told.find(({ text }) => text.includes(SAFE))!.at - cutAt;
  assert.ok(took < DEADLINE_MS + 400, `safe after ${took} ms`);

  // A moment, so that what is under way is retransmitted once the network heals.
  await new Promise((resolve) => setTimeout(resolve, 600));
  const opened = client.events.length;
  await link("up");
  await client.until("open", { after: opened });
  await write("go2");
  await heard("go2");
  const all = told.map(({ text }) => text).join("");
  assert.ok(!all.includes("late"), `what was sent into the cut stays there: ${all}`);
  port.close();
});
