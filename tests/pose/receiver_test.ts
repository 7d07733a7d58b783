import assert from "node:assert/strict";
import { PoseReceiver, type ReceiverOptions } from "../../lib/pose/receiver.ts";
import { encodePoseBye, encodePoseHello, encodePosePose } from "../../lib/pose/wire/pose.ts";
import {
  encodeTeleBye,
  encodeTeleCommand,
  encodeTeleHello,
  encodeTelePose,
} from "../../lib/pose/wire/tele.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const TOKEN = utf8("K7QX2M");
const hex = (bytes: Uint8Array) => bytes.toHex();
const pose = { seq: 0, timestampUs: 0, x: 0, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: 1 };

/** A receiver with a clock that the test turns, and two phones. */
function bench(options: Partial<ReceiverOptions> = {}) {
  const receiver = new PoseReceiver({
    token: TOKEN,
    streamPort: 50_000,
    dialects: ["POSE", "TELE"],
    ...options,
  });
  const clock = { ms: 1_000 };
  const from = (ip: number, port: number) => (bytes: Uint8Array) =>
    receiver.take(bytes, bytes.length, ip, port, clock.ms, clock.ms * 1000);
  return { receiver, clock, from, a: from(1, 1), b: from(2, 2) };
}
const helloP = (token: Uint8Array = TOKEN) => encodePoseHello({ clientPort: 9, token });
const helloT = (sessionId = 7, code: Uint8Array = TOKEN) => encodeTeleHello({ sessionId, code });

Deno.test("the first good HELLO is answered and locks the session to its sender", () => {
  const { a, b, receiver } = bench();
  assert.equal(a(encodePosePose(pose)), "dropped");
  assert.equal(a(helloP()), "begun");
  // Status 0, server time 1000 ms, port 50000.
  assert.equal(hex(receiver.reply), "504f53450201" + "000003e8" + "c350" + "00");
  assert.equal(a(encodePosePose(pose)), "pose");
  assert.equal(receiver.firstPose, true);
  assert.equal(b(helloP()), "refused");
  assert.equal(hex(receiver.reply), "504f53450201" + "000003e8" + "c350" + "03");
  assert.equal(b(encodePosePose({ ...pose, seq: 1 })), "dropped");
  assert.equal(b(helloT()), "refused");
  assert.equal(hex(receiver.reply), "54454c450201" + "0200");
  assert.equal(b(encodePoseBye()), "dropped");
  assert.equal(a(encodePosePose({ ...pose, seq: 1 })), "pose");
  assert.equal(receiver.firstPose, false);
  assert.equal(receiver.active, "POSE");
  assert.deepEqual(receiver.stats, {
    ...{ sessions: 1, busy: 2, badToken: 0, version: 0, strangers: 3, malformed: 0 },
  });
});

Deno.test("a phone on another port of the same machine is another phone", () => {
  const { from, a } = bench();
  assert.equal(a(helloP()), "begun");
  assert.equal(from(1, 2)(helloP()), "refused");
});

Deno.test("wrong tokens and versions are answered with why, in each dialect's own numbers", () => {
  const { a, receiver } = bench();
  for (const wrong of ["", "K7QX2", "K7QX2N", "K7QX2MM", "k7qx2m"]) {
    assert.equal(a(helloP(utf8(wrong))), "refused", wrong);
    assert.equal(receiver.reply.at(-1), 1);
  }
  assert.equal(a(helloT(7, utf8("AAAAAA"))), "refused");
  assert.equal(hex(receiver.reply), "54454c450201" + "0100");
  for (const [hello, status] of [[helloP(), 2], [helloT(), 3]] as const) {
    hello[5] = 9;
    assert.equal(a(hello), "refused");
    assert.equal(receiver.reply[hello[0] === 0x50 ? 12 : 6], status);
  }
  assert.equal(receiver.active, undefined);
});

Deno.test("a wrong token of the active phone's own address does not keep the session alive", () => {
  const { a, clock, receiver } = bench();
  a(helloP());
  clock.ms += 4_900;
  assert.equal(a(helloP(utf8("wrong"))), "refused");
  clock.ms += 200;
  assert.equal(receiver.expire(clock.ms), true);
});

Deno.test("any valid datagram keeps a session, and silence ends it: 5 s in POSE, 3 s in TELE", () => {
  for (
    const [hello, datagram, limit] of [
      [helloP(), encodePosePose(pose), 5_000],
      [helloP(), helloP(), 5_000],
      [helloT(), encodeTelePose(pose), 3_000],
      [helloT(), encodeTeleCommand(1, 1), 3_000],
      [helloT(), helloT(), 3_000],
    ] as const
  ) {
    const { a, b, clock, receiver } = bench();
    a(hello);
    for (let n = 0; n < 3; n++) {
      clock.ms += limit - 1;
      assert.equal(receiver.expire(clock.ms), false);
      assert.notEqual(a(datagram), "dropped");
    }
    clock.ms += limit - 1;
    b(datagram);
    a(new Uint8Array([1, 2, 3]));
    clock.ms += 1;
    assert.equal(receiver.expire(clock.ms), true);
    assert.equal(receiver.expire(clock.ms), false);
    assert.equal(a(encodePosePose({ ...pose, seq: 9 })), "dropped");
    assert.equal(b(hello), "begun");
  }
});

Deno.test("a BYE ends the session of its sender only, and in TELE only of its id", () => {
  const { a, b, receiver } = bench();
  a(helloT(7));
  assert.equal(b(encodeTeleBye(7)), "dropped");
  assert.equal(a(encodeTeleBye(8)), "dropped");
  assert.equal(a(encodePoseBye()), "dropped");
  assert.equal(receiver.active, "TELE");
  assert.equal(a(encodeTeleBye(7)), "ended");
  assert.equal(receiver.active, undefined);
  assert.equal(b(helloP()), "begun");
  assert.equal(b(encodePoseBye()), "ended");
});

Deno.test("a new session id from the same place begins anew, the same one goes on", () => {
  const { a, receiver } = bench();
  assert.equal(a(helloT(7)), "begun");
  assert.equal(a(encodeTelePose({ ...pose, seq: 500 })), "pose");
  assert.equal(a(helloT(7)), "alive");
  assert.equal(a(encodeTelePose({ ...pose, seq: 499 })), "stale");
  assert.equal(a(helloT(8)), "begun");
  assert.equal(a(encodeTelePose({ ...pose, seq: 0 })), "pose");
  assert.equal(receiver.firstPose, true);
  assert.equal(receiver.sequence.stats(0).received, 1);
});

Deno.test("without a token every token is good, and a dialect that is off is not there", () => {
  const open = bench({ token: undefined });
  assert.equal(open.a(helloT(7, utf8("??????"))), "begun");
  const long = utf8("a token of twenty-eight chars");
  const only = bench({ token: long, dialects: ["POSE"] });
  assert.equal(only.a(helloT()), "dropped");
  assert.equal(only.a(helloP(long)), "begun");
});

Deno.test("strangers are answered fifty times a second at most, the active phone always", () => {
  const { a, b, clock } = bench();
  a(helloP());
  let answers = 0;
  for (let n = 0; n < 500; n++) if (b(helloP()) === "refused") answers++;
  assert.equal(answers, 50);
  for (let n = 0; n < 500; n++) assert.equal(a(helloP()), "alive");
  clock.ms += 1_000;
  assert.equal(b(helloP()), "refused");
});

Deno.test("answers under way at once don't overwrite each other", () => {
  const { a, b, receiver } = bench();
  a(helloP());
  const first = receiver.reply;
  const before = hex(first);
  for (let n = 0; n < 10; n++) b(helloP());
  assert.equal(hex(first), before);
});

Deno.test("what only servers send is not taken from phones", () => {
  const { a } = bench();
  a(helloT());
  for (const bytes of ["54454c4502010000", "54454c4507010000003f0000"]) {
    assert.equal(a(Uint8Array.fromHex(bytes)), "dropped");
  }
});
