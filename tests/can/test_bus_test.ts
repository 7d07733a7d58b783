import assert from "node:assert/strict";
import { dataFrame } from "../../lib/can/frame.ts";
import { TestBus, TestBusDriver } from "../../lib/can/test_bus.ts";
import { TestNode } from "../../lib/can/test_node.ts";
import { testCanBus } from "../compliance/can_bus.ts";
import { until } from "./support.ts";

let driver: TestBusDriver;
testCanBus({
  name: "test bus",
  fd: true,
  setUp: () => {
    driver = new TestBusDriver();
    driver.bus();
    return Promise.resolve({ driver, id: "test", [Symbol.asyncDispose]: () => Promise.resolve() });
  },
  setUpState: (_id, up) => driver.bus().setState({ up }),
  remove: () => driver.bus().remove(),
  restore: () => void driver.bus(),
});

Deno.test("what is under way when the bus goes off comes back unsent", async () => {
  const bus = new TestBus();
  await using node = bus.open();
  const unsent: number[] = [];
  node.onUnsent = ({ id }) => unsent.push(id);
  bus.freeze(true);
  assert.equal(node.send([dataFrame(1), dataFrame(2)]), 2);
  bus.setState({ controller: "bus-off" });
  assert.deepEqual(unsent, [1, 2]);
  assert.equal(node.stats().busOff, 1);
  node.restart();
  assert.equal(node.state.controller, "error-active");
});

Deno.test("the test bus's own node answers as canfdtest's device does", async () => {
  const bus = new TestBus();
  await using _device = new TestNode(bus);
  await using node = bus.open({ fd: true });
  const got: [number, number[]][] = [];
  node.onReceive = (frames) =>
    got.push(...frames.map(({ id, data }): [number, number[]] => [id, [...data]]));
  node.send([dataFrame(0x77, new Uint8Array([1, 255])), dataFrame(0x76)]);
  await until(() => got.length === 1);
  assert.deepEqual(got, [[0x78, [2, 0]]]);
});
