import assert from "node:assert/strict";
import {
  doneCode,
  doneCodes,
  type DoneName,
  nameOf,
  requestErrorCode,
  type RequestErrorName,
  requestErrorName,
  type RequestKind,
  resetCode,
  type ResetName,
} from "../../lib/moqt/codes.ts";
import { RequestError } from "../../lib/moqt/errors.ts";
import {
  protocolOf,
  protocols,
  type Version,
  versionOf,
  VERSIONS,
} from "../../lib/moqt/versions.ts";

Deno.test("each draft has its protocol, the newest first", () => {
  assert.deepEqual(protocols(), ["moqt-22", "moqt-20", "moqt-18", "moqt-16", "moq-00"]);
  for (const version of VERSIONS) assert.equal(versionOf(protocolOf(version)), version);
  // WebTransport that agreed on no subprotocol.
  assert.equal(versionOf(""), 14);
  for (const unknown of ["moqt-17", "moqt-14", "moq-01", "moql"]) {
    assert.equal(versionOf(unknown), undefined);
  }
});

/** By name: the number in drafts 14 (of a request of that kind), 16, 18, 20; none: not in the draft. */
const REFUSALS: readonly [
  name: RequestErrorName,
  of: RequestKind,
  numbers: readonly (number | undefined)[],
][] = [
  ["internal-error", "subscribe", [0x0, 0x0, 0x0, 0x0]],
  ["unauthorized", "publish", [0x1, 0x1, 0x1, 0x1]],
  ["timeout", "fetch", [0x2, 0x2, 0x2, 0x2]],
  ["not-supported", "track-status", [0x3, 0x3, 0x3, 0x3]],
  ["malformed-auth-token", "subscribe", [0x10, 0x4, 0x4, 0x4]],
  ["expired-auth-token", "publish-namespace", [0x12, 0x5, 0x5, 0x5]],
  ["going-away", "subscribe", [undefined, undefined, 0x6, 0x6]],
  ["excessive-load", "subscribe", [undefined, undefined, 0x9, 0x9]],
  ["does-not-exist", "subscribe", [0x4, 0x10, 0x10, 0x10]],
  ["does-not-exist", "track-status", [0x4, 0x10, 0x10, 0x10]],
  ["does-not-exist", "subscribe-namespace", [0x4, 0x10, 0x10, 0x10]],
  ["does-not-exist", "publish", [undefined, 0x10, 0x10, 0x10]],
  ["invalid-range", "fetch", [0x5, 0x11, 0x11, 0x11]],
  ["malformed-track", "fetch", [0x9, 0x12, 0x12, 0x12]],
  ["malformed-track", "subscribe", [undefined, 0x12, 0x12, 0x12]],
  ["duplicate-subscription", "subscribe", [undefined, 0x19, 0x19, undefined]],
  ["uninterested", "publish", [0x4, 0x20, 0x20, 0x20]],
  ["uninterested", "publish-namespace", [0x4, 0x20, 0x20, 0x20]],
  ["uninterested", "subscribe", [undefined, 0x20, 0x20, 0x20]],
  ["prefix-overlap", "subscribe-namespace", [0x5, 0x30, 0x30, 0x30]],
  ["namespace-too-large", "subscribe-namespace", [undefined, undefined, 0x31, 0x31]],
  ["invalid-joining-request-id", "fetch", [0x7, 0x32, 0x32, undefined]],
  ["unsupported-extension", "publish", [undefined, undefined, 0x33, 0x33]],
  ["redirect", "subscribe", [undefined, undefined, 0x34, 0x34]],
  ["conflicting-filters", "subscribe-tracks", [undefined, undefined, undefined, 0x35]],
  ["invalid-filter", "fetch", [undefined, undefined, undefined, 0x36]],
];

const DRAFTS: readonly Version[] = [14, 16, 18, 20];

Deno.test("refusals have one name in all drafts, and each draft's number", () => {
  for (const [name, of, numbers] of REFUSALS) {
    for (const [index, version] of DRAFTS.entries()) {
      const number = numbers[index];
      const about = `${name} of ${of} in draft ${version}`;
      assert.equal(requestErrorCode(name, version, of), number ?? 0x0, about);
      if (number !== undefined) assert.equal(requestErrorName(number, version, of), name, about);
    }
    assert.equal(requestErrorCode(name, 22, of), requestErrorCode(name, 20, of));
  }
});

Deno.test("a refusal that was received keeps its number, and has a name where there is one", () => {
  const received = (code: number, version: Version, of: RequestKind) =>
    RequestError.received({ code, reason: "" }, version, of);
  assert.equal(received(0x4, 14, "subscribe").refusal, "does-not-exist");
  assert.equal(received(0x4, 14, "publish").refusal, "uninterested");
  assert.equal(received(0x4, 16, "publish").refusal, "malformed-auth-token");
  // A fetch of a track without objects has a number of its own in draft-14.
  assert.equal(received(0x6, 14, "fetch").refusal, "invalid-range");
  const unknown = received(0x77, 22, "subscribe");
  assert.deepEqual([unknown.refusal, unknown.wireCode], ["internal-error", 0x77]);
});

/** The number in drafts 14, 16, 18, 20. */
const ENDS: readonly [name: DoneName, numbers: readonly (number | undefined)[]][] = [
  ["internal-error", [0x0, 0x0, 0x0, 0x0]],
  ["unauthorized", [0x1, 0x1, 0x1, 0x1]],
  ["track-ended", [0x2, 0x2, 0x2, 0x2]],
  ["going-away", [0x4, 0x4, 0x4, 0x4]],
  ["expired", [0x5, 0x5, 0x6, 0x6]],
  ["too-far-behind", [0x6, 0x6, 0x5, 0x5]],
  ["update-failed", [undefined, 0x8, 0x8, 0x8]],
  ["excessive-load", [undefined, undefined, 0x9, 0x9]],
  ["malformed-track", [0x7, 0x12, 0x12, 0x12]],
];

Deno.test("subscriptions end with one name in all drafts, and each draft's number", () => {
  for (const [name, numbers] of ENDS) {
    for (const [index, version] of DRAFTS.entries()) {
      const number = numbers[index];
      assert.equal(doneCode(name, version), number ?? 0x0, `${name} in draft ${version}`);
      if (number !== undefined) assert.equal(nameOf(doneCodes(version), number), name);
    }
  }
  // Drafts since 20 have no word for the end of a filter; what others send is understood.
  assert.deepEqual(DRAFTS.map((version) => doneCode("subscription-ended", version)), [3, 3, 3, 2]);
  assert.equal(nameOf(doneCodes(22), 0x3), "subscription-ended");
});

/** The number in drafts 14, 16, 18, 20. */
const RESETS: readonly [name: ResetName, numbers: readonly number[]][] = [
  ["internal-error", [0x0, 0x0, 0x0, 0x0]],
  ["cancelled", [0x1, 0x1, 0x1, 0x1]],
  ["delivery-timeout", [0x2, 0x2, 0x2, 0x2]],
  ["session-closed", [0x3, 0x3, 0x3, 0x3]],
  ["going-away", [0x0, 0x0, 0x4, 0x4]],
  ["too-far-behind", [0x0, 0x0, 0x5, 0x5]],
  ["unknown-object-status", [0x0, 0x4, 0x6, 0x6]],
  ["expired-auth-token", [0x0, 0x0, 0x7, 0x7]],
  ["excessive-load", [0x0, 0x0, 0x9, 0x9]],
  ["malformed-track", [0x0, 0x12, 0x12, 0x12]],
];

Deno.test("streams are reset with each draft's number", () => {
  for (const [name, numbers] of RESETS) {
    assert.deepEqual(DRAFTS.map((version) => resetCode(name, version)), numbers, name);
  }
});
