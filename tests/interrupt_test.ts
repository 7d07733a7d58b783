import assert from "node:assert/strict";
import v8 from "node:v8";
import vm from "node:vm";
import { Interrupt } from "../lib/interrupt.ts";

v8.setFlagsFromString("--expose-gc");
const collectGarbage = vm.runInNewContext("gc") as () => void;

Deno.test("a wait gives what its promise gives", async () => {
  const interrupt = new Interrupt();
  assert.equal(await interrupt.wait(Promise.resolve(7)), 7);
  await assert.rejects(interrupt.wait(Promise.reject(new Error("no"))), /^Error: no$/);
  assert.equal(await interrupt.wait(Promise.resolve(8)), 8);
});

Deno.test("an interruption ends the wait under way and every later one, the first reason counts", async () => {
  const interrupt = new Interrupt();
  const waiting = interrupt.wait(new Promise(() => {}));
  interrupt.interrupt(new Error("stopped"));
  interrupt.interrupt(new Error("again"));
  await assert.rejects(waiting, /^Error: stopped$/);
  await assert.rejects(interrupt.wait(new Promise(() => {})), /^Error: stopped$/);
  await assert.rejects(interrupt.wait(Promise.resolve(1)), /^Error: stopped$/);
});

Deno.test("a promise that rejects after the interruption is no unhandled rejection", async () => {
  const interrupt = new Interrupt();
  const { promise, reject } = Promise.withResolvers<void>();
  const waiting = interrupt.wait(promise);
  interrupt.interrupt(new Error("stopped"));
  await assert.rejects(waiting, /^Error: stopped$/);
  reject(new Error("late"));
  await assert.rejects(interrupt.wait(Promise.reject(new Error("later"))), /^Error: stopped$/);
  // Unhandled rejections are reported, and fail the test, when the turn is over.
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("nothing is kept of waits that are over", async () => {
  const interrupt = new Interrupt();
  const results: WeakRef<object>[] = [];
  for (let i = 0; i < 100; i++) {
    results.push(new WeakRef(await interrupt.wait(Promise.resolve({ i }))));
  }
  await new Promise((resolve) => setTimeout(resolve));
  collectGarbage();
  const kept = results.filter((each) => each.deref() !== undefined).length;
  assert.ok(kept <= 1, `${kept} of 100`);
});
