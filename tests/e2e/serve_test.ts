/** `xoq serve`: one file, several devices, one process. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { configSchema } from "../../lib/cli/config_schema.ts";
import { runXoq, type Xoq, xoq } from "../support/xoq.ts";

const FRONT = { device: "test", name: "front", h264: true };
const REAR = { device: "test", name: "rear", jpeg: true, fps: 10 };

async function folder() {
  const path = await Deno.makeTempDir({ prefix: "xoq-serve-" });
  return {
    path: join(path, "xoq.json"),
    write: (camera: unknown) =>
      Deno.writeTextFile(join(path, "xoq.json"), JSON.stringify({ camera })),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

function ready(server: Xoq, device: string, after = 0) {
  return server.until("ready", { where: (event) => event["device"] === device, after });
}

Deno.test("every device of the file has a ticket of its own", async () => {
  await using file = await folder();
  await file.write([FRONT, REAR]);
  await using server = xoq(["serve", file.path, "--json"]);
  const front = await ready(server, "front");
  const rear = await ready(server, "rear");
  assert.notEqual(front["id"], rear["id"]);
  const { code, stdout } = await runXoq(["open", String(rear["ticket"]), "--snapshot", "rear.jpg"]);
  assert.equal(code, 0, new TextDecoder().decode(stdout));
  assert.equal(await server.interrupt(), 130);
});

Deno.test({
  name: "SIGHUP reads the file again: what is the same goes on, a mistake changes nothing",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using file = await folder();
    await file.write([FRONT, REAR]);
    await using server = xoq(["serve", file.path, "--json"]);
    await ready(server, "front");
    await ready(server, "rear");
    await file.write([FRONT, { ...REAR, name: "side" }]);
    server.signal("SIGHUP");
    await ready(server, "side");
    const before = server.events.length;
    await file.write([{ ...FRONT, colour: "green" }]);
    server.signal("SIGHUP");
    const warning = await server.until("warning", { after: before });
    assert.match(String(warning["message"]), /camera\[0\].*colour/);
    const fronts = server.events.filter((e) => e.event === "ready" && e["device"] === "front");
    assert.equal(fronts.length, 1, "the front camera was left alone");
    // Each device that is served counts once a second.
    const now = server.events.length;
    await server.until("stats", { where: (e) => e["device"] === "side", after: now });
    await server.until("stats", { where: (e) => e["device"] === "front", after: now });
    const late = server.events.slice(now).filter((e) => e["device"] === "rear");
    assert.deepEqual(late, []);
  },
});

Deno.test("a device that fails is told of and holds up no other", async () => {
  await using file = await folder();
  await file.write([{ device: "no-such-camera", name: "gone" }, FRONT]);
  await using server = xoq(["serve", file.path, "--json"]);
  await ready(server, "front");
  const error = await server.until("error");
  assert.deepEqual([error["device"], error["code"]], ["gone", "not-found"]);
});

Deno.test("--check says where the mistake is, and serves nothing", async () => {
  await using file = await folder();
  await file.write([{ ...FRONT, fps: "thirty" }]);
  const wrong = await runXoq(["serve", "--check", file.path]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /camera\[0\]\.fps: a number is wanted/);
  await file.write([FRONT]);
  assert.equal((await runXoq(["serve", "--check", file.path])).code, 0);
});

Deno.test("the shipped schema is the one that the options give", async () => {
  const shipped = new URL("../../docs/xoq.schema.json", import.meta.url);
  assert.deepEqual(
    JSON.parse(await Deno.readTextFile(shipped)),
    await configSchema(),
    "run: deno run -A main.ts serve --schema > docs/xoq.schema.json",
  );
});
