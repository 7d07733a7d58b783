/** `xoq moq`: the real command. */
import assert from "node:assert/strict";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { runXoq, xoq } from "../support/xoq.ts";

const native = requires(whyNoNativeQuic());

Deno.test({
  name: "xoq moq sub takes a device's ticket, and writes its objects with their places",
  ...native,
  async fn() {
    await using server = xoq(
      "camera test --h264 --width 320 --height 240 --name front --json".split(" "),
    );
    const { ticket } = await server.until("ready");
    const { code, stdout, stderr } = await runXoq([
      ...["moq", "sub", ticket as string, "--namespace", "xoq/front", "--track", "video"],
      ...["--format", "json", "--count", "5"],
    ]);
    assert.equal(code, 0, stderr);
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n").map((l) => JSON.parse(l));
    assert.equal(lines.length, 5);
    assert.equal(lines[0].object, 0);
    for (const [index, { group, object, size }] of lines.entries()) {
      assert.ok(size > 0);
      const before = lines[index - 1];
      if (before?.group === group) assert.equal(object, before.object + 1);
      else assert.equal(object, 0);
    }
  },
});

Deno.test("xoq moq interop has the interface that moq-interop-runner wants", async () => {
  const list = await runXoq(["moq", "interop", "-l"]);
  assert.equal(list.code, 0);
  const names = new TextDecoder().decode(list.stdout).trimEnd().split("\n");
  assert.equal(names.length, 14);
  for (const name of ["setup-only", "announce-only", "subscribe-before-announce", "join"]) {
    assert.ok(names.includes(name), name);
  }
  const env = { RELAY_URL: "moqt://127.0.0.1:9" };
  const unknown = await runXoq(["moq", "interop"], { env: { ...env, TESTCASE: "no-such-case" } });
  assert.equal(unknown.code, 127);
  assert.match(
    new TextDecoder().decode(unknown.stdout),
    /^TAP version 14\n1\.\.1\nnot ok 1 .*SKIP/,
  );
  const draft = await runXoq(["moq", "interop"], { env: { ...env, MOQT_DRAFT: "9" } });
  assert.equal(draft.code, 127);
  assert.equal((await runXoq(["moq", "interop"])).code, 2);
});

Deno.test("xoq moq says what is wrong with its arguments", async () => {
  const wrong: [string[], RegExp][] = [
    [["sub"], /no server is given/],
    [["sub", "http://localhost"], /no address of a MoQT server/],
    [["sub", "moqt://localhost", "--filter", "x"], /--filter/],
    [["sub", "moqt://localhost", "--draft", "9"], /not spoken/],
    [["sub", "moqt://localhost", "--cert-hash", "zz"], /no SHA-256/],
    [["pub", "--listen", "0.0.0.0:0"], /not this machine's alone/],
    [["pub", "moqt://localhost", "--namespace", "a//b"], /empty field/],
    [["probe"], /no relays are given/],
    [["join"], /URL is missing/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await runXoq(["moq", ...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
  }
});
