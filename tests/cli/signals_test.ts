import assert from "node:assert/strict";
import { eachLine, end, within } from "../support/process.ts";

const POSIX = Deno.build.os !== "windows";
const SIGNALS = new URL("../../lib/cli/signals.ts", import.meta.url).href;

/** A process that listens, and does `onAbort` when told to end. */
async function listening(onAbort: string) {
  const script = `
    import { watchSignals } from ${JSON.stringify(SIGNALS)};
    const watch = watchSignals();
    watch.onReload(() => console.log("reload"));
    watch.signal.addEventListener("abort", () => {
      console.log("abort", watch.interrupted, watch.signal.reason.code);
      ${onAbort}
    });
    setInterval(() => {}, 1000);
    console.log("ready");
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    cwd: new URL("../../", import.meta.url),
    stdout: "piped",
  }).spawn();
  const lines: string[] = [];
  let woken = () => {};
  const read = eachLine(child.stdout, (line) => {
    lines.push(line);
    woken();
  });
  const says = (line: string) =>
    within(
      new Promise<void>((resolve) => {
        woken = () => {
          if (lines.includes(line)) resolve();
        };
        woken();
      }),
      10_000,
      () => line,
    );
  await says("ready");
  return {
    child,
    says,
    ended: async () => {
      const { code } = await within(child.status, 5_000, () => "the end");
      await read;
      return code;
    },
    [Symbol.asyncDispose]: async () => {
      await end(child);
      await read;
    },
  };
}

for (const name of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `${name} aborts once, as an interruption`,
    ignore: !POSIX,
    fn: async () => {
      await using process = await listening("Deno.exit(130);");
      process.child.kill(name);
      await process.says("abort true interrupted");
      assert.equal(await process.ended(), 130);
    },
  });
}

Deno.test({
  name: "a second Ctrl-C ends at once what is still cleaning up",
  ignore: !POSIX,
  fn: async () => {
    await using process = await listening("");
    const begin = performance.now();
    process.child.kill("SIGINT");
    await process.says("abort true interrupted");
    process.child.kill("SIGINT");
    assert.equal(await process.ended(), 130);
    assert(performance.now() - begin < 1_500);
  },
});

Deno.test({
  name: "cleaning up takes 2 s at most",
  ignore: !POSIX,
  fn: async () => {
    await using process = await listening("");
    const begin = performance.now();
    process.child.kill("SIGTERM");
    assert.equal(await process.ended(), 130);
    const took = performance.now() - begin;
    assert(took > 1_900 && took < 4_000, `${took} ms`);
  },
});

Deno.test({
  name: "SIGHUP calls back for a reload, again and again",
  ignore: !POSIX,
  fn: async () => {
    await using process = await listening("Deno.exit(130);");
    process.child.kill("SIGHUP");
    await process.says("reload");
    process.child.kill("SIGINT");
    assert.equal(await process.ended(), 130);
  },
});
