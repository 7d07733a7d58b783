import assert from "node:assert/strict";
import fc from "fast-check";
import { Datagram } from "../../lib/pose/wire/datagram.ts";
import { decodeDatagram } from "../../lib/pose/wire/decode.ts";
import { decodeRecord, decodeReverse, encodeRecord } from "../../lib/pose/wire/record.ts";
import {
  beginsMovement,
  commandEvent,
  parseReverse,
  type PoseEvent,
  poseEvent,
  poseLine,
} from "../../lib/pose/wire/event.ts";
import { encodePoseHello, encodePosePose } from "../../lib/pose/wire/pose.ts";
import { encodeTeleHaptic, encodeTeleHello, encodeTelePose } from "../../lib/pose/wire/tele.ts";
import { WIRE_CASES } from "./wire_cases.ts";

const pose = { seq: 0, timestampUs: 0, x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: 1 };

for (const { name, bytes, value, encode } of WIRE_CASES) {
  Deno.test(`${name} is read and written byte for byte`, () => {
    const datagram = new Datagram();
    assert.equal(decodeDatagram(bytes, datagram), "valid");
    const { text, ...fields } = value;
    for (const [key, expected] of Object.entries(fields)) {
      assert.deepEqual(datagram[key as keyof Datagram], expected, key);
    }
    if (text !== undefined) {
      const token = datagram.token.subarray(0, datagram.tokenLength);
      assert.equal(new TextDecoder().decode(token), text);
    }
    assert.deepEqual([...encode()], [...bytes]);
  });

  Deno.test(`${name} cut anywhere is no message, or a shorter one that is whole`, () => {
    const whole = new Set(WIRE_CASES.map((other) => other.bytes.length));
    for (let length = 0; length < bytes.length; length++) {
      const verdict = decodeDatagram(bytes.subarray(0, length), new Datagram());
      const shorterPose = value.type === "pose" && bytes[0] === 0x50 && whole.has(length) &&
        length >= 44;
      assert.equal(verdict, shorterPose ? "valid" : "invalid", `${length} bytes`);
    }
  });
}

Deno.test("every length from 0 to 1,500 is answered, whatever stands in it", () => {
  const datagram = new Datagram();
  const heads = WIRE_CASES.map(({ bytes }) => bytes.subarray(0, 6));
  const wholes = new Map<string, number[]>();
  for (let length = 0; length <= 1500; length++) {
    for (const head of heads) {
      const bytes = new Uint8Array(length).fill(0x31);
      bytes.set(head.subarray(0, length));
      const verdict = decodeDatagram(bytes, datagram);
      const key = `${String.fromCharCode(...head.subarray(0, 4))} ${head[4]}`;
      if (verdict === "valid" && !wholes.get(key)?.includes(length)) {
        wholes.set(key, [...wholes.get(key) ?? [], length]);
      }
    }
  }
  assert.deepEqual(Object.fromEntries(wholes), {
    "POSE 2": [13],
    "POSE 3": [44, 46, 50, 51],
    "POSE 4": [6],
    "TELE 1": [18],
    "TELE 2": [8],
    "TELE 3": [46],
    "TELE 4": [10],
    "TELE 5": [8],
    "TELE 7": [12],
  });
});

Deno.test("a token's length and a datagram's must agree, at every length", () => {
  for (let length = 0; length <= 60; length++) {
    for (let said = 0; said <= 60; said++) {
      const bytes = new Uint8Array(9 + length).fill(0x41);
      bytes.set([0x50, 0x4f, 0x53, 0x45, 1, 1, 0, 1, said]);
      const good = length === said && said <= 32;
      assert.equal(decodeDatagram(bytes, new Datagram()), good ? "valid" : "invalid");
    }
  }
});

Deno.test("a HELLO of another version asks to be refused, anything else of one is nothing", () => {
  for (const magic of ["POSE", "TELE"]) {
    for (const length of [6, 18, 51, 52, 1500]) {
      for (let type = 0; type < 256; type++) {
        const bytes = new Uint8Array(length);
        bytes.set(new TextEncoder().encode(magic));
        bytes[4] = type;
        bytes[5] = 2;
        const verdict = decodeDatagram(bytes, new Datagram());
        assert.equal(verdict, type === 1 ? "version" : "invalid");
      }
    }
  }
});

Deno.test("poses that are no numbers are no poses", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const field of ["x", "y", "z", "qx", "qy", "qz", "qw"]) {
      for (
        const bytes of [
          encodePosePose({ ...pose, [field]: bad }),
          encodeTelePose({ ...pose, [field]: bad }),
        ]
      ) assert.equal(decodeDatagram(bytes, new Datagram()), "invalid");
    }
    const bytes = encodePosePose({ ...pose, flags: 0, confidence: bad });
    assert.equal(decodeDatagram(bytes, new Datagram()), "invalid");
  }
  const huge = Math.fround(3.4e38);
  const bytes = encodePosePose({ ...pose, x: huge, y: huge, z: huge, qx: -huge });
  assert.equal(decodeDatagram(bytes, new Datagram()), "valid");
});

Deno.test("what can't be said is refused before it is written", () => {
  const long = new Uint8Array(33);
  assert.throws(() => encodePoseHello({ clientPort: 1, token: long }), RangeError);
  assert.throws(() => encodeTeleHello({ sessionId: 1, code: long }), RangeError);
  assert.throws(() => encodeTeleHaptic(1.01), RangeError);
  assert.throws(() => encodeTeleHaptic(NaN), RangeError);
  assert.throws(() => encodePosePose({ ...pose, timestampUs: -1 }), RangeError);
  assert.throws(() => encodePosePose({ ...pose, confidence: 1 }), TypeError);
});

Deno.test("a pose's line is the published event, with the stream's own members beside it", () => {
  const datagram = new Datagram();
  const bytes = encodePosePose({
    ...{ seq: 7, timestampUs: 123456 },
    ...{ x: 0.1, y: 1e-9, z: -2, qx: 0, qy: 0, qz: 0, qw: 1 },
    ...{ flags: 2, confidence: 0.5, frameId: 3 },
  });
  decodeDatagram(bytes, datagram);
  const event = JSON.parse(poseLine(datagram, 99, true)) as PoseEvent;
  assert.deepEqual(event, {
    type: "pose",
    data: {
      absolute_input: {
        movement_start: true,
        ...{ x: Math.fround(0.1), y: Math.fround(1e-9), z: -2, qx: 0, qy: 0, qz: 0, qw: 1 },
      },
    },
    ...{ seq: 7, timestamp_us: 123456, received_us: 99, flags: 2, confidence: 0.5, frame_id: 3 },
  });
  assert.deepEqual(poseEvent(datagram, 99, true), event);
  decodeDatagram(encodePosePose(pose), datagram);
  assert.deepEqual(
    Object.keys(JSON.parse(poseLine(datagram, 1, false))),
    ["type", "data", "seq", "timestamp_us", "received_us"],
  );
});

Deno.test("a movement begins where the flags say so, or with the first pose where there are none", () => {
  const datagram = new Datagram();
  for (
    const [flags, first, begins] of [
      [-1, true, true],
      [-1, false, false],
      [0, true, false],
      [1, false, true],
    ] as const
  ) {
    datagram.flags = flags;
    assert.equal(beginsMovement(datagram, first), begins);
  }
});

Deno.test("commands have names, and unknown ones numbers", () => {
  assert.deepEqual(commandEvent(1, 1), { type: "command", name: "recording", value: true });
  assert.deepEqual(commandEvent(2, 0), { type: "command", name: "keep_recording", value: false });
  assert.deepEqual(commandEvent(9, 4), { type: "command", name: "command_9", value: 4 });
});

Deno.test("reverse messages are read strictly", () => {
  assert.deepEqual(parseReverse('{"type":"haptic","intensity":1}'), {
    type: "haptic",
    intensity: 1,
  });
  assert.deepEqual(parseReverse('{"type":"message","data":"AQI="}'), {
    type: "message",
    data: "AQI=",
  });
  for (
    const [line, why] of [
      ["{", /JSON/],
      ["null", /neither/],
      ['{"type":"haptic"}', /intensity/],
      ['{"type":"haptic","intensity":2}', /intensity/],
      ['{"type":"haptic","intensity":1,"channel":256}', /channel/],
      ['{"type":"message","data":"%"}', /base64/],
      ['{"type":"message","data":""}', /0 bytes/],
      [`{"type":"message","data":"${"AAAA".repeat(171)}"}`, /513 bytes/],
      [`{"type":"haptic","intensity":1}${" ".repeat(1024)}`, /characters/],
    ] as const
  ) assert.throws(() => parseReverse(line), { name: "TypeError", message: why });
});

Deno.test("records carry datagrams of any content, and nothing else is a record", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 1, maxLength: 51 }),
    fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    fc.boolean(),
    (datagram, receivedUs, first) => {
      const record = decodeRecord(encodeRecord(datagram, receivedUs, first));
      assert.deepEqual(record, { receivedUs, first, datagram });
    },
  ));
  for (let length = 0; length <= 9; length++) {
    assert.equal(decodeRecord(new Uint8Array(length)), undefined);
  }
  assert.equal(decodeRecord(new Uint8Array(61)), undefined);
  assert.equal(decodeReverse(new Uint8Array(2000)), undefined);
  assert.equal(decodeReverse(new Uint8Array([0xff, 0xfe])), undefined);
});
