/**
 * The contract of `lib/media/codec.ts` as tests, run against every library and codec of this machine.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readPattern } from "../../lib/camera/pattern_code.ts";
import { TestPattern } from "../../lib/camera/test_pattern.ts";
import { isKeyFrame, streamInfo } from "../../lib/media/bitstream.ts";
import type { CodecLibrary, EncoderConfig, VideoEncoder } from "../../lib/media/codec.ts";
import type {
  EncodedFrame,
  PixelFormat,
  Plane,
  RawFrame,
  VideoCodec,
} from "../../lib/media/frame.ts";
import { ffprobe, noFfmpeg, run } from "../support/ffmpeg.ts";
import { requires } from "../support/requires.ts";

/** One library's encoder and decoder of one codec. */
export interface CodecSubject {
  /** The library. */
  library: CodecLibrary;
  /** The codec. */
  codec: VideoCodec;
  /** Why it can't be tested here. */
  missing?: string | undefined;
  /** Whether it encodes (default) or only decodes; `units` then come from another encoder. */
  encoderLibrary?: CodecLibrary;
  /** Most pictures its decoder holds back. */
  decoderDelay?: number;
  /** Whether its decoder shows damaged pictures without a word. */
  conceals?: boolean;
}

const FIRST_TIME = 1_700_000_000_000_000;

/** Pictures of the test pattern, each with a strip that says which one it is. */
export class Pictures {
  readonly #pattern: TestPattern;
  readonly #width: number;
  readonly #height: number;
  #sequence = 0;

  /** Odd sizes are cut out of the next even one. */
  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#pattern = new TestPattern(width + (width & 1), height + (height & 1));
  }

  /** The next one, in any layout. */
  next(format: PixelFormat = "I420"): RawFrame {
    const canvas = this.#pattern.createCanvas();
    const sequence = this.#sequence++;
    const captureTime = FIRST_TIME + sequence * 33_333;
    this.#pattern.paint(canvas, { sequence, captureTime });
    const width = this.#width, height = this.#height;
    const stride = width + (width & 1);
    const planes = layOut(
      format,
      [
        { data: canvas.y, stride },
        { data: canvas.u, stride: stride / 2 },
        { data: canvas.v, stride: stride / 2 },
      ],
      stride,
      height + (height & 1),
    );
    return { format, width, height, planes, captureTime, sequence, release: () => {} };
  }
}

/** An I420 picture of even size in another layout. */
function layOut(format: PixelFormat, planes: Plane[], width: number, height: number): Plane[] {
  const [y, u, v] = planes.map((plane) => plane.data) as [Uint8Array, Uint8Array, Uint8Array];
  switch (format) {
    case "NV12": {
      const chroma = new Uint8Array(width * height / 2);
      u.forEach((value, i) => chroma[2 * i] = value);
      v.forEach((value, i) => chroma[2 * i + 1] = value);
      return [planes[0]!, { data: chroma, stride: width }];
    }
    case "YUYV":
    case "UYVY": {
      const luma = format === "YUYV" ? 0 : 1;
      const packed = new Uint8Array(width * height * 2);
      for (let row = 0; row < height; row++) {
        for (let x = 0; x < width; x++) {
          const at = 2 * (row * width + x);
          const chroma = (row >> 1) * width / 2 + (x >> 1);
          packed[at + luma] = y[row * width + x]!;
          packed[at + 1 - luma] = (x & 1) === 0 ? u[chroma]! : v[chroma]!;
        }
      }
      return [{ data: packed, stride: width * 2 }];
    }
    case "GREY":
      return [planes[0]!];
    default:
      return planes;
  }
}

/** Pictures that no encoder can make small. */
function noise(width: number, height: number, seed: number): RawFrame {
  const data = new Uint8Array(width * height * 3 / 2);
  let state = seed * 2654435761 >>> 0 || 1;
  for (let i = 0; i < data.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    data[i] = 64 + (state >>> 25);
  }
  const chroma = width * height / 4;
  return {
    format: "I420",
    width,
    height,
    planes: [
      { data: data.subarray(0, width * height), stride: width },
      { data: data.subarray(width * height, width * height + chroma), stride: width / 2 },
      { data: data.subarray(width * height + chroma), stride: width / 2 },
    ],
    captureTime: FIRST_TIME + seed * 33_333,
    sequence: seed,
    release: () => {},
  };
}

function config(codec: VideoCodec, width = 320, height = 240): EncoderConfig {
  return { codec, width, height, fps: 30, bitrate: 1_000_000, quality: 80, gop: 30 };
}

/** Encodes that many pictures; `keys` are forced. */
async function encodeSome(
  encoder: VideoEncoder,
  pictures: Pictures,
  count: number,
  keys: readonly number[] = [],
): Promise<EncodedFrame[]> {
  const frames: EncodedFrame[] = [];
  for (let i = 0; i < count; i++) {
    frames.push(await encoder.encode(pictures.next(), { keyFrame: keys.includes(i) }));
  }
  return frames;
}

function join(frames: readonly EncodedFrame[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.data.length, 0));
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame.data, at);
    at += frame.data.length;
  }
  return bytes;
}

const FORMATS: Record<VideoCodec, string> = {
  h264: "h264",
  hevc: "hevc",
  av1: "obu",
  jpeg: "mjpeg",
};

/** Registers the encoder's half of the contract. */
export function testEncoder(subject: CodecSubject): void {
  const { library, codec } = subject;
  const name = `${library.name} ${codec}`;
  const open = requires(subject.missing);
  const evenly = codec !== "jpeg";

  Deno.test(
    `${name}: one picture in, one chunk out, with the picture's time and number`,
    open,
    async () => {
      await using encoder = await library.createEncoder(config(codec));
      const pictures = new Pictures(320, 240);
      for (let i = 0; i < 8; i++) {
        const picture = pictures.next();
        const frame = await encoder.encode(picture);
        assert.equal(frame.codec, codec);
        assert.equal(frame.sequence, picture.sequence);
        assert.equal(frame.captureTime, picture.captureTime);
        assert.equal(frame.data.byteLength, frame.data.buffer.byteLength, "owns its whole buffer");
        assert.equal(frame.key, isKeyFrame(codec, frame.data));
        if (i === 0) assert.ok(frame.key, "begins with a key frame");
      }
    },
  );

  Deno.test(
    `${name}: a forced key frame is that very picture, with parameter sets in front`,
    open,
    async () => {
      await using encoder = await library.createEncoder(config(codec));
      const frames = await encodeSome(encoder, new Pictures(320, 240), 9, [4, 7]);
      for (const at of [0, 4, 7]) assert.ok(frames[at]!.key, `picture ${at}`);
      if (evenly) assert.ok(!frames[5]!.key && !frames[8]!.key, "others are not");
      for (const frame of frames.filter((each) => each.key)) {
        const { width, height } = streamInfo(codec, frame.data);
        assert.deepEqual({ width, height }, { width: 320, height: 240 });
      }
    },
  );

  Deno.test(`${name}: key frames are at most the configured distance apart`, open, async () => {
    await using encoder = await library.createEncoder({ ...config(codec), gop: 5 });
    const frames = await encodeSome(encoder, new Pictures(320, 240), 16);
    let since = 0;
    for (const frame of frames) {
      since = frame.key ? 0 : since + 1;
      assert.ok(since < 5);
    }
  });

  Deno.test(
    `${name}: ffprobe decodes every picture and finds no B frames`,
    requires(subject.missing, noFfmpeg),
    async () => {
      await using encoder = await library.createEncoder(config(codec));
      const frames = await encodeSome(encoder, new Pictures(320, 240), 20, [10]);
      const file = await Deno.makeTempFile({ suffix: `.${codec}` });
      try {
        await Deno.writeFile(file, join(frames));
        const probe = await ffprobe(file, ["-f", FORMATS[codec]]);
        assert.equal(probe.frames, 20);
        assert.deepEqual([probe.width, probe.height], [320, 240]);
        assert.equal(probe.errors, "");
        const types = await run("ffprobe", [
          ..."-loglevel error -show_entries frame=pict_type -of csv=p=0".split(" "),
          ...["-f", FORMATS[codec], file],
        ]);
        assert.doesNotMatch(new TextDecoder().decode(types.stdout), /B/);
      } finally {
        await Deno.remove(file);
      }
    },
  );

  Deno.test(
    `${name}: other sizes and layouts come out as sent, odd ones less a row and column`,
    open,
    async () => {
      const sizes = [[160, 120], [641, 359], [1920, 1080]] as const;
      for (const [width, height] of sizes) {
        await using encoder = await library.createEncoder(config(codec, width, height));
        const frame = await encoder.encode(new Pictures(width, height).next());
        const expected = evenly ? [width & ~1, height & ~1] : [width, height];
        const info = streamInfo(codec, frame.data);
        assert.deepEqual([frame.width, frame.height], expected);
        assert.deepEqual([info.width, info.height], expected);
      }
    },
  );

  Deno.test(`${name}: follows a picture of another size with a key frame`, open, async () => {
    await using encoder = await library.createEncoder(config(codec));
    await encodeSome(encoder, new Pictures(320, 240), 2);
    const frame = await encoder.encode(new Pictures(480, 272).next());
    assert.ok(frame.key);
    const { width, height } = streamInfo(codec, frame.data);
    assert.deepEqual([width, height], [480, 272]);
  });

  if (evenly) {
    Deno.test(`${name}: a new bit rate holds from the next picture on`, open, async () => {
      await using encoder = await library.createEncoder({
        ...config(codec),
        bitrate: 3_000_000,
        gop: 600,
      });
      const size = async (first: number) => {
        let bytes = 0;
        for (let i = 0; i < 30; i++) {
          const frame = await encoder.encode(noise(320, 240, first + i));
          // The first ten let the rate control settle.
          if (i >= 10) bytes += frame.data.length;
        }
        return bytes;
      };
      const before = await size(0);
      encoder.bitrate = 500_000;
      assert.equal(encoder.bitrate, 500_000);
      const after = await size(30);
      assert.ok(after < before * 0.6, `${before} bytes before, ${after} after`);
      assert.throws(() => encoder.bitrate = 0, RangeError);
    });
  }

  Deno.test(
    `${name}: a second call while one is pending is a mistake; closing ends with an AbortError`,
    open,
    async () => {
      const encoder = await library.createEncoder(config(codec));
      const pictures = new Pictures(320, 240);
      const first = encoder.encode(pictures.next());
      const second = encoder.encode(pictures.next());
      if (encoder.name !== "embedded jpeg") await assert.rejects(second, TypeError);
      else await second;
      await first;
      const last = encoder.encode(pictures.next()).catch((error) => error);
      const closing = encoder.close();
      const result = await last;
      if (encoder.name !== "embedded jpeg") assert.equal(result.name, "AbortError");
      await closing;
      await encoder.close();
      await assert.rejects(encoder.encode(pictures.next()), { name: "AbortError" });
    },
  );
}

/** Registers the decoder's half. */
export function testDecoder(subject: CodecSubject): void {
  const { library, codec, encoderLibrary = library, decoderDelay = 0 } = subject;
  const name = `${library.name} ${codec} decoder`;
  const open = requires(subject.missing);

  Deno.test(`${name}: every picture is the one that was encoded`, open, async () => {
    for (const format of ["I420", "NV12", "YUYV", "UYVY", "GREY"] as const) {
      await using encoder = await encoderLibrary.createEncoder({
        ...config(codec, 640, 360),
        format,
      });
      await using decoder = await library.createDecoder(codec);
      const pictures = new Pictures(640, 360);
      let seen = 0;
      for (let i = 0; i < 10; i++) {
        const frame = await encoder.encode(pictures.next(format));
        const raw = await decoder.decode(frame);
        if (raw === undefined) continue;
        seen++;
        assert.deepEqual([raw.format, raw.width, raw.height], ["I420", 640, 360]);
        const luma = raw.planes[0]!;
        const reading = readPattern(luma.data, 640, 360, luma.stride);
        assert.deepEqual(reading, { sequence: raw.sequence, captureTime: raw.captureTime }, format);
        assert.ok(i - raw.sequence <= decoderDelay, "no later than the decoder says");
        raw.release();
        raw.release();
      }
      assert.ok(seen >= 10 - decoderDelay, `${seen} pictures of ${format}`);
      assert.equal(decoder.corrupt, 0);
    }
  });

  Deno.test(`${name}: colours and range survive`, open, async () => {
    await using encoder = await encoderLibrary.createEncoder(config(codec));
    await using decoder = await library.createDecoder(codec);
    const flat = (value: number, size: number) => new Uint8Array(size).fill(value);
    for (let i = 0; i <= decoderDelay + 1; i++) {
      const raw = await decoder.decode(
        await encoder.encode({
          format: "I420",
          width: 320,
          height: 240,
          planes: [
            { data: flat(81, 320 * 240), stride: 320 },
            { data: flat(90, 160 * 120), stride: 160 },
            { data: flat(200, 160 * 120), stride: 160 },
          ],
          captureTime: FIRST_TIME,
          sequence: i,
          release: () => {},
        }),
      );
      if (raw === undefined) continue;
      const at = (plane: number) => raw.planes[plane]!.data[60 * raw.planes[plane]!.stride + 60]!;
      const sent = raw.fullRange === true
        ? [(81 - 16) * 255 / 219, (90 - 128) * 255 / 224 + 128, (200 - 128) * 255 / 224 + 128]
        : [81, 90, 200];
      assert.equal(raw.fullRange === true, codec === "jpeg");
      sent.forEach((value, plane) => {
        assert.ok(Math.abs(at(plane) - value) <= 4, `plane ${plane}: ${at(plane)}, not ${value}`);
      });
      raw.release();
    }
  });

  Deno.test(
    `${name}: begins at a key frame, and again after one that is broken`,
    open,
    async () => {
      await using encoder = await encoderLibrary.createEncoder({ ...config(codec), gop: 600 });
      await using decoder = await library.createDecoder(codec);
      const frames = await encodeSome(encoder, new Pictures(320, 240), 30, [15]);
      if (codec !== "jpeg") assert.equal(await decoder.decode(frames[3]!), undefined);
      for (const frame of frames.slice(0, 6)) (await decoder.decode(frame))?.release();
      const broken = {
        ...frames[6]!,
        data: frames[6]!.data.map((byte, i) => i > 8 ? byte ^ 0x5a : byte),
      };
      (await decoder.decode(broken))?.release();
      let last: RawFrame | undefined;
      for (const frame of frames.slice(15)) {
        last?.release();
        last = await decoder.decode(frame);
      }
      const luma = last!.planes[0]!;
      const reading = readPattern(luma.data, 320, 240, luma.stride);
      assert.ok(reading !== undefined && reading.sequence >= 29 - decoderDelay);
      last!.release();
    },
  );

  Deno.test(
    `${name}: units cut short or scrambled anywhere never take the process down`,
    open,
    async () => {
      await using encoder = await encoderLibrary.createEncoder(config(codec, 160, 120));
      const frames = await encodeSome(encoder, new Pictures(160, 120), 4);
      await using decoder = await library.createDecoder(codec);
      let state = 12345;
      const random = (below: number) =>
        (state = Math.imul(state, 1103515245) + 12345 >>> 0) % below;
      for (let i = 0; i < 300; i++) {
        const frame = frames[i % frames.length]!;
        const whole = i % 3 === 0;
        const data = frame.data.slice(0, whole ? undefined : 1 + random(frame.data.length));
        // The end stays as it is: a JPEG without one is not even tried.
        for (let n = 0; whole && n < 5; n++) data[random(data.length - 2)] = random(256);
        try {
          (await decoder.decode({ ...frame, data, key: i % 2 === 0 }))?.release();
        } catch (error) {
          assert.fail(`unit ${i}: ${error}`);
        }
      }
      if (subject.conceals !== true) assert.ok(decoder.corrupt > 0);
    },
  );

  Deno.test(`${name}: closes twice, and takes nothing afterwards`, open, async () => {
    await using encoder = await encoderLibrary.createEncoder(config(codec));
    const [frame] = await encodeSome(encoder, new Pictures(320, 240), 1);
    const decoder = await library.createDecoder(codec);
    const kept = await decoder.decode(frame!);
    await decoder.close();
    await decoder.close();
    await assert.rejects(decoder.decode(frame!), { name: "AbortError" });
    kept?.release();
  });
}
