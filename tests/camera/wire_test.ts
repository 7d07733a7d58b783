import assert from "node:assert/strict";
import fc from "fast-check";
import { codecOfProtocol, encodePicture, PictureParser } from "../../lib/camera/wire.ts";
import { ProtocolError } from "../../lib/errors.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";

function picture(data: number[], captureTime = 1_790_000_000_123_456): EncodedFrame {
  return {
    codec: "jpeg",
    data: new Uint8Array(data),
    key: true,
    width: 640,
    height: 480,
    captureTime,
    sequence: 0,
  };
}

Deno.test("a picture is XoQ's 20-byte little-endian header and the bytes", () => {
  const bytes = encodePicture(picture([0xff, 0xd8, 0xff, 0xd9], 0x0102030405060));
  assert.deepEqual(
    [...bytes],
    [
      ...[0x80, 0x02, 0, 0],
      ...[0xe0, 0x01, 0, 0],
      ...[0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0, 0],
      ...[4, 0, 0, 0],
      ...[0xff, 0xd8, 0xff, 0xd9],
    ],
  );
});

Deno.test("pictures come out whole however the stream is cut", () => {
  const pictures = [[1, 2, 3], [4], Array.from({ length: 5000 }, (_, i) => i & 255)].map((
    data,
    i,
  ) => picture(data, 1000 + i));
  const stream = pictures.flatMap((frame) => [...encodePicture(frame)]);
  const bytes = new Uint8Array(stream);
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
    const parser = new PictureParser("jpeg");
    const seen: EncodedFrame[] = [];
    let from = 0;
    for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
      seen.push(...parser.push(bytes.subarray(from, cut)));
      from = cut;
    }
    assert.deepEqual(seen.map((frame) => frame.data), pictures.map((frame) => frame.data));
    assert.deepEqual(seen.map((frame) => frame.captureTime), [1000, 1001, 1002]);
    assert.deepEqual(seen.map((frame) => frame.sequence), [0, 1, 2]);
    assert.ok(parser.atBoundary);
  }));
});

Deno.test("a stream cut anywhere inside a picture is not at a boundary", () => {
  const bytes = encodePicture(picture([1, 2, 3, 4]));
  for (let length = 1; length < bytes.length; length++) {
    const parser = new PictureParser("jpeg");
    assert.deepEqual(parser.push(bytes.subarray(0, length)), []);
    assert.ok(!parser.atBoundary);
  }
});

Deno.test("sizes no picture has are violations, before anything is allocated", () => {
  const header = (width: number, height: number, length: number) => {
    const bytes = encodePicture(picture([1]));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, width, true);
    view.setUint32(4, height, true);
    view.setUint32(16, length, true);
    return bytes.subarray(0, 20);
  };
  const wrong: [number, number, number][] = [
    [640, 480, 0],
    [640, 480, 0xffffffff],
    [640, 480, 64 * 1024 * 1024 + 1],
    [16_385, 480, 1],
    [640, 0xffffffff, 1],
  ];
  for (const [width, height, length] of wrong) {
    const parser = new PictureParser("h264");
    assert.throws(() => parser.push(header(width, height, length)), ProtocolError);
  }
});

Deno.test("any bytes give pictures or a ProtocolError", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      new PictureParser("h264").push(bytes);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }));
});

Deno.test("the ALPNs are XoQ's", () => {
  const known: Record<string, string> = {
    "xoq/camera/0": "jpeg",
    "xoq/camera-jpeg/0": "jpeg",
    "xoq/camera-h264/0": "h264",
    "xoq/camera-hevc/0": "hevc",
    "xoq/camera-av1/0": "av1",
  };
  for (const [protocol, codec] of Object.entries(known)) {
    assert.equal(codecOfProtocol(protocol), codec);
  }
  assert.equal(codecOfProtocol("xoq/p2p/0"), undefined);
});
