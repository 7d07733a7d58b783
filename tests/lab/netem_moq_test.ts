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

for (const [loss, scheme] of [[5, "https"], [1, "moqt"]] as const) {
  Deno.test({
    name:
      `${scheme} with ${loss} % of loss and 50 ms: a file comes whole from its publisher and through a relay`,
    ignore: !inLab,
    async fn() {
      await using _wire = await wire(`delay 25ms loss ${loss}%`);
      const path = await Deno.makeTempFile({ prefix: "xoq-netem-" });
      const bytes = crypto.getRandomValues(new Uint8Array(SIZE));
      await Deno.writeFile(path, bytes);
      const pieces = ["--split", "bytes", "--size", "1000", "--group", "10"];
      const receive = async (from: readonly Xoq[]) => {
        const { code, stdout, stderr } = await runXoq(
          ["moq", "sub", `${scheme}://${ADDRESS}/`, "--insecure", "--timeout", "120s"],
          { ...FAR, timeoutMs: PATIENCE_MS },
        );
        const told = from.map(({ events, said }) =>
          [
            ...events.filter(({ event }) => event !== "stats").map((event) =>
              JSON.stringify(event)
            ),
            ...said,
          ]
            .join("\n")
        );
        assert.equal(code, 0, [stderr, ...told].join("\n---\n"));
        assert.deepEqual(stdout, bytes);
      };
      {
        await using publisher = xoq(
          ["moq", "pub", "--listen", ADDRESS, "--public", path, "--json", ...pieces],
          NEAR,
        );
        await publisher.until("listening");
        await receive([publisher]);
      }
      await using relay = xoq(["relay", "--public", "--listen", ADDRESS, "--json"], NEAR);
      await relay.until("ready");
      await using publisher = xoq(
        [
          "moq",
          "pub",
          `moqt://${ADDRESS}`,
          "--insecure",
          path,
          "--json",
          "--rate",
          "30",
          ...pieces,
        ],
        NEAR,
      );
      await publisher.until("session");
      await receive([relay, publisher]);
      await Deno.remove(path);
    },
  });
}
