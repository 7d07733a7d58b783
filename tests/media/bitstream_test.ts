import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../../lib/errors.ts";
import { splitNalUnits } from "../../lib/media/annexb.ts";
import { OBU, parseAv1Sequence, splitObus } from "../../lib/media/av1.ts";
import { frameSize, isKeyFrame, streamInfo, toSample } from "../../lib/media/bitstream.ts";
import { VIDEO_CODECS, type VideoCodec } from "../../lib/media/frame.ts";
import { parseH264Sps } from "../../lib/media/h264.ts";
import { parseHevcSps } from "../../lib/media/hevc.ts";
import { endsWithEoi, isWholeJpeg, parseJpegInfo } from "../../lib/media/jpeg_info.ts";
import { noFfmpeg, testStream } from "../support/ffmpeg.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(noFfmpeg);

const hex = (text: string) => Uint8Array.from(text.match(/../g)!.map((b) => parseInt(b, 16)));

/** Sequence parameter sets of encoders and cameras, and what they mean. */
const H264_SPS: [
  string,
  string,
  { width: number; height: number; profile: number; level: number },
][] = [
  [
    "x264 baseline 640×480",
    "6742c01eda0280f6c0440000030004000003 00f03c58ba80".replaceAll(" ", ""),
    { width: 640, height: 480, profile: 66, level: 30 },
  ],
  ["x264 high 1920×1080, cropped", "67640028acd940780227e5c044000003000400000300f03c60c658", {
    width: 1920,
    height: 1080,
    profile: 100,
    level: 40,
  }],
];

Deno.test("H.264 sequence parameter sets give size, profile and level", () => {
  for (const [name, text, expected] of H264_SPS) {
    const { width, height, profile, level } = parseH264Sps(hex(text));
    assert.deepEqual({ width, height, profile, level }, expected, name);
  }
});

const SIZES = [[320, 240], [642, 358], [1920, 1080]] as const;

for (const codec of VIDEO_CODECS) {
  for (const [width, height] of codec === "av1" ? SIZES.slice(0, 2) : SIZES) {
    Deno.test({
      name: `${codec} at ${width}×${height} as ffmpeg encodes it is recognised`,
      ignore,
      fn: async () => {
        const frames = await testStream({ codec, width, height, frames: 7, gop: 3 });
        assert.equal(frames.length, 7);
        assert.deepEqual(
          frames.map((f) => isKeyFrame(codec, f.data)),
          codec === "jpeg" ? Array(7).fill(true) : [true, false, false, true, false, false, true],
        );
        const info = streamInfo(codec, frames[0]!.data);
        assert.deepEqual([info.width, info.height], [width, height]);
        assert.deepEqual(frameSize(codec, frames[0]!.data), { width, height });
        assert.match(
          info.codecString,
          {
            h264: /^avc1\.42c0[0-9a-f]{2}$/,
            hevc: /^hvc1\.1\.6\.L\d+\.[0-9A-F.]+$/,
            av1: /^av01\.0\.\d{2}M\.08$/,
            jpeg: /^mjpeg$/,
          }[codec],
        );
      },
    });
  }

  Deno.test({
    name: `every ${codec} key frame cut short gives the same clean error, or its headers`,
    ignore,
    fn: async () => {
      const [frame] = await testStream({ codec, width: 64, height: 64, frames: 1 });
      const whole = streamInfo(codec, frame!.data);
      for (let end = 0; end < frame!.data.length; end++) {
        const cut = frame!.data.subarray(0, end);
        isKeyFrame(codec, cut);
        frameSize(codec, cut);
        try {
          const info = streamInfo(codec, cut);
          assert.deepEqual([info.width, info.height], [whole.width, whole.height]);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, `${end}: ${error}`);
        }
      }
    },
  });

  Deno.test({
    name: `a broken ${codec} key frame gives a ProtocolError or an answer, never anything else`,
    ignore,
    fn: async () => {
      const [frame] = await testStream({ codec, width: 64, height: 64, frames: 1 });
      const length = Math.min(frame!.data.length, 300);
      const flips = fc.array(fc.tuple(fc.nat(length - 1), fc.nat(255)), {
        minLength: 1,
        maxLength: 8,
      });
      fc.assert(fc.property(flips, (changes) => parsesOrRefuses(codec, frame!.data, changes)), {
        numRuns: 3000,
      });
    },
  });
}

function parsesOrRefuses(codec: VideoCodec, data: Uint8Array, changes: [number, number][]): void {
  const broken = data.slice();
  for (const [at, value] of changes) broken[at] = value;
  isKeyFrame(codec, broken);
  frameSize(codec, broken);
  for (const parse of [streamInfo, toSample]) {
    try {
      parse(codec, broken);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }
}

Deno.test("noise gives a ProtocolError from every parser", () => {
  const parsers = [parseH264Sps, parseHevcSps, parseAv1Sequence, splitObus, parseJpegInfo];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
      for (const first of [0x67, 0x42, 0x0a, 0xff, undefined]) {
        const data = first === undefined ? noise : Uint8Array.of(first, ...noise);
        for (const parse of parsers) {
          try {
            parse(data);
          } catch (error) {
            assert.ok(error instanceof ProtocolError, String(error));
          }
        }
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test({
  name: "samples hold no parameter sets, delimiters or start codes, and every slice",
  ignore,
  fn: async () => {
    const [h264] = await testStream({ codec: "h264", frames: 1 });
    const slices = splitNalUnits(h264!.data).filter((u) => ![7, 8, 9].includes(u[0]! & 0x1f));
    const sample = toSample("h264", h264!.data, 3);
    let at = 3;
    for (const slice of slices) {
      assert.equal(new DataView(sample.buffer).getUint32(at), slice.length);
      assert.deepEqual(sample.slice(at + 4, at + 4 + slice.length), slice.slice());
      at += 4 + slice.length;
    }
    assert.equal(at, sample.length);
    const [av1] = await testStream({ codec: "av1", frames: 1 });
    const types = splitObus(toSample("av1", av1!.data)).map((obu) => obu.type);
    assert.ok(!types.includes(OBU.TEMPORAL_DELIMITER) && types.includes(OBU.FRAME));
  },
});

Deno.test("a JPEG's end is found behind padding, and its lack noticed", () => {
  const image = [0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, 0, 16, 0, 32, 1, 0xff, 0xda, 0, 2, 5, 6];
  const whole = Uint8Array.from([...image, 0xff, 0xd9]);
  assert.deepEqual(parseJpegInfo(whole), {
    width: 32,
    height: 16,
    components: 1,
    huffmanTables: false,
  });
  assert.ok(isWholeJpeg(whole));
  assert.ok(endsWithEoi(Uint8Array.from([...whole, 0, 0, 0])));
  assert.ok(!isWholeJpeg(Uint8Array.from(image)));
  assert.ok(!isWholeJpeg(Uint8Array.from([0xff, 0xd8, 0xff, 0xd9])));
  assert.ok(!endsWithEoi(new Uint8Array()));
});
