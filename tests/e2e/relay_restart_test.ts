/** Relays and servers that go and come back, and what their clients do about it. */
import assert from "node:assert/strict";
import { BadPath, noBadPath } from "../support/bad_path.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { MoqEnds, ObjectLines } from "../support/moq_ends.ts";
import { requires } from "../support/requires.ts";
import { freePort, type Xoq, xoq } from "../support/xoq.ts";

const noSignals = Deno.build.os === "windows"
  ? "Windows has no SIGKILL to restart after"
  : undefined;
const surroundings = requires(whyNoNativeQuic(), noSignals);
/** What issue and documentation promise, from when the server is back. */
const BACK_MS = 3_000;

interface Place {
  port: number;
  state: string;
}

async function relay({ port, state }: Place): Promise<{ relay: Xoq; hash: string }> {
  const started = xoq(["relay", "--public", "--json", "--listen", `127.0.0.1:${port}`], { state });
  const { certificate_hash } = await started.until("ready");
  return { relay: started, hash: String(certificate_hash) };
}

async function inPlace(body: (place: Place) => Promise<void>): Promise<void> {
  const state = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    await body({ port: freePort(), state });
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

for (const scheme of ["moqt", "https"]) {
  Deno.test({
    name:
      `${scheme}: a relay that is killed and restarted has the same certificate, and tells its clients so that they go on`,
    ...surroundings,
    fn: () =>
      inPlace(async (place) => {
        const first = await relay(place);
        const url = `${scheme}://127.0.0.1:${place.port}/`;
        await using ends = await MoqEnds.start(url, ["--cert-hash", first.hash]);
        const killed = performance.now();
        first.relay.signal("SIGKILL");
        await first.relay[Symbol.asyncDispose]();
        const second = await relay(place);
        await using _relay = second.relay;
        const gone = performance.now() - killed;
        assert.equal(second.hash, first.hash);
        const took = await ends.objects.more(5);
        assert.ok(took < BACK_MS, `${took} ms`);
        // On a busy machine the relay may be back only after its silence was noticed.
        if (gone > 1_000) return;
        for (const end of [ends.publisher, ends.subscriber]) {
          const { reason } = await end.until("lost");
          assert.match(String(reason), /reset/);
        }
      }),
  });
}

Deno.test({
  name: "a relay that says GOAWAY and is restarted gets its publisher and its subscriber back",
  ...surroundings,
  fn: () =>
    inPlace(async (place) => {
      const first = await relay(place);
      const url = `moqt://127.0.0.1:${place.port}/`;
      await using ends = await MoqEnds.start(url, ["--cert-hash", first.hash]);
      await first.relay.interrupt();
      await first.relay[Symbol.asyncDispose]();
      await ends.publisher.until("moving");
      const second = await relay(place);
      await using _relay = second.relay;
      const took = await ends.objects.more(5);
      assert.ok(took < BACK_MS, `${took} ms`);
    }),
});

Deno.test({
  name: "a publisher and a subscriber whose way to the relay is gone for 5 s go on when it is back",
  ...requires(whyNoNativeQuic(), noSignals, noBadPath),
  fn: () =>
    inPlace(async (place) => {
      const { relay: process, hash } = await relay(place);
      await using _relay = process;
      await using path = new BadPath(`127.0.0.1:${place.port}`, { delayMs: 5 });
      await using ends = await MoqEnds.start(`moqt://${path.address}/`, ["--cert-hash", hash]);
      path.cut = true;
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      path.cut = false;
      const took = await ends.objects.more(5);
      assert.ok(took < BACK_MS, `${took} ms`);
    }),
});

Deno.test({
  name:
    "a device's server that is killed and restarted has the same certificate, and its tracks go on",
  ...surroundings,
  fn: () =>
    inPlace(async ({ port, state }) => {
      const start = async () => {
        const server = xoq([
          ...["camera", "test", "--h264", "--width", "160", "--height", "120", "--name", "front"],
          ...["--listen", `127.0.0.1:${port}`, "--json"],
        ], { state });
        const { certificate_hash } = await server.until("listening");
        return { server, hash: String(certificate_hash) };
      };
      const first = await start();
      await using subscriber = xoq([
        ...["moq", "sub", `https://127.0.0.1:${port}/`, "--cert-hash", first.hash, "--json"],
        ...["--namespace", "xoq/front", "--track", "video", "--format", "json"],
      ], { data: true });
      const objects = new ObjectLines(subscriber);
      await objects.more(5);
      first.server.signal("SIGKILL");
      await first.server[Symbol.asyncDispose]();
      const second = await start();
      await using _server = second.server;
      assert.equal(second.hash, first.hash);
      const took = await objects.more(5);
      assert.ok(took < BACK_MS, `${took} ms`);
    }),
});
