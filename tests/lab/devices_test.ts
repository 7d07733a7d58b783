import assert from "node:assert/strict";
import { command, inLab } from "./support.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !inLab, fn });

test("the lab has its CAN interfaces, up, with FD on the virtual one", async () => {
  const links: { ifname: string; mtu: number; flags: string[] }[] = JSON.parse(
    await command("ip", "-json", "link", "show"),
  );
  for (const [name, mtu] of [["vcan0", 72], ["can0", 16], ["can1", 16]] as const) {
    const link = links.find(({ ifname }) => ifname === name);
    assert.ok(link !== undefined, `${name} is there`);
    assert.equal(link.mtu, mtu);
    assert.ok(link.flags.includes("UP"), `${name} is up`);
  }
});

test("the lab has a USB serial adapter and its device end", async () => {
  for (const path of ["/dev/ttyACM0", "/dev/ttyGS0"]) {
    assert.ok((await Deno.stat(path)).isCharDevice, path);
  }
});

test("nothing that the guest writes reaches the host's files", async () => {
  const mounts = await Deno.readTextFile("/proc/mounts");
  assert.match(mounts, /^root \/ overlay rw/m);
});
