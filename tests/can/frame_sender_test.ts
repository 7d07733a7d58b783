import assert from "node:assert/strict";
import { type CanFrame, dataFrame } from "../../lib/can/frame.ts";
import { ArrivalReporter, FrameSender } from "../../lib/can/frame_sender.ts";
import { CanRecordParser, encodeFrames } from "../../lib/can/wire.ts";
import type { SendStream } from "../../lib/transport/connection.ts";
import { until } from "./support.ts";

/** A stream whose writes end when the test says so. */
function gate(open = false) {
  const writes: Uint8Array[] = [];
  let release = Promise.withResolvers<void>();
  if (open) release.resolve();
  const stream = new WritableStream<Uint8Array>({
    async write(chunk) {
      writes.push(chunk);
      await release.promise;
    },
  }) as SendStream;
  const ids = () =>
    writes.map((chunk) =>
      new CanRecordParser().push(chunk).map((each) =>
        each.type === "frame" ? each.frame.id : each.type
      )
    );
  return {
    stream,
    ids,
    open: () => release.resolve(),
    shut: () => release = Promise.withResolvers(),
  };
}

function setUp(
  options: { open?: boolean; staleMs?: number; capacity?: number; size?: number } = {},
) {
  const way = gate(options.open);
  const dropped: [number, string][] = [];
  const sender = new FrameSender(way.stream, {
    encode: encodeFrames,
    frameBytes: ({ data }: CanFrame) => options.size ?? 16 + data.length,
    capacity: options.capacity ?? 10_000,
    ...(options.staleMs === undefined ? {} : { staleMicros: options.staleMs * 1000 }),
    onDrop: ({ frame }, cause) => dropped.push([frame.id, cause]),
  });
  const send = (...ids: number[]) => sender.push(ids.map((id) => dataFrame(id)));
  return { ...way, sender, dropped, send };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("a frame is written at once; those that come meanwhile go together, in order", async () => {
  const { send, ids, open, sender } = setUp();
  await Promise.resolve();
  send(9);
  assert.deepEqual(ids(), [[9]], "no timer, no turn of the event loop");
  send(5);
  send(3, 4);
  open();
  await until(() => ids().length === 2);
  assert.deepEqual(ids(), [[9], [5, 3, 4]]);
  await sender.close();
});

Deno.test("when not all can go at once the lowest identifiers go first", async () => {
  // Frames of 10,000 bytes: three fit in one write.
  const { send, ids, open, sender } = setUp({ size: 10_000 });
  await Promise.resolve();
  send(0x700);
  send(9, 8, 7, 6, 5, 4, 3);
  open();
  await until(() => ids().flat().length === 8);
  assert.deepEqual(ids(), [[0x700], [3, 4, 5], [6, 7, 8], [9]]);
  await sender.close();
});

Deno.test("an unreported network is not written to; reports and records go on, late frames don't", async () => {
  const { send, ids, sender, dropped } = setUp({ open: true, staleMs: 30 });
  send(1);
  await until(() => ids().length === 1);
  sender.acknowledge(1);
  send(2);
  await until(() => ids().length === 2);
  await wait(60);
  send(5);
  send(3);
  sender.record({ type: "received", frames: 7 });
  await until(() => ids().length === 3);
  assert.deepEqual(ids().at(-1), ["received"], "its reports go out all the same");
  assert.equal(sender.waiting, 2);
  await wait(40);
  send(4);
  sender.acknowledge(2);
  await until(() => ids().length === 4);
  assert.deepEqual(ids().at(-1), [4]);
  assert.deepEqual(dropped.toSorted(), [[3, "stale"], [5, "stale"]]);
  await sender.close();
});

Deno.test("nonsense reports are ignored, and counters wrap", async () => {
  const { send, ids, sender } = setUp({ open: true });
  sender.acknowledge(0xffff_ffff);
  send(1);
  await until(() => ids().length === 1);
  sender.acknowledge(5);
  sender.acknowledge(1);
  send(2);
  await until(() => ids().length === 2);
  await sender.close();
});

Deno.test("closing says a last word, drops what waits, and is the end", async () => {
  const { send, ids, sender, dropped, open } = setUp();
  await Promise.resolve();
  send(1);
  send(2, 3);
  const closing = sender.close({ type: "end", reason: "taken-over" });
  open();
  await closing;
  assert.deepEqual(ids(), [[1], ["end"]]);
  assert.deepEqual(dropped, [[2, "replaced"], [3, "replaced"]]);
  send(4);
  sender.pushAll([{ frame: dataFrame(5), born: 0 }]);
  assert.deepEqual(dropped.at(-1), [5, "down"]);
  await sender.drained();
  await sender.close();
});

Deno.test("arrivals are reported soon, or when there are many", async () => {
  const reports: number[] = [];
  using reporter = new ArrivalReporter({
    record: (record) => record.type === "received" && reports.push(record.frames),
  });
  reporter.count(1);
  assert.deepEqual(reports, []);
  await until(() => reports.length === 1);
  reporter.count(200);
  assert.deepEqual(reports, [1, 201]);
});
