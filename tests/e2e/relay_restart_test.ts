/** Relays and servers that go and come back, and what their clients do about it. */
import assert from "node:assert/strict";
import { BadPath, noBadPath } from "../support/bad_path.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { within } from "../support/process.ts";
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

/** A publisher of 50 objects a second, and a subscriber whose lines are counted. */
async function ends(url: string, hash: string) {
  const track = ["--cert-hash", hash, "--namespace", "a/b", "--track", "t"];
  const publisher = xoq([
    ...["moq", "pub", url, ...track, "--rate", "50", "--group", "10", "--json"],
  ]);
  await publisher.until("session");
  const subscriber = xoq(["moq", "sub", url, ...track, "--format", "json", "--json"], {
    data: true,
  });
  const objects = new Objects(subscriber);
  return { publisher, subscriber, objects };
}

/** Counts what a subscriber writes. */
class Objects {
  #count = 0;
  #told = () => {};

  constructor(subscriber: Xoq) {
    (async () => {
      for await (const chunk of subscriber.stdout) {
        this.#count += chunk.filter((byte) => byte === 0x0a).length;
        this.#told();
      }
    })().catch(() => {});
  }

  /** Waits for so many more. */
  async more(count: number): Promise<void> {
    const wanted = this.#count + count;
    const come = async () => {
      while (this.#count < wanted) await new Promise<void>((resolve) => this.#told = resolve);
    };
    await within(come(), 20_000, () => `${count} objects`);
  }
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
        const { publisher, subscriber, objects } = await ends(url, first.hash);
        await using _publisher = publisher;
        await using _subscriber = subscriber;
        await objects.more(20);
        first.relay.signal("SIGKILL");
        await first.relay[Symbol.asyncDispose]();
        const second = await relay(place);
        await using _relay = second.relay;
        const back = performance.now();
        assert.equal(second.hash, first.hash);
        await objects.more(5);
        const took = performance.now() - back;
        assert.ok(took < BACK_MS, `${took} ms`);
        for (const end of [publisher, subscriber]) {
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
      const { publisher, subscriber, objects } = await ends(url, first.hash);
      await using _publisher = publisher;
      await using _subscriber = subscriber;
      await objects.more(20);
      await first.relay.interrupt();
      await first.relay[Symbol.asyncDispose]();
      await publisher.until("moving");
      const second = await relay(place);
      await using _relay = second.relay;
      const back = performance.now();
      await objects.more(5);
      const took = performance.now() - back;
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
      const { publisher, subscriber, objects } = await ends(`moqt://${path.address}/`, hash);
      await using _publisher = publisher;
      await using _subscriber = subscriber;
      await objects.more(20);
      path.cut = true;
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      path.cut = false;
      const back = performance.now();
      await objects.more(5);
      const took = performance.now() - back;
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
      const objects = new Objects(subscriber);
      await objects.more(5);
      first.server.signal("SIGKILL");
      await first.server[Symbol.asyncDispose]();
      const second = await start();
      await using _server = second.server;
      const back = performance.now();
      assert.equal(second.hash, first.hash);
      await objects.more(5);
      const took = performance.now() - back;
      assert.ok(took < BACK_MS, `${took} ms`);
    }),
});
