/** `--listen`: devices' tracks by address, over plain QUIC and WebTransport. */
import assert from "node:assert/strict";
import { splitNalUnits } from "../../lib/media/annexb.ts";
import { requires } from "../support/requires.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { type JsonEvent, runXoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic());
const VIDEO = ["--namespace", "xoq/front", "--track", "video", "--count", "3"];
const camera = (...args: string[]) =>
  xoq(["camera", "test", "--h264", "--name", "front", "--json", ...args]);
const portOf = (listening: JsonEvent) => String(listening["address"]).split(":").at(-1);

Deno.test({
  name: "on loopback a camera's track is there by QUIC and by WebTransport, without a grant",
  ignore,
  fn: async () => {
    await using server = camera("--listen", ":0");
    const listening = await server.until("listening");
    assert.equal(listening["grant_wanted"], false);
    assert.match(String(listening["address"]), /^127\.0\.0\.1:\d+$/);
    for (const url of listening["urls"] as string[]) {
      const hash = ["--cert-hash", listening["certificate_hash"] as string];
      const { code, stdout, stderr } = await runXoq(["moq", "sub", url, ...hash, ...VIDEO]);
      assert.equal(code, 0, stderr);
      assert.ok(splitNalUnits(stdout).some((unit) => (unit[0]! & 0x1f) === 5), url);
    }
    const first = await server.until("client");
    assert.match(String(first["id"]), /^127\.0\.0\.1:\d+$/);
    await server.until("gone");
    await server.until("stats", { where: (event) => event["subscribers"] === 0 });
  },
});

Deno.test({
  name: "off loopback it wants the grant of the ticket",
  ignore,
  fn: async () => {
    await using server = camera("--listen", "0.0.0.0:0");
    const ticket = (await server.until("ready"))["ticket"] as string;
    const listening = await server.until("listening");
    assert.equal(listening["grant_wanted"], true);
    const url = `moqt://127.0.0.1:${portOf(listening)}`;
    const sub = ["moq", "sub", url, "--insecure", "--no-reconnect", ...VIDEO];
    for (const token of [[], ["--token", "forged"]]) {
      const { code } = await runXoq([...sub, ...token]);
      assert.notEqual(code, 0, "nobody gets in without it");
    }
    const grant = ticket.slice(ticket.indexOf("#") + 1);
    const { code, stderr } = await runXoq([...sub, "--token", grant]);
    assert.equal(code, 0, stderr);
  },
});

Deno.test({
  name: "what can't be listened on is said, and who has no tracks doesn't listen",
  ignore,
  fn: async () => {
    for (const address of ["4443", "localhost:4443", "127.0.0.1:65536"]) {
      const { code, stderr } = await runXoq(["camera", "test", "--listen", address]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /--listen .* is no address with a port/);
    }
    assert.equal((await runXoq(["serial", "test", "--listen", ":0"])).code, 2);
    await using first = camera("--listen", ":0");
    const place = `:${portOf(await first.until("listening"))}`;
    const { code, stderr } = await runXoq([
      ...["camera", "test", "--name", "rear", "--listen", place],
    ]);
    assert.equal(code, 4, stderr);
  },
});
