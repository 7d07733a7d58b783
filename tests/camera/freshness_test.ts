import assert from "node:assert/strict";
import { Freshness } from "../../lib/camera/freshness.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";

const frame = (key: boolean): EncodedFrame => ({
  codec: "h264",
  data: new Uint8Array(1),
  key,
  width: 16,
  height: 16,
  captureTime: 0,
  sequence: 0,
});

Deno.test("pictures with an even delay are fresh, however long it is", () => {
  const judge = new Freshness("h264", () => 0);
  for (let i = 0; i < 100; i++) assert.ok(judge.judge(frame(i === 0), 900 + i % 7));
});

Deno.test("after a late picture only a key frame in time goes on", () => {
  const judge = new Freshness("h264", () => 0);
  assert.ok(judge.judge(frame(true), 30));
  assert.ok(!judge.judge(frame(false), 2000));
  assert.ok(!judge.judge(frame(true), 1500), "a late key frame");
  assert.ok(!judge.judge(frame(false), 31), "in time, but depends on what was dropped");
  assert.ok(judge.judge(frame(true), 32));
  assert.ok(judge.judge(frame(false), 33));
});

Deno.test("when all is late for three seconds, a clock was set, and life goes on", () => {
  let now = 0;
  const judge = new Freshness("h264", () => now);
  assert.ok(judge.judge(frame(true), 30));
  for (now = 0; now <= 3000; now += 100) assert.ok(!judge.judge(frame(false), 60_030));
  now += 100;
  judge.judge(frame(false), 60_030);
  assert.ok(judge.judge(frame(true), 60_030));
});
