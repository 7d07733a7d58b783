/** Who gets in, who doesn't, and what those are told. */
import assert from "node:assert/strict";
import { camera } from "../support/served_camera.ts";
import { type Finished, runXoq, xoq } from "../support/xoq.ts";

/** Tries to get a picture, and gives up soon. */
async function open(ticket: string, ...more: string[]): Promise<Finished> {
  const folder = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    const args = ["open", ticket, "--snapshot", `${folder}/p.jpg`, "--timeout", "3s", ...more];
    return await runXoq(args);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Checks the exit code, and that people are told in one or two lines without a stack trace. */
function assertRefused({ code, stderr }: Finished, expected: number, saying: RegExp): void {
  assert.equal(code, expected, stderr);
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("! no home"));
  assert(lines.length >= 1 && lines.length <= 2, stderr);
  assert.match(lines.join("\n"), saying);
  assert.doesNotMatch(stderr, /\bat .*\.ts:\d+/);
}

Deno.test("a ticket that is damaged, or of another kind, is a usage error", async () => {
  await using server = await camera(["--h264"]);
  const { ticket, endpointTicket } = server;
  const cases: [string, string][] = [
    ["empty", ""],
    ["cut within the address", endpointTicket.slice(0, 40)],
    ["cut within the grant", ticket.slice(0, -9)],
    ["mistyped in the address", ticket.replace(/^(endpoint.{10})./, "$11")],
    ["of another kind", ticket.replace(/^endpoint/, "blob")],
    ["with a device name that is none", `${endpointTicket}/FRONT DOOR`],
  ];
  for (const [what, text] of cases) {
    await check(what, text);
  }
  async function check(what: string, text: string): Promise<void> {
    const result = await open(text);
    assertRefused(result, 2, /ticket/i);
    assert.notEqual(result.stderr, "", what);
  }
});

Deno.test("without a grant, or with one by someone else, nobody gets in", async () => {
  await using server = await camera(["--h264"]);
  await using other = await camera(["--h264"]);
  assertRefused(await open(server.endpointTicket), 5, /grant|ticket/);
  const [, foreign] = other.ticket.split("#");
  assertRefused(await open(`${server.endpointTicket}#${foreign}`), 2, /another endpoint/);
  // The last character is the signature's.
  const character = server.ticket.endsWith("A") ? "Q" : "A";
  const forged = await open(server.ticket.slice(0, -1) + character);
  assert([2, 5].includes(forged.code), `exit code ${forged.code}: ${forged.stderr}`);
  await server.xoq.until("stats", {
    where: ({ refused }) => Number((refused as { denied: number }).denied) >= 1,
  });
});

Deno.test("--public lets everybody in, --allow one endpoint", async () => {
  await using server = await camera(["--h264", "--public"]);
  assert.equal((await open(server.endpointTicket)).code, 0);
  await using choosy = await camera(["--h264", "--allow", server.id]);
  assertRefused(await open(choosy.endpointTicket), 5, /grant|ticket/);
});

Deno.test("a ticket of one's own making lets in until it expires", async () => {
  const state = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    await using server = await camera(["--h264", "--name", "front"], { state });
    const make = async (...args: string[]) => {
      const { code, stdout, stderr } = await runXoq(["ticket", "new", "front", ...args], { state });
      assert.equal(code, 0, stderr);
      return new TextDecoder().decode(stdout).trim();
    };
    assert.equal((await open(await make("--view"))).code, 0);
    const brief = await make("--view", "--expires", "4s");
    await using viewer = xoq(["open", brief, "--stdout=h264", "--json"], { data: true });
    const reading = new Response(viewer.stdout).arrayBuffer();
    await viewer.until("open");
    assert.equal((await viewer.exit()).code, 5, "a viewer whose grant runs out is sent away");
    await reading;
    assertRefused(await open(brief), 5, /expired/);
    const once = await make("--view", "--once");
    assert.equal((await open(once)).code, 0);
    assertRefused(await open(once), 5, /once|used/);
    assert.equal((await open(server.ticket)).code, 0, "the others still hold");
  } finally {
    await Deno.remove(state, { recursive: true });
  }
});

Deno.test("a server that is not there is unreachable, a device that is not there not found", async () => {
  let ticket: string;
  {
    await using server = await camera(["--h264"]);
    ticket = server.ticket;
    const elsewhere = ticket.replace(/\/[^#]*#/, "/nothing#");
    assertRefused(await open(elsewhere), 3, /nothing/);
  }
  assertRefused(await open(ticket), 6, /reach/);
});

Deno.test("--no-reconnect ends with 7 when the server is lost", async () => {
  await using server = await camera(["--h264"]);
  const args = ["open", server.ticket, "--stdout=h264", "--json", "--no-reconnect"];
  await using viewer = xoq(args, { data: true });
  const reading = new Response(viewer.stdout).arrayBuffer();
  await viewer.until("open");
  server.xoq.signal("SIGKILL");
  assert.equal((await viewer.exit(10_000)).code, 7);
  await reading;
});
