/**
 * The serving process of the CAN benchmark: what `xoq can test` runs. Prints its ticket; produces, or
 * counts, and prints that when stdin ends.
 */
import { CanServer } from "../../lib/can/serve.ts";
import { TestBusDriver } from "../../lib/can/test_bus.ts";
import { DeviceHost } from "../../lib/session/host.ts";
import { ephemeralIdentity } from "../../lib/transport/identity.ts";
import { consume, produce, type Traffic } from "./can_traffic.ts";
import { usage } from "./report.ts";

const job = JSON.parse(Deno.args[0] ?? "{}") as Traffic;
const driver = new TestBusDriver();
const server = new CanServer(driver, {
  name: "bench",
  bus: "test",
  wish: { fd: true },
  // Throughput is measured, not what is given up when two cores are busy with something else.
  staleMs: 2_000,
});
await server.start();
const node = driver.bus().open({ fd: true });
const host = await DeviceHost.start({
  identity: await ephemeralIdentity(),
  devices: [server],
  bind: "127.0.0.1",
  relay: "none",
  mdns: false,
  public: false,
  allow: [],
  agent: "bench",
});
const joined = Promise.withResolvers<void>();
server.onClient = () => joined.resolve();
console.log(JSON.stringify({ ticket: host.tickets().ticket }));
await joined.promise;
const before = usage();
const arrived = job.direction === "up" ? consume(node) : undefined;
const sent = job.direction === "down" ? await produce(node, job) : 0;
console.log(JSON.stringify({ sent }));
for await (const _ of Deno.stdin.readable);
const after = usage();
console.log(JSON.stringify({
  arrived: arrived?.(),
  stats: server.stats(),
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
}));
await host.close();
await server.close();
Deno.exit(0);
