/** Devices' tracks as another implementation receives them: aiomoqt, in Python. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { MoqtPeer, noAiomoqt } from "../support/aiomoqt.ts";
import { eachLine } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { xoq } from "../support/xoq.ts";

const { ignore } = requires(noAiomoqt, whyNoNativeQuic());
const TOKEN = ["--pairing-token", "K7QX2M"];
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

for (const [scheme, draft] of [["moqt", 22], ["moqt", 18], ["https", 16]] as const) {
  Deno.test({
    name:
      `aiomoqt receives a phone's poses, byte for byte the lines of stdout (${scheme}, draft ${draft})`,
    ignore,
    fn: async () => {
      await using server = xoq(
        [
          "pose",
          "--interface",
          "lo",
          "--wifi-port",
          "0",
          "--name",
          "pose",
          "--listen",
          ":0",
          "--json",
          ...TOKEN,
        ],
        { data: true },
      );
      const lines = new Set<string>();
      void eachLine(server.stdout, (line) => lines.add(sha256(line))).catch(() => {});
      const port = (await server.until("pairing"))["port"];
      const listening = await server.until("listening");
      await using _phone = xoq(
        ["pose", "--simulate", `127.0.0.1:${port}`, "--rate", "30", ...TOKEN],
      );
      await server.until("wifi_connected");
      await using peer = new MoqtPeer([
        ...["sub", `${scheme}://${listening["address"]}/`, "--draft", `${draft}`],
        ...["--namespace", "xoq/pose", "--track", "pose", "--count", "20"],
      ]);
      await peer.says("done");
      const { objects } = peer;
      assert.ok(objects.length >= 20);
      // Standard output leaves out what finds its reader busy, and counts it.
      const after = server.events.length;
      const stats = await server.until("stats", { after });
      const missing = objects.filter(({ sha256 }) => !lines.has(sha256));
      assert.ok(missing.length <= Number(stats["superseded"]), JSON.stringify([missing, stats]));
      assert.ok(missing.length < objects.length / 2);
      for (const { object } of objects) {
        assert.equal(object, 0, "each in a group of its own");
      }
      const groups = objects.map(({ group }) => group);
      assert.equal(new Set(groups).size, groups.length);
    },
  });
}
