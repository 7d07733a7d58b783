import assert from "node:assert/strict";
import { CanBus, dataFrame, NotSentError } from "../../lib/client/can.ts";
import { serveBus, until } from "./support.ts";

Deno.test("a program sends a frame and learns when it was on the bus", async () => {
  await using served = await serveBus();
  await using bus = new CanBus(served.remote());
  await bus.attached();
  const before = Date.now() * 1000 - 10_000;
  const time = await bus.send(dataFrame(0x123, new Uint8Array([1])));
  assert.ok(time > before && time < Date.now() * 1000 + 10_000);
  assert.equal(bus.fd, true);
});

Deno.test("a frame that is not sent rejects with why", async () => {
  await using served = await serveBus({ fd: false });
  await using bus = new CanBus(served.remote());
  await bus.attached();
  await assert.rejects(
    bus.send(dataFrame(1, new Uint8Array(12))),
    (error) => error instanceof NotSentError && error.reason === "refused",
  );
  served.bus.setState({ up: false });
  await until(() => bus.state?.up === false);
  await assert.rejects(
    bus.send(dataFrame(1)),
    (error) => error instanceof NotSentError && error.reason === "down",
  );
  await assert.rejects(bus.send({ ...dataFrame(1), id: 0x800 }), RangeError);
});

Deno.test("frames are iterated over until the bus is closed", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  const bus = new CanBus(served.remote());
  await bus.attached();
  const ids: number[] = [];
  const reading = (async () => {
    for await (const frame of bus) ids.push(frame.id);
  })();
  node.send([dataFrame(1), dataFrame(2)]);
  await until(() => ids.length === 2);
  await bus.close();
  await reading;
  assert.deepEqual(ids, [1, 2]);
  await assert.rejects(bus.read(), { name: "AbortError" });
  await assert.rejects(bus.send(dataFrame(1)), { name: "AbortError" });
});

Deno.test("a read gives up with its signal, and what nobody reads makes room", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  await using bus = new CanBus(served.remote(), { queue: 4 });
  await bus.attached();
  const controller = new AbortController();
  const reading = assert.rejects(bus.read({ signal: controller.signal }), { name: "AbortError" });
  controller.abort();
  await reading;
  node.send(Array.from({ length: 10 }, (_, i) => dataFrame(i)));
  await until(() => bus.stats().received === 10);
  assert.equal(bus.stats().overflow, 6);
  assert.equal((await bus.read()).id, 6);
});

Deno.test("a cyclic frame is started, changed and stopped", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  const data: number[] = [];
  node.onReceive = (frames) => data.push(...frames.map((frame) => frame.data[0]!));
  await using bus = new CanBus(served.remote());
  await bus.attached();
  const cycle = await bus.cycle(dataFrame(0x10, new Uint8Array([1])), 1);
  await until(() => data.length > 2);
  await cycle.change(dataFrame(0x10, new Uint8Array([2])));
  await until(() => data.includes(2));
  await cycle.stop();
  await cycle.stop();
  const count = data.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(data.length - count <= 1);
});

Deno.test("a bus that is held rejects at once with who holds it", async () => {
  await using served = await serveBus();
  await using first = new CanBus(served.remote());
  await first.attached();
  await using second = new CanBus(served.remote());
  await assert.rejects(second.attached(), { code: "busy" });
});

Deno.test("the client's modules use nothing of one runtime", async () => {
  const seen = new Set<string>();
  const visit = async (url: URL) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const text = await Deno.readTextFile(url);
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    assert.doesNotMatch(code, /\bDeno\./, url.pathname);
    assert.doesNotMatch(code, /from "[^"]*\/ffi\//, url.pathname);
    for (const [, path] of code.matchAll(/from "(\.[^"]+)"/g)) await visit(new URL(path!, url));
  };
  await visit(new URL("../../lib/client/can.ts", import.meta.url));
});
