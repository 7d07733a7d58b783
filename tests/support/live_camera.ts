/** The test camera, encoded on this machine, as a feed: what a page or a peer sees has the time in it. */
import { autoCodecs } from "../../lib/camera/sinks/sink.ts";
import { TestCameraDriver } from "../../lib/camera/test_camera.ts";
import { Fanout } from "../../lib/media/fanout.ts";
import type { VideoCodec } from "../../lib/media/frame.ts";

/** Why the test camera can't be encoded to this codec here, or `undefined`. */
export async function noEncoder(codec: VideoCodec): Promise<string | undefined> {
  try {
    const encoder = await autoCodecs.createEncoder({ codec, ...SIZE, ...RATE });
    await encoder.close();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const SIZE = { width: 640, height: 360 };
const RATE = { fps: 30, bitrate: 2_000_000, quality: 80, gop: 60 };

/** Runs until it is disposed. */
export async function liveCamera(
  codec: VideoCodec,
): Promise<{ feed: Fanout } & AsyncDisposable> {
  const driver = new TestCameraDriver();
  const camera = await driver.open(driver.info(), { formats: ["I420"], ...SIZE, fps: 30 });
  const encoder = await autoCodecs.createEncoder({ codec, ...SIZE, ...RATE });
  let keyFrame = false;
  const feed = new Fanout({ onKeyFrameWanted: () => void (keyFrame = true) });
  feed.setDescription({ codec, ...SIZE, fps: 30, encoder: encoder.name });
  const running = (async () => {
    for (;;) {
      const picture = await camera.next();
      if (!("planes" in picture)) throw new TypeError("the test camera gives raw pictures");
      const wanted = keyFrame;
      keyFrame = false;
      const frame = await encoder.encode(picture, { keyFrame: wanted });
      picture.release();
      feed.push(frame);
    }
  })();
  running.catch(() => {});
  return {
    feed,
    async [Symbol.asyncDispose]() {
      await camera.close();
      await running.catch(() => {});
      await encoder.close();
      feed.setState({ state: "ended", reason: "the test is over" });
    },
  };
}
