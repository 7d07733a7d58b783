/** MoQT over a bad network, by the kernel's own means: what tests/relay/loss_test.ts does everywhere. */
import assert from "node:assert/strict";
import { runXoq, type Xoq, xoq } from "../support/xoq.ts";
import { SERVER, VIEWER, wire } from "./bad_wire.ts";
import { inLab } from "./support.ts";

const SIZE = 60_000;
const NEAR = { prefix: ["ip", "netns", "exec", "bad-a"], env: { XOQ_BIND: SERVER } };
const FAR = { prefix: ["ip", "netns", "exec", "bad-b"], env: { XOQ_BIND: VIEWER } };
const ADDRESS = `${SERVER}:4443`;
const PATIENCE_MS = 240_000;

async function receive(scheme: string, bytes: Uint8Array, from: readonly Xoq[]): Promise<void> {
  const { code, stdout, stderr } = await runXoq(
    ["moq", "sub", `${scheme}://${ADDRESS}/`, "--insecure", "--timeout", "120s"],
    { ...FAR, timeoutMs: PATIENCE_MS },
  );
  const told = from.map(({ events, said }) => {
    const told = events.filter(({ event }) => event !== "stats");
    return [...told.map((event) => JSON.stringify(event)), ...said].join("\n");
  });
  assert.equal(code, 0, [stderr, ...told].join("\n---\n"));
  assert.deepEqual(stdout, bytes);
}

function test(
  name: string,
  loss: number,
  body: (path: string, bytes: Uint8Array) => Promise<void>,
) {
  Deno.test({
    name: `${loss} % of loss and 50 ms: ${name}`,
    ignore: !inLab,
    async fn() {
      await using _wire = await wire(`delay 25ms loss ${loss}%`);
      const path = await Deno.makeTempFile({ prefix: "xoq-netem-" });
      const bytes = crypto.getRandomValues(new Uint8Array(SIZE));
      await Deno.writeFile(path, bytes);
      await body(path, bytes);
      await Deno.remove(path);
    },
  });
}

const PIECES = ["--split", "bytes", "--size", "1000", "--group", "10", "--json"];

test("a file comes whole from its publisher, by WebTransport", 5, async (path, bytes) => {
  await using publisher = xoq(
    ["moq", "pub", "--listen", ADDRESS, "--public", path, ...PIECES],
    NEAR,
  );
  await publisher.until("listening");
  await receive("https", bytes, [publisher]);
});

test("a file comes whole through a relay, by QUIC", 1, async (path, bytes) => {
  await using relay = xoq(["relay", "--public", "--listen", ADDRESS, "--json"], NEAR);
  await relay.until("ready");
  await using publisher = xoq(
    ["moq", "pub", `moqt://${ADDRESS}`, "--insecure", path, "--rate", "30", ...PIECES],
    NEAR,
  );
  await publisher.until("session");
  await receive("moqt", bytes, [relay, publisher]);
});
