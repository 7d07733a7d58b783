import assert from "node:assert/strict";
import { waitForDevice } from "../../lib/camera/hotplug.ts";

const ignore = Deno.build.os !== "linux";
const subsystem = "video4linux";

Deno.test({
  name: "what is here is found at once",
  ignore,
  fn: async () => {
    assert.equal(await waitForDevice(() => Promise.resolve(42), { subsystem }), 42);
  },
});

for (const delay of [0, 20]) {
  Deno.test({
    name: `a wait is ended by the signal ${delay === 0 ? "during the first look" : "later"}`,
    ignore,
    fn: async () => {
      const controller = new AbortController();
      const options = { subsystem, signal: controller.signal };
      const waiting = assert.rejects(
        waitForDevice(() => Promise.resolve(undefined), options),
        { name: "AbortError" },
      );
      await new Promise((resolve) => setTimeout(resolve, delay));
      controller.abort();
      await waiting;
    },
  });
}

Deno.test({
  name: "without an event it looks again after a while",
  ignore,
  fn: async () => {
    let looks = 0;
    const found = await waitForDevice(
      () => Promise.resolve(++looks === 3 ? looks : undefined),
      { subsystem, lookAgainMs: 5 },
    );
    assert.equal(found, 3);
  },
});
