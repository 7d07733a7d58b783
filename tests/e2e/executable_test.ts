/** What only an executable can get wrong: run with `XOQ_BINARY`. The sources have none of this. */
import assert from "node:assert/strict";
import { noPrivateNetwork } from "../support/private_network.ts";
import { noFfmpeg } from "../support/ffmpeg.ts";
import { assertInOrder, readPictures } from "../support/pattern.ts";
import { camera, receive, SIZE } from "../support/served_camera.ts";
import { requires } from "../support/requires.ts";
import { BINARY, LOOPBACK, xoq } from "../support/xoq.ts";

/** Runs the executable in an empty folder with exactly this environment. */
async function runBare(
  args: readonly string[],
  env: Record<string, string> = {},
  prefix?: string[],
) {
  const cwd = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    const [program = "", ...words] = [...prefix ?? [], BINARY ?? "", ...args];
    const command = new Deno.Command(program, { args: words, cwd, env, clearEnv: true });
    const { code, stdout, stderr } = await command.output();
    assert.deepEqual([...Deno.readDirSync(cwd)], [], "nothing is written where it was started");
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

if (BINARY !== undefined) {
  Deno.test("the executable needs no environment and no file beside it", async () => {
    const help = await runBare(["--help"]);
    assert.equal(help.code, 0, help.stderr);
    assert.match(help.stdout, /^xoq: .*\n[^]*Usage: xoq COMMAND/);
    assert.equal(help.stderr, "");
    assert.match((await runBare(["--version"])).stdout, /\d+\.\d+\.\d+/);
  });

  Deno.test(
    { name: "the executable encodes with what is inside it", ...requires(noFfmpeg) },
    async () => {
      const env = { XOQ_LIBAVCODEC: "/nonexistent/libavcodec.so" };
      await using server = await camera(["--h264"], { env });
      const { bytes } = await receive(server.ticket, "h264", 30);
      assertInOrder(await readPictures(bytes, SIZE, "h264"));
      const { devices } = await server.xoq.until("ready");
      assert.match(JSON.stringify(devices), /"encoder":"embedded/);
    },
  );

  Deno.test({
    name: "its relay keeps no copy of the executable's content in memory",
    ignore: Deno.build.os !== "linux",
  }, async () => {
    await using relay = xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
    await relay.until("ready");
    const status = await Deno.readTextFile(`/proc/${relay.pid}/status`);
    const kilobytes = Number(/RssAnon:\s+(\d+) kB/.exec(status)![1]);
    assert.ok(kilobytes < 70_000, `${kilobytes} kB`);
  });

  Deno.test({
    name: "where nothing may be run from TMPDIR, it says so",
    ...requires(noPrivateNetwork),
  }, async () => {
    const script = `mount -t tmpfs -o noexec none /mnt && TMPDIR=/mnt exec "$@"`;
    const prefix = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "sh"];
    const env = { ...LOOPBACK, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
    const { code, stderr } = await runBare(["camera", "test", "--jpeg"], env, prefix);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /TMPDIR/);
  });
}
