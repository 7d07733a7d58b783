/** The main job on a machine without Rust: by the prebuilt addon, on both sides. */
import assert from "node:assert/strict";
import { loadAddon } from "../../lib/transport/addon_loader.ts";
import { noFfmpeg } from "../support/ffmpeg.ts";
import { assertInOrder, readPictures } from "../support/pattern.ts";
import { requires } from "../support/requires.ts";
import { camera, receive, SIZE } from "../support/served_camera.ts";
import { BINARY } from "../support/xoq.ts";

const env = { XOQ_QUIC: "addon" };

/** An executable has the QUIC library inside, and no need of the addon. */
if (BINARY === undefined) {
  Deno.test({
    name: "without the QUIC library a camera is served and opened by the addon",
    ...requires(noFfmpeg, noAddon()),
    fn: async () => {
      await using server = await camera(["--h264"], { env });
      const { bytes, pictures } = await receive(server.ticket, "h264", 60, { env });
      const read = await readPictures(bytes, SIZE, "h264");
      assert(read.length >= pictures * 0.8, `${read.length} of ${pictures} pictures decode`);
      assertInOrder(read);
      // Longer than the address is looked at.
      await server.xoq.until("stats", { after: server.xoq.events.length });
      assert.equal(await server.xoq.interrupt(), 130);
    },
  });
}

function noAddon(): string | undefined {
  try {
    loadAddon();
    return undefined;
  } catch (error) {
    return String(error);
  }
}
