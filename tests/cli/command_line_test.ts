/** The command line through the real process: exit codes, messages, events. */
import assert from "node:assert/strict";
import { VERSION } from "../../lib/version.ts";
import { runXoq } from "../support/xoq.ts";

const ID = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
const TICKET = "endpointacfiry65oqe7dfp5klns2pf2lvzmuzyjx4ozieq36n2iqanub5xvyaa";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

interface Case {
  name: string;
  args: string[];
  env?: Record<string, string>;
  code: number;
  /** Of stderr's first line, without `xoq: `. */
  message: RegExp;
  hint?: RegExp;
}

const FAULTS: Case[] = [
  {
    name: "an unknown command is a usage error with the nearest one",
    args: ["tickt", "show"],
    code: 2,
    message: /^"tickt" is no command$/,
    hint: /^did you mean ticket\?$/,
  },
  {
    name: "an unknown command of a group is a usage error",
    args: ["ticket", "shw"],
    code: 2,
    message: /^"shw" is no command$/,
    hint: /^did you mean show\?$/,
  },
  {
    name: "an unknown flag is a usage error with the nearest one",
    args: ["ls", "--jsno"],
    code: 2,
    message: /^there is no flag --jsno$/,
    hint: /^did you mean --json\?$/,
  },
  {
    name: "an unknown letter is a usage error",
    args: ["ls", "-x"],
    code: 2,
    message: /^there is no flag -x$/,
  },
  {
    name: "a flag without its value is a usage error",
    args: ["ticket", "new", "front", "--view", "--expires"],
    code: 2,
    message: /^--expires wants a value$/,
  },
  {
    name: "an empty value is a usage error",
    args: ["ticket", "new", "front", "--view", "--name="],
    code: 2,
    message: /^--name is empty$/,
  },
  {
    name: "a flag given twice is a usage error",
    args: ["ticket", "new", "a", "--view", "--expires", "1s", "--expires", "2s"],
    code: 2,
    message: /^--expires is given twice$/,
  },
  {
    name: "a duration without a unit is a usage error",
    args: ["ticket", "new", "front", "--view", "--expires", "2"],
    code: 2,
    message: /^--expires: "2" is no duration$/,
    hint: /500ms, 15s/,
  },
  {
    name: "a bad environment variable is named",
    args: ["ticket", "new", "front", "--view"],
    env: { XOQ_EXPIRES: "soon" },
    code: 2,
    message: /^XOQ_EXPIRES: "soon" is no duration$/,
  },
  {
    name: "a flag beats the environment, even a bad one",
    args: ["ticket", "new", "front", "--view", "--expires", "2h"],
    env: { XOQ_EXPIRES: "soon" },
    code: 3,
    message: /^there is no identity "front" here$/,
  },
  {
    name: "a missing argument is a usage error",
    args: ["ticket", "show"],
    code: 2,
    message: /^TICKET is missing$/,
    hint: /^see xoq ticket show --help$/,
  },
  {
    name: "one argument too many is a usage error",
    args: ["ticket", "show", TICKET, "more"],
    code: 2,
    message: /^"more" is one argument too many$/,
  },
  {
    name: "a ticket cut short is a usage error",
    args: ["ticket", "show", TICKET.slice(0, -5)],
    code: 2,
    message: /^the ticket is (cut short|mistyped)/,
    hint: /^copy the whole ticket again/,
  },
  {
    name: "a ticket of another kind is a usage error",
    args: ["ticket", "show", "blobabcdefghijklmnopqrstuvw234567"],
    code: 2,
    message: /^this is an iroh blob ticket, not an endpoint's$/,
  },
  {
    name: "a mistyped ticket is a usage error that shows where",
    args: ["ticket", "show", TICKET.slice(0, 30) + "1" + TICKET.slice(31)],
    code: 2,
    message: /^the ticket is mistyped: "1" is not a base32 digit \(character 31\)$/,
  },
  {
    name: "a ticket for neither looking nor steering is a usage error",
    args: ["ticket", "new", "front"],
    code: 2,
    message: /--view or --control, one of them$/,
  },
  {
    name: "a bad device name is a usage error",
    args: ["ticket", "new", "Front", "--view"],
    code: 2,
    message: /^"Front" is no device name$/,
  },
  {
    name: "an unknown shell is a usage error",
    args: ["completions", "tcsh"],
    code: 2,
    message: /^there are no completions for "tcsh"$/,
  },
  {
    name: "a ticket for a device that has no identity here: not found",
    args: ["ticket", "new", "front", "--view"],
    code: 3,
    message: /^there is no identity "front" here$/,
    hint: /^serve the device once/,
  },
];

for (const { name, args, env, code, message, hint } of FAULTS) {
  Deno.test(name, async () => {
    const ended = await runXoq(args, env === undefined ? {} : { env });
    const [first = "", second, ...more] = ended.stderr.split("\n");
    assert.equal(ended.code, code, ended.stderr);
    assert(first.startsWith("xoq: "), first);
    assert.match(first.slice(5), message);
    assert.deepEqual(more, [], "at most two lines");
    if (hint !== undefined) assert.match(second?.replace(/^ {2}/, "") ?? "", hint);
    assert.equal(text(ended.stdout), "", "nothing on stdout");
  });

  Deno.test(`${name}; with --json an event`, async () => {
    const ended = await runXoq([...args, "--json"], env === undefined ? {} : { env });
    assert.equal(ended.code, code);
    assert.equal(ended.stderr, "");
    const [event, ...others] = ended.events;
    assert.deepEqual(others, []);
    assert.equal(event?.event, "error");
    assert.equal(event["code"], code === 2 ? "usage" : "not-found");
    assert.match(String(event["message"]), message);
    if (hint !== undefined) assert.match(String(event["hint"]), hint);
  });
}

Deno.test("--version is one line", async () => {
  const { code, stdout, stderr } = await runXoq(["--version"]);
  assert.deepEqual([code, text(stdout), stderr], [0, `xoq ${VERSION}\n`, ""]);
});

Deno.test("the version is deno.json's", async () => {
  const config = await Deno.readTextFile(new URL("../../deno.json", import.meta.url));
  assert.equal(JSON.parse(config).version, VERSION);
});

Deno.test("xoq alone shows its commands on stderr and is a usage error", async () => {
  const { code, stdout, stderr } = await runXoq([]);
  assert.equal(code, 2);
  assert.equal(stdout.length, 0);
  assert.match(stderr, /Usage: xoq COMMAND/);
});

Deno.test("--help goes to stdout and is no error, of xoq, groups and commands", async () => {
  for (
    const args of [["--help"], ["-h"], ["ticket", "--help"], ["ticket", "new", "-h"], [
      "ls",
      "--help",
    ]]
  ) {
    const { code, stdout, stderr } = await runXoq(args);
    assert.deepEqual([code, stderr], [0, ""], args.join(" "));
    assert.match(text(stdout), /^xoq.*: .*\n\nUsage: xoq/, args.join(" "));
    const wide = text(stdout).split("\n").filter((line) => [...line].length > 100);
    assert.deepEqual(wide, [], "at most 100 columns");
  }
});

Deno.test("xoq ticket show tells what is in a ticket", async () => {
  const human = await runXoq(["ticket", "show", `${ID}@192.0.2.1:4433/front`]);
  assert.equal(human.code, 0);
  assert.match(
    text(human.stdout),
    new RegExp(`^id +${ID}\nz-base-32 +\\w{52}\naddress +192.0.2.1:4433\n`),
  );
  const { stdout } = await runXoq(["ticket", "show", TICKET, "--json"]);
  const shown = JSON.parse(text(stdout));
  assert.equal(shown.id, ID);
  assert.equal(shown.endpoint_ticket, TICKET);
});

Deno.test("an identity is made, shown, ticketed, moved away and back", async () => {
  const folder = await Deno.makeTempDir();
  const state = `${folder}/state`;
  const run = async (...args: string[]) => {
    const ended = await runXoq(args, { state });
    return { ...ended, out: text(ended.stdout).trim() };
  };
  try {
    const { out: id } = await run("key", "make", "front");
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal((await run("key", "make", "front")).out, id);
    assert.match((await run("key", "show")).out, new RegExp(`^NAME +ENDPOINT ID\nfront +${id}$`));

    const view = await run(
      "ticket",
      "new",
      "front",
      "--view",
      "--expires",
      "2h",
      "--once",
      "--json",
    );
    const made = JSON.parse(view.out);
    assert.equal(made.id, id);
    const shown = JSON.parse((await run("ticket", "show", made.ticket, "--json")).out);
    assert.equal(shown.device, "front");
    assert.deepEqual(
      [shown.grant.rights, shown.grant.device, shown.grant.once, shown.grant.valid],
      ["view", "front", true, true],
    );
    const left = Date.parse(shown.grant.expires) - Date.now();
    assert(left > 7_100_000 && left <= 7_201_000, `${left} ms left`);

    const control = await run("ticket", "new", "front", "--control");
    assert.match(control.out, /^endpoint[a-z2-7]+\/front#[\w-]+$/);
    const human = await run("ticket", "show", control.out);
    assert.match(human.out, /grant +control, device front, never expires\nsignature +valid/);

    const file = `${folder}/front.key`;
    assert.equal((await run("key", "move", "front", "--to", file)).code, 0);
    assert.equal((await Deno.stat(file)).size, 32);
    if (Deno.build.os !== "windows") assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    assert.equal((await run("key", "show", "front")).code, 3);
    assert.equal((await run("key", "move", "gone", "--to", `${folder}/x`)).code, 3);
    assert.equal((await run("key", "move", "back", "--from", file)).code, 0);
    assert.match((await run("key", "show")).out, new RegExp(`back +${id}$`));
    await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
    assert.equal((await run("key", "move", "back", "--to", `${folder}/state`)).code, 4);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tickets are made with XoQ's key files, too", async () => {
  const keys = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${keys}/.xoq_camera_key_idx0`, new Uint8Array(32).fill(1), {
      mode: 0o600,
    });
    const { stdout } = await runXoq([
      "ticket",
      "new",
      "front",
      "--view",
      "--key-dir",
      keys,
      "--json",
    ]);
    assert.equal(JSON.parse(text(stdout)).id, ID);
    await Deno.writeFile(`${keys}/.xoq_camera_key_idx0`, new Uint8Array(33));
    const wrong = await runXoq(["ticket", "new", "front", "--view", "--key-dir", keys]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /has 33 bytes, not 32/);
  } finally {
    await Deno.remove(keys, { recursive: true });
  }
});

Deno.test("-v shows where an error comes from; without it there is no stack", async () => {
  const plain = await runXoq(["ticket", "show", "x"]);
  assert.doesNotMatch(plain.stderr, /\n\s+at /);
  const verbose = await runXoq(["ticket", "show", "x", "-v"]);
  assert.match(verbose.stderr, /\n\s+at /);
});

Deno.test("xoq doctor looks at state folder, UDP and settings, and names what is wrong", async () => {
  const { code, stdout } = await runXoq(["doctor", "--json"]);
  const checks = text(stdout).trim().split("\n").map((line) => JSON.parse(line));
  const system = checks.filter((check) => check.room === "system");
  assert.deepEqual(system.map((check) => check.status), ["ok", "ok", "ok", "ok", "ok"]);
  assert.equal(code, checks.some((check) => check.status === "fail") ? 1 : 0);
  const wrong = await runXoq(["doctor"], { env: { XOQ_BIND: "here" } });
  assert.equal(wrong.code, 1);
  assert.match(
    text(wrong.stdout),
    /FAIL +bind address: XOQ_BIND=here is no address\n +fix: set it/,
  );
});

Deno.test("a reader that goes away ends the command quietly", async () => {
  if (Deno.build.os === "windows") return;
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `{ "$0" run -A --quiet ${main} licenses; echo "code $?" >&2; } | head -c 10`,
      Deno.execPath(),
    ],
    stdout: "piped",
    stderr: "piped",
  });
  const { stderr } = await child.output();
  assert.equal(text(stderr), "code 0\n");
});

Deno.test("NO_COLOR and a pipe give no escape codes", async () => {
  const { stdout } = await runXoq(["--help"]);
  assert(!text(stdout).includes("\x1b"));
});
