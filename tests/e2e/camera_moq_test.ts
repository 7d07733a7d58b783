import assert from "node:assert/strict";
import { decodeMoqVideo } from "../../lib/camera/moq_wire.ts";
import { acceptLite } from "../../lib/moqt/lite/mod.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import type { IncomingSession, Listener } from "../../lib/transport/direct.ts";
import { noFfmpeg } from "../support/ffmpeg.ts";
import { within } from "../support/process.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { camera } from "../support/served_camera.ts";
import { xoq } from "../support/xoq.ts";

const PATH = "anon/camera-test";

async function listen(): Promise<Listener> {
  return await directTransport.listen({ address: "127.0.0.1:0", alpns: ["moql"] });
}

/** The next visitor of a listener. */
async function visitor(listener: Listener): Promise<IncomingSession> {
  const reader = listener.incoming.getReader();
  try {
    const { value } = await within(reader.read(), 10_000, () => "the camera's visit");
    return value!;
  } finally {
    reader.releaseLock();
  }
}

/** Plays the relay to one visitor: takes two groups of the track, gives their first frames. */
async function watch(incoming: IncomingSession, path: string): Promise<Uint8Array[]> {
  await using session = await acceptLite(await incoming.accept(incoming.protocols[0]));
  for await (const news of session.announced()) if (news.path === path && news.active) break;
  const frames: Uint8Array[] = [];
  for await (const group of session.subscribe(path, "video").groups()) {
    for await (const frame of group) {
      frames.push(frame);
      break;
    }
    if (frames.length === 2) break;
  }
  return frames;
}

Deno.test({
  name: "xoq camera --moq publishes over WebTransport and QUIC, and comes back to its relay",
  ...requires(whyNoNativeQuic(), noFfmpeg),
  async fn() {
    for (const scheme of ["https", "moqt"]) {
      await using listener = await listen();
      const { address } = listener;
      await using served = await camera([
        ...["--h264", "--gop", "10", `--moq=${PATH}`, "--moq-relay", `${scheme}://${address}`],
        "--insecure",
      ]);
      // The relay lets go of it, and finds it there again.
      for (let time = 0; time < 2; time++) {
        const incoming = await visitor(listener);
        assert.deepEqual(incoming.protocols, ["moql"]);
        if (scheme === "https") assert.equal(incoming.path, `/${PATH}`);
        const announced = scheme === "https" ? "" : PATH;
        const frames = await within(watch(incoming, announced), 20_000, () => "two groups");
        for (const payload of frames) {
          const { data, stampMs } = decodeMoqVideo(payload);
          assert.equal(new TextDecoder().decode(data.subarray(4, 8)), "ftyp");
          assert.ok(Math.abs(Date.now() - stampMs) < 20_000);
        }
        const { path, relay } = await served.xoq.until("moq", {
          where: ({ state }) => state === "published",
        });
        assert.deepEqual({ path, relay }, { path: PATH, relay: `${scheme}://${address}` });
        await served.xoq.until("moq", { where: ({ state }) => state === "lost" });
      }
    }
  },
});

Deno.test({
  name: "xoq camera --moq says why a relay's certificate is not taken",
  ...requires(whyNoNativeQuic(), noFfmpeg),
  async fn() {
    await using listener = await listen();
    await using served = await camera([
      ...["--h264", "--moq", "--moq-relay", `https://${listener.address}`],
    ]);
    const lost = await served.xoq.until("moq", { where: ({ state }) => state === "lost" });
    assert.equal(lost["path"], "anon/camera-test");
    assert.match(String(lost["reason"]), /certificate/i);
  },
});

Deno.test("xoq camera --moq without a relay, or with none that is one, ends at once", async () => {
  for (
    const [args, message] of [
      [["--moq"], /--moq wants a relay/],
      [["--moq", "--moq-relay", "relay.example"], /no address of a MoQ relay/],
      [["--moq=/", "--moq-relay", "https://relay.example"], /a path is wanted/],
    ] as const
  ) {
    await using command = xoq(["camera", "test", ...args, "--json"]);
    const error = await command.until("error");
    assert.equal(error["code"], "usage");
    assert.match(String(error["message"]), message);
    assert.equal((await command.exit()).code, 2);
  }
});
