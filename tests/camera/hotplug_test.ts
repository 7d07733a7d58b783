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
