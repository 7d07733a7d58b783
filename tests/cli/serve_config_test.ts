import assert from "node:assert/strict";
import type { OptionTable } from "../../lib/device.ts";
import { UsageError } from "../../lib/errors.ts";
import { configSchema } from "../../lib/cli/config_schema.ts";
import { parseServeConfig, readServeConfig, serverTable } from "../../lib/cli/serve_config.ts";
import type { KindEntry } from "../../lib/registry.ts";

const OPTIONS = {
  "fps": { type: "number", brief: "frames a second", default: 30, min: 1, max: 240 },
  "codec": { type: "enum", brief: "codec", values: ["h264", "jpeg"], default: "h264" },
  "h264": { type: "boolean", brief: "H.264" },
  "http": { type: "optional", brief: "page", value: "ADDR" },
  "control": { type: "list", brief: "a control" },
  "lease": { type: "duration", brief: "how long", default: 5_000, min: 1_000 },
} as const satisfies OptionTable;

const KIND: KindEntry = {
  name: "camera",
  brief: "serve a camera",
  selector: { value: "DEV", brief: "which camera" },
  examples: [],
  options: () => Promise.resolve({ options: OPTIONS, openOptions: {} }),
  load: () => Promise.reject(new Error("a check loads no driver")),
};

const none = () => undefined;
const parse = (root: unknown, env: (name: string) => string | undefined = none) =>
  parseServeConfig(JSON.stringify(root), "xoq.json", env, [KIND]);

Deno.test("a file says what the flags would", async () => {
  const { server, devices } = await parse({
    $schema: "xoq.schema.json",
    "iroh-relay": "none",
    "allow": ["a", "b"],
    "camera": [
      { device: "0", name: "front", fps: 60, h264: true, http: true, control: ["gain=1"] },
      { device: "test", http: ":8080", lease: "10s", codec: "jpeg" },
      { device: "2", http: false },
    ],
  });
  assert.equal(server["iroh-relay"], "none");
  assert.deepEqual(server["allow"], ["a", "b"]);
  assert.equal(server["public"], false);
  assert.deepEqual(devices.map(({ place, selector, name }) => [place, selector, name]), [
    ["camera[0]", "0", "front"],
    ["camera[1]", "test", undefined],
    ["camera[2]", "2", undefined],
  ]);
  assert.deepEqual(devices[0]?.options, {
    fps: 60,
    codec: "h264",
    h264: true,
    http: "",
    control: ["gain=1"],
    lease: 5_000,
  });
  assert.deepEqual(
    [devices[1]?.options["http"], devices[1]?.options["lease"], devices[1]?.options["codec"]],
    [":8080", 10_000, "jpeg"],
  );
  assert.equal(devices[2]?.options["http"], undefined);
});

Deno.test("a key that is absent comes from the environment, one that is there beats it", async () => {
  const env = (name: string) => ({ XOQ_FPS: "10", XOQ_PUBLIC: "1", XOQ_BIND: "127.0.0.1" })[name];
  const { server, devices } = await parse({
    bind: "0.0.0.0",
    camera: [{ device: "0" }, { device: "1", fps: 20 }],
  }, env);
  assert.deepEqual([server["bind"], server["public"]], ["0.0.0.0", true]);
  assert.deepEqual(devices.map((device) => device.options["fps"]), [10, 20]);
});

const FAULTS: [unknown, RegExp][] = [
  [[], /^xoq.json: an object is wanted/],
  [null, /^xoq.json: an object is wanted/],
  [{}, /^xoq.json names no device$/],
  [{ camera: [] }, /^xoq.json names no device$/],
  [{ camera: {} }, /^xoq.json: camera: a list is wanted/],
  [{ camera: ["0"] }, /^xoq.json: camera\[0\]: an object is wanted/],
  [{ camera: [{}] }, /^xoq.json: camera\[0\]: "device" is wanted/],
  [{ camera: [{ device: 0 }] }, /^xoq.json: camera\[0\]: "device" is wanted/],
  [{ camera: [{ device: "0", fpz: 1 }] }, /^xoq.json: camera\[0\]: there is no key "fpz"$/],
  [{ camera: [{ device: "0", fps: "30" }] }, /^xoq.json: camera\[0\].fps: a number is wanted$/],
  [{ camera: [{ device: "0", fps: 300 }] }, /^xoq.json: camera\[0\].fps: 300 is out of range$/],
  [{ camera: [{ device: "0", fps: 1.5 }] }, /fps: "1.5" is no whole number$/],
  [{ camera: [{ device: "0", codec: "mp3" }] }, /codec: "mp3" is none of its values$/],
  [{ camera: [{ device: "0", h264: 1 }] }, /h264: a boolean is wanted$/],
  [{ camera: [{ device: "0", lease: 5 }] }, /lease: a string is wanted$/],
  [{ camera: [{ device: "0", control: "a" }] }, /control: a list of strings is wanted$/],
  [{ camera: [{ device: "0", name: "No" }] }, /name: "No" is no device name$/],
  [
    { camera: [{ device: "0", name: "a" }, { device: "1", name: "a" }] },
    /camera\[0\] and camera\[1\] have the same name a$/,
  ],
  [{ lidar: [] }, /^xoq.json: there is no key "lidar"$/],
  [{ camera: new Array(257).fill({ device: "0" }) }, /names 257 devices, at most 256$/],
];

for (const [root, message] of FAULTS) {
  Deno.test(`${JSON.stringify(root).slice(0, 60)} is a usage error: ${message.source}`, async () => {
    await assert.rejects(parse(root), (error: unknown) => {
      assert(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("text that is no JSON, and a file that is not there, are usage errors", async () => {
  await assert.rejects(
    parseServeConfig("{", "xoq.json", none, [KIND]),
    /^UsageError: xoq.json is no JSON/,
  );
  await assert.rejects(readServeConfig("/nonexistent/xoq.json", none), /is not there/);
});

Deno.test("the schema allows exactly the keys that are read", async () => {
  const schema = await configSchema([KIND]) as {
    properties: Record<string, { items: { properties: Record<string, { type?: unknown }> } }>;
  };
  assert.deepEqual(
    Object.keys(schema.properties).toSorted(),
    ["$schema", "camera", ...Object.keys(serverTable())].toSorted(),
  );
  const camera = schema.properties["camera"]!.items.properties;
  assert.deepEqual(
    Object.keys(camera).toSorted(),
    ["device", "name", ...Object.keys(OPTIONS)].toSorted(),
  );
  assert.deepEqual(camera["fps"], {
    description: "frames a second",
    type: "integer",
    minimum: 1,
    maximum: 240,
    default: 30,
  });
});

Deno.test("every kind there is has a schema", async () => {
  const schema = await configSchema();
  assert("camera" in (schema["properties"] as object));
  JSON.stringify(schema);
});

Deno.test("whole numbers have whole bounds, in the schema and so on the command line", async () => {
  const schema = await configSchema();
  const check = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    const { type, minimum, maximum } = value as Record<string, unknown>;
    for (const bound of type === "integer" ? [minimum, maximum] : []) {
      assert(bound === undefined || Number.isInteger(bound), `${path}: integer with ${bound}`);
    }
    for (const [key, part] of Object.entries(value)) check(part, `${path}/${key}`);
  };
  check(schema, "");
});
