import { waitForDevice } from "../../lib/camera/hotplug.ts";
import { inLab, platformDevice } from "./support.ts";

const NODE = "/dev/video0";

Deno.test({
  name: "the kernel's event ends the wait for a device, without looking now and then",
  ignore: !inLab,
  fn: async () => {
    const vivid = platformDevice("vivid", "vivid.0");
    await vivid.remove();
    const looked = Promise.withResolvers<void>();
    const waiting = waitForDevice(async () => {
      const found = await Deno.stat(NODE).then(() => true, () => undefined);
      looked.resolve();
      return found;
    }, { subsystem: "video4linux", lookAgainMs: 3_600_000 });
    await looked.promise;
    await vivid.restore();
    await waiting;
  },
});
