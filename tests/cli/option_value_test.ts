import assert from "node:assert/strict";
import fc from "fast-check";
import type { OptionTable } from "../../lib/device.ts";
import { UsageError } from "../../lib/errors.ts";
import { EMPTY_VALUE, normaliseArguments } from "../../lib/cli/argv.ts";
import { defineCommand } from "../../lib/cli/command.ts";
import { formatDuration, givenOptions, resolveOptions } from "../../lib/cli/option_value.ts";
import { scanCommand } from "../../lib/cli/scan.ts";

const TABLE = {
  "http": { type: "optional", brief: "", value: "ADDR" },
  "stdout": { type: "optional", brief: "", values: ["h264", "jpeg"] },
  "fps": { type: "number", brief: "", default: 30, min: 1, max: 240 },
  "gain": { type: "number", brief: "", fraction: true },
  "encoder": { type: "enum", brief: "", values: ["auto", "libav"], default: "auto" },
  "allow": { type: "list", brief: "" },
  "public": { type: "boolean", brief: "" },
  "timeout": { type: "duration", brief: "", default: 15_000, min: 100, max: 3_600_000 },
  "moq-relay": { type: "string", brief: "", alias: "relay" },
  "json": { type: "boolean", brief: "", short: "j" },
} as const satisfies OptionTable;

const COMMAND = defineCommand({
  positionals: [{ value: "DEV", brief: "", many: true }],
  options: TABLE,
  examples: [],
  run: () => Promise.resolve(),
});

async function parse(words: string[], env: Record<string, string> = {}) {
  const { given, args } = await scanCommand(COMMAND, TABLE, words, "xoq test");
  const values = resolveOptions(TABLE, given, (name) => env[name]);
  return { values, args, given: givenOptions(TABLE, given, (name) => env[name]) };
}

Deno.test("an option that nobody gave has its default", async () => {
  const { values, args, given } = await parse(["0"]);
  assert.deepEqual(values, {
    "http": undefined,
    "stdout": undefined,
    "fps": 30,
    "gain": undefined,
    "encoder": "auto",
    "allow": [],
    "public": false,
    "timeout": 15_000,
    "moq-relay": undefined,
    "json": false,
  });
  assert.deepEqual(args, ["0"]);
  assert.equal(given.size, 0);
});

/** Words, environment, option, value, positionals left. */
const CASES: [string[], Record<string, string>, keyof typeof TABLE, unknown, string[]][] = [
  [["--http", "0"], {}, "http", "", ["0"]],
  [["--http=:8080", "0"], {}, "http", ":8080", ["0"]],
  [["0", "--http"], {}, "http", "", ["0"]],
  [["--http=", "0"], {}, "http", "", ["0"]],
  [["0"], { XOQ_HTTP: "1" }, "http", "", ["0"]],
  [["0"], { XOQ_HTTP: "no" }, "http", undefined, ["0"]],
  [["0"], { XOQ_HTTP: ":1" }, "http", ":1", ["0"]],
  [["--stdout", "jpeg", "0"], {}, "stdout", "jpeg", ["0"]],
  [["--stdout", "0"], {}, "stdout", "", ["0"]],
  [["--stdout=h264", "jpeg"], {}, "stdout", "h264", ["jpeg"]],
  [["--fps", "60", "0"], { XOQ_FPS: "10" }, "fps", 60, ["0"]],
  [["0"], { XOQ_FPS: "10" }, "fps", 10, ["0"]],
  [["0"], { XOQ_FPS: "" }, "fps", 30, ["0"]],
  [["--gain=-0.5", "0"], {}, "gain", -0.5, ["0"]],
  [["--encoder", "libav", "0"], {}, "encoder", "libav", ["0"]],
  [["--allow", "a", "0", "--allow=b"], { XOQ_ALLOW: "c" }, "allow", ["a", "b"], ["0"]],
  [["0"], { XOQ_ALLOW: "a, b" }, "allow", ["a", "b"], ["0"]],
  [["--public", "0"], {}, "public", true, ["0"]],
  [["--public=false", "0"], { XOQ_PUBLIC: "1" }, "public", false, ["0"]],
  [["0"], { XOQ_PUBLIC: "yes" }, "public", true, ["0"]],
  [["--timeout", "1.5s", "0"], {}, "timeout", 1500, ["0"]],
  [["--relay", "https://x", "0"], {}, "moq-relay", "https://x", ["0"]],
  [["--relay=https://x?a=b", "0"], {}, "moq-relay", "https://x?a=b", ["0"]],
  [["-j", "0", "1"], {}, "json", true, ["0", "1"]],
  [["0", "--", "--http", "-j"], {}, "json", false, ["0", "--http", "-j"]],
];

for (const [words, env, option, value, left] of CASES) {
  const variables = Object.entries(env).map(([name, text]) => `${name}=${text} `).join("");
  Deno.test(`${variables}${words.join(" ")} makes --${option} ${JSON.stringify(value)}`, async () => {
    const { values, args, given } = await parse(words, env);
    assert.deepEqual(values[option], value);
    assert.deepEqual(args, left);
    if (Object.values(env).join() !== "") assert(given.has(option));
  });
}

const FAULTS: [string[], Record<string, string>, RegExp][] = [
  [["--fps", "x", "0"], {}, /^--fps: "x" is no whole number$/],
  [["--fps", "1.5", "0"], {}, /^--fps: "1.5" is no whole number$/],
  [["--fps", "241", "0"], {}, /^--fps: 241 is out of range$/],
  [["--fps", "1e3", "0"], {}, /^--fps: "1e3" is no whole number$/],
  [["--gain", "x", "0"], {}, /^--gain: "x" is no number$/],
  [["0"], { XOQ_FPS: "0" }, /^XOQ_FPS: 0 is out of range$/],
  [["--encoder", "nvenx", "0"], {}, /^--encoder: "nvenx" is none of its values$/],
  [["--stdout=mp3", "0"], {}, /^--stdout: "mp3" is none of its values$/],
  [["--public=perhaps", "0"], {}, /perhaps/],
  [["0"], { XOQ_PUBLIC: "perhaps" }, /^XOQ_PUBLIC: "perhaps" is neither yes nor no$/],
  [["--timeout", "99ms", "0"], {}, /^--timeout: 99ms is out of range$/],
  [["--timeout", "-1s", "0"], {}, /^--timeout: "-1s" is no duration$/],
  [["--moq-relay=", "0"], {}, /^--moq-relay is empty$/],
  [["--moq-relay", "x".repeat(20_000), "0"], {}, /^--moq-relay is 20000 characters long/],
  [["--fpss", "1", "0"], {}, /^there is no flag --fpss$/],
  [["--no-public", "0"], {}, /^there is no flag --no-public$/],
  [[], {}, /^DEV is missing$/],
];

for (const [words, env, message] of FAULTS) {
  const shown = words.join(" ").slice(0, 60);
  Deno.test(`${JSON.stringify(env)} ${shown} is a usage error: ${message.source}`, async () => {
    await assert.rejects(parse(words, env), (error: unknown) => {
      assert(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("words behind -- are never rewritten", () => {
  assert.deepEqual(
    normaliseArguments(["--http", "--", "--http", "--relay", "x"], TABLE),
    [`--http=${EMPTY_VALUE}`, "--", "--http", "--relay", "x"],
  );
});

Deno.test("durations are written as they are read", async () => {
  for (const [text, ms] of [["500ms", 500], ["15s", 15_000], ["2m", 120_000], ["1h", 3_600_000]]) {
    const { values } = await parse(["--timeout", String(text), "0"]);
    assert.equal(values["timeout"], ms);
    assert.equal(formatDuration(Number(ms)), text);
  }
  assert.equal(formatDuration(86_400_000), "1d");
  assert.equal(formatDuration(1_500), "1500ms");
});

Deno.test("any words are taken apart or a usage error", async () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "--http",
      "--fps",
      "30",
      "--",
      "-j",
      "--relay=x",
      "--stdout",
      "jpeg",
      "--http=",
      "-",
    ),
  );
  await fc.assert(fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (words) => {
    try {
      await parse(words.map((text) => text.replaceAll("\0", "")));
    } catch (error) {
      assert(error instanceof UsageError, `${JSON.stringify(words)}: ${error}`);
    }
  }));
});
