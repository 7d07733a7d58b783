import assert from "node:assert/strict";
import fc from "fast-check";
import { FfiError } from "../../ffi/errors.ts";
import { hasLibsocketcan } from "../../ffi/libsocketcan.ts";
import * as libsocketcan from "../../ffi/libsocketcan.ts";
import { findLink, LinkMonitor, listLinks, setLinkUp } from "../../ffi/rtnetlink.ts";
import {
  attribute,
  attributes,
  bitTiming,
  concat,
  controlMode,
  parseLink,
  readMessages,
  u32,
} from "../../ffi/rtnetlink_message.ts";
import { CanSocket, hasCanSockets, interfaceIndex, socketFailure } from "../../ffi/socketcan.ts";

const linux = Deno.build.os === "linux";

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** `struct ifinfomsg`: family, pad, type, index, flags, change. */
const IFINFO = hex("00 00 1801 05000000 41000100 00000000");

/** An RTM_NEWLINK payload of a CAN FD controller, written down from linux/if_link.h by hand. */
const CAN_FD = concat([
  IFINFO,
  attribute(3, new TextEncoder().encode("can0\0")), // IFLA_IFNAME
  attribute(4, u32(72)), // IFLA_MTU
  attribute(13, u32(10)), // IFLA_TXQLEN
  attribute(
    18, // IFLA_LINKINFO
    attributes([
      [1, new TextEncoder().encode("can\0")], // IFLA_INFO_KIND
      [
        2, // IFLA_INFO_DATA
        attributes([
          [1, hex("20a10700 6b030000 7d000000 06000000 07000000 02000000 01000000 05000000")],
          [3, u32(80_000_000)], // clock
          [4, u32(2)], // error-passive
          [5, hex("00000000 30000000")], // control mode: FD, bus error reporting
          [6, u32(100)], // restart-ms
          [8, hex("8000 0700")], // error counters
          [9, hex("80841e00 ee020000 00000000 00000000 00000000 00000000 00000000 00000000")],
        ]),
      ],
    ]),
  ),
]);

Deno.test("a CAN FD controller's link message is read whole", () => {
  assert.deepEqual(parseLink(CAN_FD), {
    index: 5,
    name: "can0",
    hardwareType: 280,
    kind: "can",
    up: true,
    running: true,
    mtu: 72,
    queue: 10,
    can: {
      state: 2,
      bitrate: 500_000,
      samplePoint: 0.875,
      dataBitrate: 2_000_000,
      dataSamplePoint: 0.75,
      fd: true,
      restartMs: 100,
      txErrors: 128,
      rxErrors: 7,
      clockHz: 80_000_000,
    },
  });
});

Deno.test("a link message cut anywhere, or made of anything, gives what is there and no more", () => {
  for (let end = 0; end < CAN_FD.length; end++) parseLink(CAN_FD.subarray(0, end));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    parseLink(bytes);
    for (const { payload } of readMessages(bytes)) assert.ok(payload.length <= bytes.length);
  }));
});

Deno.test("attributes are padded to four bytes, their lengths are not", () => {
  assert.deepEqual(attribute(3, hex("aabbcc")), hex("0700 0300 aabbcc00"));
  assert.deepEqual(bitTiming(500_000, 0.875).subarray(0, 8), hex("20a10700 6b030000"));
  assert.deepEqual(
    controlMode([[0x20, true], [2, false], [1, undefined]]),
    hex("22000000 20000000"),
  );
  assert.equal(controlMode([[1, undefined]]), undefined);
});

Deno.test({
  name: "the loopback interface is listed and found, and is no CAN bus",
  ignore: !linux,
  fn: () => {
    const lo = listLinks().find(({ name }) => name === "lo");
    assert.ok(lo);
    assert.equal(lo.index, interfaceIndex("lo"));
    assert.equal(lo.can, undefined);
    assert.equal(findLink("lo")?.index, lo.index);
    assert.equal(findLink("no-such"), undefined);
    assert.equal(interfaceIndex("no-such"), 0);
  },
});

Deno.test({
  name: "a change of an interface that does not exist is refused with its errno",
  ignore: !linux,
  fn: () => {
    assert.throws(
      () => setLinkUp(0x7fff_fff0, true),
      (error) => error instanceof FfiError && [1, 19].includes(error.code),
    );
    const monitor = new LinkMonitor();
    assert.deepEqual(monitor.read(), []);
    monitor.close();
    monitor.close();
  },
});

// Where the kernel has no CAN there is nothing to refuse; the lab's has.
if (linux && hasCanSockets()) {
  Deno.test("a CAN socket on an interface that is none is refused", () => {
    const options = { fd: false, errorMask: 0, receiveOwn: true, receiveBuffer: 65_536 };
    assert.throws(() => new CanSocket(interfaceIndex("lo"), options), FfiError);
  });
}

Deno.test({
  name: "libsocketcan answers nothing for what is no controller",
  ignore: !hasLibsocketcan(),
  fn: () => {
    assert.equal(libsocketcan.getState("lo"), undefined);
    assert.equal(libsocketcan.getErrorCounters("lo"), undefined);
    assert.throws(() => libsocketcan.getState("a\0b"), TypeError);
  },
});

Deno.test("failures of a CAN socket are told apart", () => {
  assert.equal(socketFailure(105), "full"); // ENOBUFS
  assert.equal(socketFailure(11), "full"); // EAGAIN
  assert.equal(socketFailure(100), "down"); // ENETDOWN
  assert.equal(socketFailure(19), "gone"); // ENODEV
  assert.equal(socketFailure(6), "gone"); // ENXIO
  assert.equal(socketFailure(22), "other"); // EINVAL
});
