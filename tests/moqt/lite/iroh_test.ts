import assert from "node:assert/strict";
import {
  acceptLite,
  connectLite,
  LiteBroadcast,
  LiteStreamError,
} from "../../../lib/moqt/lite/mod.ts";
import { IrohEndpoint } from "../../../lib/transport/iroh.ts";
import { whyNoNativeQuic } from "../../support/quic.ts";
import { requires } from "../../support/requires.ts";

Deno.test({
  name: "moq-lite: tracks, resets and refusals go over iroh",
  ...requires(whyNoNativeQuic()),
  async fn() {
    const local = { relay: "none", bind: "127.0.0.1", protocols: ["moql"] };
    await using a = await IrohEndpoint.bind(local);
    await using b = await IrohEndpoint.bind(local);
    const incoming = b.incoming.getReader();
    const [ours, { value: theirs }] = await Promise.all([
      a.connect(b.address(), "moql"),
      incoming.read(),
    ]);
    const [client, server] = await Promise.all([connectLite(ours), acceptLite(theirs!)]);
    const broadcast = new LiteBroadcast();
    const track = broadcast.track("video");
    server.publish("cam", broadcast);
    const heard = client.announced();
    await heard.ready;
    assert.deepEqual([...heard.active], ["cam"]);

    const payload = crypto.getRandomValues(new Uint8Array(3000));
    const subscription = client.subscribe("cam", "video");
    await subscription.ready;
    const frames: Uint8Array[] = [];
    const received = (async () => {
      for await (const group of subscription.groups()) frames.push(...await Array.fromAsync(group));
    })();
    for (let group = 0; group < 50; group++) {
      track.startGroup();
      for (let frame = 0; frame < 4; frame++) track.write(payload);
      await track.drained();
    }
    await track.end();
    await received;
    assert.equal(frames.length, 200);
    for (const frame of frames) assert.deepEqual(frame, payload);

    await assert.rejects(client.subscribe("cam", "none").ready, { reset: "not-found" });

    const late = broadcast.track("late", { lateGroups: 0 });
    const slow = client.subscribe("cam", "late");
    await slow.ready;
    late.startGroup();
    late.write(payload);
    const groups = slow.groups();
    const first = (await groups.next()).value!;
    late.write(new Uint8Array(8 << 20));
    late.startGroup();
    await assert.rejects(
      () => Array.fromAsync(first),
      (error) => error instanceof LiteStreamError && error.reset === "old",
    );
    await groups.return();
    await client.close();
    assert.equal((await server.closed).closeCode, 0);
  },
});
