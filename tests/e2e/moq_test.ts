/** `xoq moq`: the real command. */
import assert from "node:assert/strict";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { freePort, runXoq, type Xoq, xoq } from "../support/xoq.ts";

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

async function relay(port: number, state?: string): Promise<Xoq> {
  const started = xoq(
    ["relay", "--listen", `127.0.0.1:${port}`, "--public", "--json"],
    state === undefined ? {} : { state },
  );
  await started.until("ready");
  return started;
}

/** Places of a file of JSON lines, without gaps. */
async function places(path: string): Promise<number[][]> {
  return (await Deno.readTextFile(path)).split("\n").slice(0, -1)
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "object")
    .map(({ group, object }) => [group, object]);
}

Deno.test({
  name: "xoq moq probe finds that our relay speaks every draft over QUIC and WebTransport",
  ...native,
  async fn() {
    const port = freePort();
    await using _relay = await relay(port);
    const { code, stdout, stderr } = await runXoq([
      ...["moq", "probe", `moqt://127.0.0.1:${port}/`, "--insecure", "--both-transports"],
    ], { timeoutMs: 90_000 });
    assert.equal(code, 0, stderr);
    const report = JSON.parse(new TextDecoder().decode(stdout));
    const { endpoints } = report.relays[`moqt://127.0.0.1:${port}/`];
    assert.deepEqual(
      endpoints.map(({ transport }: { transport: string }) => transport),
      ["QUIC", "H3/WT"],
    );
    for (const { drafts, probes } of endpoints) {
      assert.deepEqual(drafts, [...VERSIONS].sort((a, b) => a - b));
      for (const { draft, checks, rtt_ms } of probes) {
        assert.ok(rtt_ms > 0);
        for (
          const [name, { ok, error }] of Object.entries<{ ok?: boolean; error?: string }>(checks)
        ) {
          assert.equal(ok, true, `draft ${draft}, ${name}: ${error}`);
        }
      }
    }
  },
});

Deno.test("xoq moq probe takes relay_probe's list, files and variables", async () => {
  const folder = await Deno.makeTempDir({ prefix: "xoq-moq-" });
  const [list, out] = [`${folder}/relays.json`, `${folder}/status.json`];
  const url = `moqt://127.0.0.1:${freePort()}`;
  await Deno.writeTextFile(list, JSON.stringify([{ id: "gone", name: "Gone", endpoints: [url] }]));
  const env = { RELAYS_FILE: list, OUTPUT_FILE: out, PROBE_TIMEOUT: "0.3", PROBE_INTERVAL: "60" };
  const { code, stdout } = await runXoq(["moq", "probe", "--once", "--draft", "18,16"], { env });
  assert.equal(code, 1);
  assert.equal(stdout.length, 0);
  const { relays } = JSON.parse(await Deno.readTextFile(out));
  assert.equal(relays.gone.name, "Gone");
  assert.equal(relays.gone.live, false);
  const [endpoint] = relays.gone.endpoints;
  assert.deepEqual(endpoint.probes.map(({ draft }: { draft: number }) => draft), [18, 16]);
  assert.ok(endpoint.probes.every(({ error }: { error: string }) => error.length > 0));
  await Deno.remove(folder, { recursive: true });
});

for (const scheme of ["moqt", "https"]) {
  Deno.test({
    name: `${scheme}: datagrams go through the relay as datagrams`,
    ...native,
    async fn() {
      const port = freePort();
      await using _relay = await relay(port);
      const url = `${scheme}://127.0.0.1:${port}/`;
      await using publisher = xoq([
        ...["moq", "pub", url, "--insecure", "--datagrams", "--rate", "100", "--json"],
      ]);
      await publisher.until("session");
      const { code, stdout, stderr } = await runXoq([
        ...["moq", "sub", url, "--insecure", "--format", "json", "--arrival", "--count", "20"],
      ]);
      assert.equal(code, 0, stderr);
      const lines = new TextDecoder().decode(stdout).trimEnd().split("\n")
        .map((line) => JSON.parse(line));
      assert.equal(lines.length, 20);
      for (const { datagram, size, text } of lines) {
        assert.equal(datagram, true);
        assert.equal(size, 1024);
        assert.match(text, /^\d+ \d{4}-/);
      }
    },
  });

  Deno.test({
    name: `${scheme}: what is published comes out of the relay, joined from its beginning`,
    ...native,
    async fn() {
      const port = freePort();
      await using _relay = await relay(port);
      const url = `${scheme}://127.0.0.1:${port}/`;
      const out = await Deno.makeTempFile({ prefix: "xoq-moq-" });
      const bytes = crypto.getRandomValues(new Uint8Array(60_000));
      await using publisher = xoq([
        ...["moq", "pub", url, "-", "--insecure", "--json", "--split", "bytes", "--size", "500"],
        ...["--group", "10"],
      ], { stdin: true });
      await publisher.until("session");
      const input = publisher.stdin.getWriter();
      await using first = xoq(["moq", "sub", url, "--insecure", "--json", "--out", "/dev/null"]);
      await first.until("subscribed");
      await input.write(bytes.subarray(0, 30_250));
      await first.until("stats", { where: ({ objects }) => Number(objects) >= 60 });
      // Somebody who comes later gets all of it, in an older draft.
      await using joined = xoq([
        ...["moq", "join", url, "--insecure", "--from", "0", "--out", out, "--draft", "16"],
        "--json",
      ]);
      await joined.until("subscribed");
      await input.write(bytes.subarray(30_250));
      await input.close();
      for (const child of [joined, publisher, first]) assert.equal((await child.exit()).code, 0);
      assert.deepEqual(await Deno.readFile(out), bytes);
      await Deno.remove(out);
    },
  });

  Deno.test({
    name: `${scheme}: publisher and subscriber come back within 3 s after their relay was killed`,
    ...native,
    async fn() {
      const port = freePort();
      const url = `${scheme}://127.0.0.1:${port}/`;
      const first = await relay(port);
      const out = await Deno.makeTempFile({ prefix: "xoq-moq-" });
      await using publisher = xoq(["moq", "pub", url, "--insecure", "--rate", "50", "--json"]);
      await publisher.until("session");
      await using subscriber = xoq([
        ...["moq", "sub", url, "--insecure", "--format", "json", "--out", out, "--json"],
      ]);
      await subscriber.until("stats", { where: ({ objects }) => Number(objects) > 0 });
      first.signal("SIGKILL");
      await first.exit();
      await using _second = await relay(port);
      const began = performance.now();
      const count = (await places(out)).length;
      const after = subscriber.events.length;
      await subscriber.until("session", { after, where: ({ again }) => again === true });
      await subscriber.until("subscribed", { after });
      const seconds = (performance.now() - began) / 1000;
      await subscriber.until("stats", { after, where: ({ objects }) => Number(objects) > count });
      assert.equal(await subscriber.interrupt(), 130);
      // Nothing twice, nothing old after something new.
      const seen = await places(out);
      for (const [index, [group = 0, object = 0]] of seen.entries()) {
        const [beforeGroup = -1, before = -1] = seen[index - 1] ?? [];
        assert.ok(group > beforeGroup || (group === beforeGroup && object > before));
      }
      assert.ok(seconds < 3, `it took ${seconds} s`);
      await Deno.remove(out);
    },
  });
}

Deno.test({
  name: "pub --listen shows its certificate's hash, and lets in who shows the token",
  ...native,
  async fn() {
    await using server = xoq([
      ...["moq", "pub", "-", "--listen", "127.0.0.1:0", "--token", "secret", "--json"],
      ...["--group", "2"],
    ], { stdin: true });
    const { urls, certificate_hash } = await server.until("listening");
    const writer = server.stdin.getWriter();
    await writer.write(new TextEncoder().encode("one\ntwo\nthr"));
    for (const url of urls as string[]) {
      const pinned = ["moq", "sub", url, "--cert-hash", certificate_hash as string, "--json"];
      const stranger = await runXoq(pinned);
      assert.equal(stranger.code, 5, stranger.stderr);
      assert.equal(stranger.stdout.length, 0);
      const other = `${(certificate_hash as string).slice(0, -2)}00`;
      const wrong = await runXoq(["moq", "sub", url, "--cert-hash", other, "--token", "secret"]);
      assert.equal(wrong.code, 5, wrong.stderr);
    }
    await using subscriber = xoq([
      ...["moq", "sub", (urls as string[])[1]!, "--cert-hash", certificate_hash as string],
      ...["--token", "secret", "--json"],
    ], { data: true });
    await subscriber.until("subscribed");
    await writer.write(new TextEncoder().encode("ee\n"));
    await writer.close();
    assert.equal(await new Response(subscriber.stdout).text(), "one\ntwo\nthree\n");
    assert.equal((await subscriber.exit()).code, 0);
    assert.equal((await server.exit()).code, 0);
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
  assert.match(new TextDecoder().decode(draft.stdout), /^TAP version 14\n1\.\.0 # SKIP draft 9/);
  const elsewhere = ["moq", "interop", "-t", "setup-only", "--timeout", "200ms"];
  const failed = await runXoq(elsewhere);
  assert.equal(failed.code, 1, failed.stderr);
  assert.match(new TextDecoder().decode(failed.stdout), /^# target: https:\/\/localhost:4443$/m);
});

Deno.test({
  name: "xoq moq interop tells the draft that was negotiated, and takes aiomoqt's variables",
  ...native,
  async fn() {
    const port = freePort();
    await using _relay = await relay(port);
    const env = {
      RELAY_URL: `moqt://127.0.0.1:${port}`,
      TLS_DISABLE_VERIFY: "1",
      TESTCASE: "announce-only",
      MOQT_DRAFT: "draft-16",
      NAMESPACE_PREFIX: "anon",
      AUTH_TOKEN: "anything",
    };
    const { code, stdout, stderr } = await runXoq(["moq", "interop"], { env });
    assert.equal(code, 0, stderr);
    const lines = new TextDecoder().decode(stdout).split("\n");
    assert.ok(lines.indexOf("# Draft: draft-16") < lines.indexOf("1..1"), lines.join("\n"));
    assert.ok(lines.includes("# Draft: draft-16"));
  },
});

Deno.test({
  name: "xoq moq probe offers drafts in one session with --offer, and tells what was chosen",
  ...native,
  async fn() {
    const port = freePort();
    await using _relay = await relay(port);
    const url = `moqt://127.0.0.1:${port}`;
    const { code, stdout, stderr } = await runXoq([
      ...["moq", "probe", "--url", url, "-k", "--offer", "--draft", "16,18", "--setup-only"],
    ]);
    assert.equal(code, 0, stderr);
    const { relays } = JSON.parse(new TextDecoder().decode(stdout));
    const [endpoint] = relays[url].endpoints;
    assert.equal(endpoint.probes.length, 1);
    assert.deepEqual(endpoint.drafts, [endpoint.draft]);
    assert.ok([16, 18].includes(endpoint.draft));
  },
});

Deno.test({
  name: "xoq moq sub ends where its file takes no more, instead of asking for another session",
  ignore: native.ignore || Deno.build.os !== "linux",
  async fn() {
    const port = freePort();
    await using _relay = await relay(port);
    const url = `moqt://127.0.0.1:${port}`;
    await using publisher = xoq(["moq", "pub", url, "-k", "--json", "--rate", "100"]);
    await publisher.until("session");
    const { code, stderr } = await runXoq(["moq", "sub", url, "-k", "--out", "/dev/full"]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /\/dev\/full: the disk is full/);
    assert.doesNotMatch(stderr, /the session is gone/);
  },
});

Deno.test("xoq moq pub publishes nothing to a server that it never reached", async () => {
  const url = `moqt://127.0.0.1:${freePort()}`;
  const { code, stderr } = await runXoq([
    ...["moq", "pub", url, "-k", "--count", "1", "--rate", "1000", "--timeout", "500ms"],
  ]);
  assert.equal(code, 6, stderr);
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
    [["sub", "moqt://localhost", "--insecure", "--ca", "x"], /one of --ca, --cert-hash and/],
    [["sub", "--listen", ":0", "--cert", "x"], /--cert is given alone/],
    [["pub", "moqt://localhost", "/"], /\/ is a folder/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await runXoq(["moq", ...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, message);
  }
});
