import assert from "node:assert/strict";
import { formatTap, unsupportedTap } from "../../lib/moq_tools/interop/tap.ts";
import { parseRelayList } from "../../lib/moq_tools/probe/list.ts";
import { formatItem } from "../../lib/moq_tools/sub/format.ts";
import { parseTrackFilter } from "../../lib/cli/track_filter.ts";
import { parseDrafts, parseNamespace } from "../../lib/cli/moq_options.ts";
import { isLoopback } from "../../lib/moq_tools/serve.ts";
import { utf8 } from "./support.ts";

const date = new Date("2026-11-21T12:00:00.123Z");
const head = { target: "moqt://host:1/#a", version: "xoq/1.2", started: date, ended: date };

Deno.test("results are TAP 14, with JSON strings as YAML, and number signs escaped", () => {
  const tap = formatTap(head, [
    {
      name: "setup-only",
      passed: true,
      durationMs: 12.6,
      message: 'said "hi"\n#2',
      sessions: { client: { transport: "quic", moqt_version: "moqt-18" } },
    },
    { name: "fetch", passed: true, durationMs: 1, message: "", skipped: "no #1", sessions: {} },
    {
      name: "join",
      passed: false,
      durationMs: 2,
      message: "no objects",
      expected: "some",
      received: "none",
      specRevision: 2,
      sessions: {},
    },
  ]);
  assert.equal(
    tap,
    `TAP version 14
# date: 2026-11-21T12:00:00Z
# ended: 2026-11-21T12:00:00Z
# target: moqt://host:1/\\#a
# version: xoq/1.2
# Draft: draft-18
1..3
ok 1 - setup-only
  ---
  duration_ms: 13
  implementation_version: "xoq/1.2"
  sessions:
    client:
      transport: "quic"
      moqt_version: "moqt-18"
  message: "said \\"hi\\"\\n#2"
  ...
ok 2 - fetch # SKIP no \\#1
  ---
  duration_ms: 1
  implementation_version: "xoq/1.2"
  ...
not ok 3 - join
  ---
  duration_ms: 2
  implementation_version: "xoq/1.2"
  test_spec_revision: 2
  message: "no objects"
  expected: "some"
  received: "none"
  ...
`,
  );
  assert.equal(
    unsupportedTap("x", "unknown case"),
    "TAP version 14\n1..1\nnot ok 1 - x # SKIP unknown case\n",
  );
});

Deno.test("lists of relays are read as relay_probe's are", () => {
  const list = parseRelayList(
    JSON.stringify([
      {
        id: "a",
        name: "A",
        interval: 60,
        insecure: true,
        endpoints: ["moqt://h:1", { url: "https://h:1/p", verify_tls: true }],
      },
      { url: "https://other/x" },
    ]),
    "relays.json",
  );
  assert.deepEqual(list, [
    {
      id: "a",
      name: "A",
      intervalSeconds: 60,
      endpoints: [{ url: "moqt://h:1", insecure: true }, { url: "https://h:1/p", insecure: false }],
    },
    { id: "https://other/x", name: "https://other/x", endpoints: [{ url: "https://other/x" }] },
  ]);
  const wrong = [
    "",
    "{}",
    "[]",
    "[1]",
    '[{"url": "http://h"}]',
    '[{"url": 1}]',
    '[{"endpoints": "x"}]',
    '[{"url": "moqt://h", "interval": "1"}]',
    '[{"url": "moqt://h", "insecure": 1}]',
    '[{"url": "moqt://h"}, {"url": "moqt://h"}]',
  ];
  for (const text of wrong) {
    assert.throws(() => parseRelayList(text, "relays.json"), { code: "usage" }, text);
  }
});

Deno.test("objects are written raw, as lines, or as JSON with their places", () => {
  const object = {
    kind: "object",
    group: 1,
    subgroup: 0,
    id: 2,
    priority: 3,
    status: "normal",
    payload: utf8("hé"),
  } as const;
  const text = (...args: Parameters<typeof formatItem>) => {
    const bytes = formatItem(...args);
    return bytes && new TextDecoder().decode(bytes);
  };
  assert.equal(text(object, "raw"), "hé");
  assert.equal(text(object, "lines"), "hé\n");
  assert.equal(
    text(object, "json"),
    '{"kind":"object","group":1,"object":2,"subgroup":0,"priority":3,"size":3,"text":"hé"}\n',
  );
  const { subgroup: _, ...datagram } = object;
  assert.equal(
    text(
      { ...datagram, payload: new Uint8Array([255]), properties: [{ type: 2, value: 5n }] },
      "json",
    ),
    '{"kind":"object","group":1,"object":2,"datagram":true,"priority":3,"size":1,"base64":"/w==",' +
      '"properties":[{"type":2,"value":5}]}\n',
  );
  const end = { ...object, status: "end-of-group", payload: new Uint8Array(0) } as const;
  assert.equal(text(end, "raw"), undefined);
  assert.match(text(end, "json")!, /"status":"end-of-group"/);
  const gap = { kind: "gap", group: 4, from: 1, to: 3 } as const;
  assert.equal(text(gap, "lines"), undefined);
  assert.equal(text(gap, "json"), '{"kind":"gap","group":4,"from":1,"to":3}\n');
});

Deno.test("filters, drafts and namespaces are read from the command line", () => {
  const filter = (text: string) => parseTrackFilter(text).filter;
  assert.deepEqual(filter("largest"), { from: "largest-object" });
  assert.deepEqual(filter("next-group"), { from: "next-group" });
  const start = { group: 12, object: 3 };
  assert.deepEqual(filter("12:3"), { from: "start", start });
  assert.deepEqual(filter("12:3..20"), { from: "start", start, endGroup: 20 });
  assert.deepEqual(filter("12:3..20:5"), { from: "start", start, endGroup: 20, endObject: 5 });
  assert.deepEqual(parseTrackFilter(" next-group objects=0-3,8- 0x20=5 priorities=7 "), {
    filter: { from: "next-group" },
    objectRanges: [{ set: 0, ranges: [{ start: 0n, end: 3n }, { start: 8n }] }],
    objectPropertyRanges: [{ set: 0, property: 0x20, ranges: [{ start: 5n, end: 5n }] }],
    priorityRanges: [{ set: 0, ranges: [{ start: 7n, end: 7n }] }],
  });
  assert.deepEqual(parseTrackFilter(""), {});
  const wrong = ["x", "3..2", "-1", "1:", "1.2", "1 2", "2:5..2:4", "objects=", "objects=3-1"];
  const wronger = ["objects=5,3", "objects=3-,9", "objects=1 objects=2", "0x21=1", "toString=1"];
  for (const text of [...wrong, ...wronger, "2=1 2=3", "objects=x", "=1"]) {
    assert.throws(() => parseTrackFilter(text), { code: "usage" }, text);
  }
  assert.deepEqual(parseDrafts("16,draft-18"), [16, 18]);
  assert.throws(() => parseDrafts("17"), { code: "usage" });
  assert.deepEqual(parseNamespace("a/b"), ["a", "b"]);
  assert.throws(() => parseNamespace("a//b"), { code: "usage" });
});

Deno.test("addresses beyond this machine are told from its own", () => {
  for (const own of ["127.0.0.1:1", "[::1]:4443", "localhost:0", "127.9.9.9:65535"]) {
    assert.equal(isLoopback(own), true, own);
  }
  for (const other of ["0.0.0.0:1", "[::]:1", "192.0.2.1:4443"]) {
    assert.equal(isLoopback(other), false, other);
  }
  assert.throws(() => isLoopback("localhost"), { code: "usage" });
});
