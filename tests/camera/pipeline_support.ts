/**
 * What the tests of the pipeline share.
 *
 * @module
 */
import {
  createPipeline,
  type PipelineConfig,
  type PipelineEvent,
} from "../../lib/camera/pipeline.ts";
import { PipelineCore } from "../../lib/camera/pipeline_core.ts";
import { openDecoder, openEncoder } from "../../lib/media/auto.ts";
import type { EncoderConfig, VideoEncoder } from "../../lib/media/codec.ts";
import { embedded } from "../../lib/media/embedded.ts";
import type { EncodedFrame, RawFrame } from "../../lib/media/frame.ts";
import { Pictures } from "../compliance/codec.ts";
import { FakeCamera } from "./fake_camera.ts";

export const CONFIG: PipelineConfig = {
  camera: "test",
  codec: "h264",
  encoder: "auto",
  width: 320,
  height: 240,
  fps: 30,
  quality: 80,
  bitrate: 1_000_000,
  gop: 30,
  controls: {},
};

export const noH264 = await openEncoder("auto", { ...CONFIG, codec: "h264", width: 64, height: 64 })
  .then(
    async (encoder) => void await encoder.close(),
    (error: Error) => error.message,
  );

/** Collects what a pipeline gives, and waits for it. */
export class Sink {
  readonly frames: EncodedFrame[] = [];
  readonly events: PipelineEvent[] = [];
  #waiting: { ready: () => boolean; resolve: () => void }[] = [];

  constructor(pipeline: PipelineCore | ReturnType<typeof createPipeline>) {
    pipeline.onFrame = (frame) => {
      this.frames.push(frame);
      this.#check();
    };
    pipeline.onEvent = (event) => {
      this.events.push(event);
      this.#check();
    };
  }

  until(ready: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ ready, resolve });
    this.#check();
    return promise;
  }

  count(frames: number): Promise<void> {
    return this.until(() => this.frames.length >= frames);
  }

  #check(): void {
    this.#waiting = this.#waiting.filter(({ ready, resolve }) => {
      if (!ready()) return true;
      resolve();
      return false;
    });
  }
}

export function coreOf(camera: FakeCamera, config: Partial<PipelineConfig> = {}, openers?: {
  openEncoder: typeof openEncoder;
  openDecoder: typeof openDecoder;
}): PipelineCore {
  return new PipelineCore({ ...CONFIG, camera: "fake", ...config }, {
    find: () => Promise.resolve({ driver: camera, info: camera.info() }),
    ...(openers === undefined ? {} : { openers }),
  });
}

export async function jpegs(count: number): Promise<Uint8Array[]> {
  await using encoder = await embedded.createEncoder({
    ...CONFIG,
    codec: "jpeg",
    width: 320,
    height: 240,
  });
  const pictures = new Pictures(320, 240);
  const made: Uint8Array[] = [];
  for (let i = 0; i < count; i++) made.push((await encoder.encode(pictures.next())).data);
  return made;
}

/** An encoder that a test holds the strings of. */
export function puppet(name: string) {
  const calls: { frame: RawFrame; keyFrame: boolean; done: PromiseWithResolvers<void> }[] = [];
  let arrived = Promise.withResolvers<void>();
  const state = { config: undefined as EncoderConfig | undefined, closed: false, bitrate: 0 };
  const encoder: VideoEncoder = {
    name,
    get bitrate() {
      return state.bitrate;
    },
    set bitrate(value) {
      state.bitrate = value;
    },
    async encode(frame, options) {
      const done = Promise.withResolvers<void>();
      calls.push({ frame, keyFrame: options?.keyFrame === true, done });
      arrived.resolve();
      arrived = Promise.withResolvers<void>();
      await done.promise;
      const { width, height, captureTime, sequence } = frame;
      const key = options?.keyFrame === true;
      return { codec: "h264", data: new Uint8Array(8), key, width, height, captureTime, sequence };
    },
    close() {
      state.closed = true;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
  return { encoder, calls, state, arrival: () => arrived.promise };
}
