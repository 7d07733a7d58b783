/**
 * The opening process of the CAN benchmark: a remote bus joined to a bus inside this process, where
 * frames are produced, or counted. Prints what it sent; what arrived, when stdin ends.
 */
import { BusHub } from "../../lib/can/hub.ts";
import { RemoteCanBus } from "../../lib/can/remote_bus.ts";
import { TestBus } from "../../lib/can/test_bus.ts";
import { attach } from "../../lib/session/attach.ts";
import { createEndpoint } from "../../lib/transport/mod.ts";
import { parseTicket } from "../../lib/transport/ticket.ts";
import { consume, produce, type Traffic } from "./can_traffic.ts";
import { usage } from "./report.ts";

const job = JSON.parse(Deno.args[0] ?? "{}") as Traffic & { ticket: string };
const { address, grant, device } = parseTicket(job.ticket);
const endpoint = await createEndpoint({ bind: "127.0.0.1", relay: "none", mdns: false });
const remote = new RemoteCanBus({
  label: "bench",
  policy: { timeoutMs: 10_000, reconnect: false },
  attach: (options) =>
    attach(endpoint, {
      address,
      agent: "bench",
      ...(device && { device }),
      ...(grant && { grant }),
    }, { ...options, timeoutMs: 10_000 }),
});
const bus = new TestBus();
const [bridge, node] = [bus.open({ fd: true }), bus.open({ fd: true })];
const hub = new BusHub(remote);
const joint = hub.join({ onFrames: (frames) => void bridge.send(frames) });
/** Commands waiting for the network before the local bus is told that it is full. */
const MAX_UNSENT = 2_048;
bridge.onReceive = (frames) => {
  joint.send(frames);
  if (remote.waiting < MAX_UNSENT) return;
  bus.freeze(true);
  void remote.drained().then(() => bus.freeze(false));
};
const attached = Promise.withResolvers<void>();
remote.onEvent = (event) => event.type === "attached" && attached.resolve();
const arrived = job.direction === "down" ? consume(node) : undefined;
const running = remote.run(new AbortController().signal);
await Promise.race([attached.promise, running]);
// The clocks are compared first: commands carry their age.
await new Promise((resolve) => setTimeout(resolve, 300));
const before = usage();
const sent = job.direction === "up" ? await produce(node, job) : 0;
console.log(JSON.stringify({ sent }));
for await (const _ of Deno.stdin.readable);
const after = usage();
console.log(JSON.stringify({
  arrived: arrived?.(),
  stats: remote.stats(),
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
}));
Deno.exit(0);
