/** `xoq moq bench` as a command, its two ends as processes, and aiomoqt's ends with ours. */
import assert from "node:assert/strict";
import { aiomoqtProgram, noAiomoqt } from "../support/aiomoqt.ts";
import { eachLine, end, within } from "../support/process.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { missingProgram, requires } from "../support/requires.ts";
import { freePort, runXoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic());
const withAiomoqt = requires(
  whyNoNativeQuic(),
  noAiomoqt,
  await missingProgram("openssl", ["version"]),
);

interface Result {
  objects_per_second: number;
  mbps: number;
  lost: number;
  latency_ms: { p50: number; p95: number; p99: number };
  objects: number;
  [more: string]: unknown;
}

/** The last line of a benchmark's `--json`. */
async function measure(...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await runXoq(["moq", "bench", ...args, "--json"], {
    timeoutMs: 60_000,
  });
  const said = new TextDecoder().decode(stdout).trimEnd();
  assert.equal(code, 0, `${said}\n${stderr}`);
  return JSON.parse(said.split("\n").at(-1)!);
}

function checkResult(result: Result): void {
  assert.equal(result.lost, 0);
  assert.ok(result.objects > 0 && result.objects_per_second > 0 && result.mbps > 0);
  const { p50, p95, p99 } = result.latency_ms;
  assert.ok(p50 >= 0 && p50 <= p95 && p95 <= p99, JSON.stringify(result.latency_ms));
}

const LOAD = ["-s", "1000", "-g", "100", "-r", "2000", "-t", "1.5", "-i", "0.5"];

for (
  const [name, ...args] of [["WebTransport"], ["QUIC", "-Q"], [
    "QUIC, three streams",
    "-Q",
    "-P",
    "3",
  ]]
) {
  Deno.test({
    name: `a benchmark in one process measures objects over ${name}`,
    ignore,
    fn: async () => checkResult(await measure("loopback", ...args, ...LOAD)),
  });
}

Deno.test({
  name: "a benchmark measures objects in datagrams",
  ignore,
  fn: async () => {
    const { objects } = await measure("loopback", "-Q", "-D", ...LOAD);
    assert.ok(objects > 1000, `${objects} objects`);
  },
});

Deno.test({
  name: "a benchmark measures a relay of its own, and many subscribers",
  ignore,
  fn: async () => {
    checkResult(await measure("relay", "-Q", "-n", "2", ...LOAD));
    const result = await measure("fanout", "-n", "5", "-t", "3");
    checkResult(result);
    assert.equal(result["subscribers"], 5);
    assert.ok(Number(result["least_objects"]) > 10);
  },
});

Deno.test({
  name: "a benchmark finds how much gets through",
  ignore,
  fn: async () => {
    const result = await measure(
      ...["adaptive", "-Q", "--max-mbps", "10", "--start-mbps", "5", "--step-mbps", "5"],
      ...["--latency-threshold", "10000", "-i", "1", "-t", "20", "-s", "1000"],
    );
    assert.ok(Number(result["best_mbps"]) > 3, `${result["best_mbps"]}`);
  },
});

Deno.test({
  name: "a benchmark finds how many get through, by what its publisher sends elsewhere, too",
  ignore,
  fn: async () => {
    await using relay = xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
    const { urls } = await relay.until("ready");
    const url = (urls as string[])[0]!;
    const subs = ["adaptive", url, "-k", "--mode", "subs", "--sub-mbps", "0.5", "-s", "1000"];
    await using publisher = xoq(["moq", "bench", ...subs, "--role", "pub", "-g", "20", "--json"]);
    await publisher.until("offered");
    const report = await Deno.makeTempFile({ suffix: ".csv" });
    try {
      const result = await measure(
        ...[...subs, "--role", "sub", "--step-subs", "2", "--max-subs", "5", "-j", "0.5"],
        ...["-S", "0.02", "--latency-threshold", "10000", "--shortfall-ratio", "0.3"],
        ...["--sub-filter", "next-group", "--report", report, "-t", "30"],
      );
      assert.ok(Number(result["best_subscribers"]) > 1, JSON.stringify(result));
      assert.equal(result.lost, 0);
      const lines = (await Deno.readTextFile(report)).trimEnd().split("\n");
      assert.equal(lines[0]!.split(",")[1], "level");
      assert.deepEqual(lines.slice(1).map((line) => Number(line.split(",")[1])).at(0), 1);
      assert.ok(lines.length >= 3, `${lines.length} lines`);
    } finally {
      await Deno.remove(report);
    }
  },
});

Deno.test({
  name: "two ends of a benchmark find each other by a relay, whichever way the track is offered",
  ignore,
  fn: async () => {
    await using relay = xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
    const { urls } = await relay.until("ready");
    const url = (urls as string[])[0]!;
    for (const offer of [["--pub-ns"], []]) {
      const track = ["-T", `track${offer.length}`];
      await using publisher = xoq([
        "moq",
        "bench",
        "pub",
        url,
        "-k",
        ...offer,
        ...track,
        "-r",
        "500",
        "--json",
      ]);
      await publisher.until("offered");
      checkResult(await measure("sub", url, "-k", "-t", "1.5", ...track));
    }
  },
});

Deno.test({
  name: "a benchmark's subscriber that comes first waits for its publisher, but not for ever",
  ignore,
  fn: async () => {
    await using relay = xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
    const { urls } = await relay.until("ready");
    const url = (urls as string[])[0]!;
    const { code } = await runXoq(["moq", "bench", "sub", url, "-k", "--timeout", "300ms"]);
    assert.equal(code, 3);
    await using subscriber = xoq(["moq", "bench", "sub", url, "-k", "-t", "0", "--json"]);
    await subscriber.until("waiting");
    await using _publisher = xoq(["moq", "bench", "pub", url, "-k", "-r", "500", "-t", "2"]);
    assert.equal((await subscriber.exit()).code, 0);
    checkResult(JSON.parse(subscriber.printed.at(-1)!));
  },
});

Deno.test({
  name: "a benchmark that is interrupted tells what it measured, and leaves nothing behind",
  ignore,
  fn: async () => {
    await using publisher = xoq([
      "moq",
      "bench",
      "pub",
      "--listen",
      "127.0.0.1:0",
      "-r",
      "500",
      "--json",
    ]);
    const { urls } = await publisher.until("listening") as unknown as { urls: string[] };
    await using subscriber = xoq(["moq", "bench", "sub", urls[0]!, "-k", "-i", "0.2", "--json"]);
    await subscriber.until("interval");
    subscriber.signal("SIGINT");
    assert.equal((await subscriber.exit()).code, 130);
    const result = JSON.parse(subscriber.printed.at(-1)!);
    assert.ok(result.objects > 0);
    publisher.signal("SIGINT");
    assert.equal((await publisher.exit()).code, 130);
    assert.equal(JSON.parse(publisher.printed.at(-1)!).subscribers, 1);
  },
});

Deno.test({
  name: "a benchmark without a server, or with options that do not go together, is refused",
  ignore,
  fn: async () => {
    for (
      const args of [
        ["pub"],
        ["pub", "moqt://127.0.0.1:1", "--pub-ns", "--pub-both"],
        ["pub", "moqt://127.0.0.1:1", "--listen", ":0"],
        ["loopback", "-D", "-s", "2000"],
        ["loopback", "--video", "720p", "-D"],
        ["pub", "--listen", "0.0.0.0:0"],
        ["adaptive", "--role", "pub"],
        ["adaptive", "moqt://127.0.0.1:1", "--mode", "bw", "--role", "sub"],
        ["loopback", "--congestion", "reno"],
      ]
    ) {
      const { code } = await runXoq(["moq", "bench", ...args]);
      assert.equal(code, 2, args.join(" "));
    }
  },
});

for (const scheme of ["moqt", "https"] as const) {
  Deno.test({
    name: `aiomoqt's subscriber measures our publisher (${scheme})`,
    ...withAiomoqt,
    fn: async () => {
      await using publisher = xoq([
        ...["moq", "bench", "pub", "--listen", "127.0.0.1:0", "-N", "aiomoqt", "--json"],
        ...["-s", "1000", "-g", "100", "-r", "2000", "-t", "60"],
      ]);
      const { urls } = await publisher.until("listening") as unknown as { urls: string[] };
      const url = urls.find((it) => it.startsWith(scheme))!;
      const { stdout } = await new Deno.Command(aiomoqtProgram("moq-sub-bench"), {
        args: [url, "-N", "aiomoqt", "-T", "track", "-k", "-t", "2", "--draft", "16"],
        stdin: "null",
        stderr: "null",
        signal: AbortSignal.timeout(60_000),
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert.match(text, /Lost:\s+0 /);
      assert.match(text, /Timestamps:\s+loc/);
      assert.ok(Number(/Objects:\s+([\d,]+)/.exec(text)?.[1]?.replaceAll(",", "")) > 1000, text);
    },
  });

  Deno.test({
    name: `our subscriber measures aiomoqt's publisher (${scheme})`,
    ...withAiomoqt,
    fn: async () => {
      const folder = await Deno.makeTempDir({ prefix: "xoq-bench-" });
      const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
      await new Deno.Command("openssl", {
        args: [
          ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10".split(
            " ",
          ),
          ...["-subj", "/CN=localhost", "-keyout", key, "-out", cert],
        ],
        stdout: "null",
        stderr: "null",
      }).output();
      const port = freePort();
      const publisher = new Deno.Command(aiomoqtProgram("moq-pub-server"), {
        args: [
          ...["--bind", "127.0.0.1", "-p", `${port}`, "-Q", "-W", "--cert", cert, "--key", key],
          ...["-s", "1000", "-g", "100", "-r", "2000"],
        ],
        env: { PYTHONUNBUFFERED: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      try {
        const ready = new Promise<void>((resolve) => {
          eachLine(publisher.stdout, (line) => line.includes("server ready") && resolve())
            .catch(() => {});
        });
        await within(ready, 20_000, () => "moq-pub-server's start");
        const url = `${scheme}://127.0.0.1:${port}/`;
        checkResult(await measure("sub", url, "-N", "aiomoqt", "-k", "-t", "2"));
      } finally {
        await end(publisher);
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
