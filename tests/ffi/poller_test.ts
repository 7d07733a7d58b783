import assert from "node:assert/strict";
import { createWakeUp, POLL } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";

const ignore = Deno.build.os !== "linux" && Deno.build.os !== "darwin";
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore, fn });

test("a wait ends with the event, and others go on", async () => {
  const poller = new Poller();
  const [first, second] = [createWakeUp(), createWakeUp()];
  const one = poller.wait(first.fd, POLL.POLLIN);
  const two = poller.wait(second.fd, POLL.POLLIN);
  second.signal();
  assert.equal(await two, POLL.POLLIN);
  first.signal();
  assert.equal(await one, POLL.POLLIN);
  first.close();
  second.close();
});

test("an aborted wait ends with the reason and lets the process go", async () => {
  const poller = new Poller();
  const never = createWakeUp();
  const controller = new AbortController();
  const waiting = assert.rejects(
    poller.wait(never.fd, POLL.POLLIN, controller),
    { name: "AbortError" },
  );
  controller.abort();
  await waiting;
  await assert.rejects(poller.wait(never.fd, POLL.POLLIN, controller), { name: "AbortError" });
  await poller.close(never.fd);
});

test("a hundred waits share one thread", async () => {
  const poller = new Poller();
  const all = Array.from({ length: 100 }, createWakeUp);
  const waits = all.map((each) => poller.wait(each.fd, POLL.POLLIN));
  for (const each of all.toReversed()) each.signal();
  assert.deepEqual(await Promise.all(waits), all.map(() => POLL.POLLIN));
  for (const each of all) each.close();
});

test("a descriptor that isn't open answers POLLNVAL", async () => {
  assert.equal(await new Poller().wait(999_999, POLL.POLLIN), POLL.POLLNVAL);
});
