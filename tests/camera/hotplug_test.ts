import assert from "node:assert/strict";
import { folderChanges } from "../../lib/camera/device_changes.ts";
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

Deno.test("a node that appears in the watched folder ends the wait", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const looked = Promise.withResolvers<void>();
    const waiting = waitForDevice(async () => {
      const found = await Deno.stat(`${folder}/video0`).then(() => true, () => undefined);
      looked.resolve();
      return found;
    }, { subsystem, lookAgainMs: 3_600_000, changes: () => folderChanges(folder) });
    await looked.promise;
    await Deno.writeTextFile(`${folder}/video0`, "");
    assert.equal(await waiting, true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a watched folder is left at the signal, and looked at again without a change", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const changes = () => folderChanges(folder);
    let looks = 0;
    const find = () => Promise.resolve(++looks === 3 ? looks : undefined);
    assert.equal(await waitForDevice(find, { subsystem, lookAgainMs: 5, changes }), 3);
    const controller = new AbortController();
    const options = { subsystem, lookAgainMs: 3_600_000, changes, signal: controller.signal };
    const waiting = waitForDevice(() => Promise.resolve(undefined), options);
    const rejected = assert.rejects(waiting, { name: "AbortError" });
    controller.abort();
    await rejected;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
