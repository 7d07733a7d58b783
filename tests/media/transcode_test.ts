import assert from "node:assert/strict";
import { LostError, UnsupportedError } from "../../lib/errors.ts";
import { Fanout } from "../../lib/media/fanout.ts";
import type { EncodedFrame, VideoCodec } from "../../lib/media/frame.ts";
import { type Codecs, nextFrame, TranscodedFeed } from "../../lib/media/transcode.ts";
import { frame, frames } from "./frames.ts";

/** Codecs that count what is made, and mark frames as theirs. */
class CountingCodecs implements Codecs {
  decoders = 0;
  encoders: string[] = [];
  open = 0;
  pictures = 0;
  keyFrames = 0;

  createDecoder() {
    this.decoders++;
    this.open++;
    const close = () => Promise.resolve(void this.open--);
    return Promise.resolve({
      name: "counting",
      corrupt: 0,
      decode: ({ width, height, captureTime, sequence }: EncodedFrame) => {
        this.pictures++;
        const release = () => void this.pictures--;
        const format = "I420" as const;
        return Promise.resolve({
          format,
          width,
          height,
          planes: [],
          captureTime,
          sequence,
          release,
        });
      },
      close,
      [Symbol.asyncDispose]: close,
    });
  }

  createEncoder({ codec, width, height }: { codec: VideoCodec; width: number; height: number }) {
    this.encoders.push(`${codec} ${width}`);
    this.open++;
    let first = true;
    const close = () => Promise.resolve(void this.open--);
    return Promise.resolve({
      name: "counting",
      bitrate: 0,
      encode: (_picture: unknown, options?: { keyFrame?: boolean }) => {
        const key = first || codec === "jpeg" || options?.keyFrame === true;
        if (options?.keyFrame) this.keyFrames++;
        first = false;
        return Promise.resolve(frame(99, key, { codec, width, height, captureTime: 1 }));
      },
      close,
      [Symbol.asyncDispose]: close,
    });
  }
}

function source(codec: VideoCodec): Fanout {
  const fanout = new Fanout();
  fanout.setDescription({ codec, width: 640, height: 480, fps: 30, encoder: "device" });
  return fanout;
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

Deno.test("transcoding happens once for all readers, and only while there are any", async () => {
  const fanout = source("h264");
  const codecs = new CountingCodecs();
  const feed = new TranscodedFeed(fanout, { codec: "jpeg" }, codecs);
  assert.deepEqual([fanout.stats().readers, codecs.open], [0, 0]);
  const a = feed.subscribe(), b = feed.subscribe();
  assert.equal(fanout.stats().readers, 1);
  const both = [a.next(), b.next()];
  fanout.push(frame(5, true));
  const [x, y] = await Promise.all(both);
  assert.equal(x!.value, y!.value);
  assert.deepEqual(
    [x!.value!.codec, x!.value!.sequence, x!.value!.captureTime],
    ["jpeg", 5, frame(5, true).captureTime],
    "number and time are the camera's",
  );
  assert.deepEqual([codecs.decoders, codecs.encoders, codecs.pictures], [1, ["jpeg 640"], 0]);
  a[Symbol.dispose]();
  b[Symbol.dispose]();
  await turn();
  assert.deepEqual([fanout.stats().readers, codecs.open], [0, 0]);
});

Deno.test("frames in the wanted codec pass through untouched, without any codec library", async () => {
  const fanout = source("h264");
  const feed = new TranscodedFeed(fanout, { codec: "h264" });
  await feed.check();
  const reader = feed.subscribe();
  const [key] = frames("K");
  const next = reader.next();
  fanout.push(key!);
  assert.equal((await next).value, key);
  assert.deepEqual(await feed.description(), await fanout.description());
  reader[Symbol.dispose]();
});

Deno.test("a key frame asked for is made by the encoder", async () => {
  const fanout = source("jpeg");
  const codecs = new CountingCodecs();
  const feed = new TranscodedFeed(fanout, { codec: "h264" }, codecs);
  using reader = feed.subscribe();
  const play = async (n: number) => {
    const next = reader.next();
    fanout.push(frame(n, true, { codec: "jpeg" }));
    return (await next).value!.key;
  };
  assert.deepEqual([await play(0), await play(1)], [true, false]);
  using _late = feed.subscribe();
  // The rate limit lets it through with the first frame after half a second.
  for (let n = 2; codecs.keyFrames < 2; n++) {
    await play(n);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

Deno.test("decoder and encoder follow the source's size", async () => {
  const fanout = source("h264");
  const codecs = new CountingCodecs();
  const feed = new TranscodedFeed(fanout, { codec: "jpeg" }, codecs);
  using reader = feed.subscribe();
  for (const [n, width] of [640, 640, 320].entries()) {
    const next = reader.next();
    fanout.push(frame(n, true, { width }));
    assert.equal((await next).value!.width, width);
  }
  assert.deepEqual([codecs.decoders, codecs.encoders], [1, ["jpeg 640", "jpeg 320"]]);
});

Deno.test("without a codec library the feed ends with the reason", async () => {
  const feed = new TranscodedFeed(source("h264"), { codec: "jpeg" });
  await assert.rejects(feed.check(), UnsupportedError);
  assert.equal(feed.state.state, "ended");
  assert.ok(feed.failure instanceof UnsupportedError);
  await assert.rejects(nextFrame(feed), UnsupportedError);
  const fanout = source("h264");
  const unchecked = new TranscodedFeed(fanout, { codec: "jpeg" });
  const next = nextFrame(unchecked);
  fanout.push(frame(0, true));
  await assert.rejects(next, UnsupportedError);
});

Deno.test("the source's loss, return and end show through", async () => {
  const fanout = source("h264");
  const feed = new TranscodedFeed(fanout, { codec: "jpeg" }, new CountingCodecs());
  const states: string[] = [];
  feed.onState(({ state }) => states.push(state));
  const next = nextFrame(feed);
  fanout.setState({ state: "lost", reason: "unplugged" });
  fanout.setState({ state: "live" });
  fanout.setState({ state: "ended", reason: "sold" });
  await assert.rejects(next, (error) => error instanceof LostError && error.message === "sold");
  assert.deepEqual(states, ["lost", "live", "ended"]);
});
