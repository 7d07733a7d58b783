import assert from "node:assert/strict";
import { decodeHex } from "../../lib/bytes/text.ts";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import { connect } from "../../lib/moq_tools/connect.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { freePort, runXoq, type Xoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic());
const TRACK = trackName(["example.com", "cam"], "video");
const SCHEMES = ["moqt", "https"] as const;

interface Running extends AsyncDisposable {
  process: Xoq;
  /** A session with it, in a draft; the path may hold a token. */
  come(scheme: string, version: Version, options?: Come): Promise<MoqtSession>;
  ready: Readonly<Record<string, unknown>>;
}

interface Come {
  path?: string;
  source?: TrackSource;
  maxStreams?: number;
}

async function start(args: readonly string[], state?: string): Promise<Running> {
  const process = xoq(
    ["relay", "--json", ...(args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"]), ...args],
    state === undefined ? {} : { state },
  );
  const ready = await process.until("ready");
  const sessions: MoqtSession[] = [];
  const trust = { certificateHashes: [decodeHex(String(ready["certificate_hash"]))] };
  return {
    process,
    ready,
    come: async (scheme, version, { path = "/", source, maxStreams } = {}) => {
      const session = await connect(`${scheme}://${String(ready["address"])}${path}`, {
        versions: [version],
        trust,
        ...(maxStreams === undefined ? {} : { maxStreams }),
        handlers: source === undefined
          ? {}
          : { subscribe: (request) => void source.accept(request) },
      });
      sessions.push(session);
      return session;
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) await session.close();
      await process[Symbol.asyncDispose]();
    },
  };
}

function payload(seed: number): Uint8Array {
  const bytes = new Uint8Array(seed % 3 === 0 ? 50_000 : seed * 13);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + 1, seed + 7) >>> 3;
  return bytes;
}

for (const [index, scheme] of SCHEMES.entries()) {
  Deno.test({
    name: `draft 14 over ${scheme} reaches draft 22 over the other, the past included`,
    ignore,
    async fn() {
      await using relay = await start(["--public"]);
      const source = new TrackSource({ lateGroups: 100 });
      const publisher = await relay.come(scheme, 14, { source });
      await publisher.publishNamespace(TRACK.namespace).ready;
      const session = await relay.come(SCHEMES[1 - index]!, 22);
      const subscription = session.subscribe(TRACK);
      await subscription.ready;
      for (let group = 0; group < 10; group++) {
        source.startGroup();
        for (let i = 0; i < 4; i++) source.write({ payload: payload(group * 4 + i) });
      }
      source.endGroup();
      let count = 0;
      for await (const { group, id, payload: bytes, status } of subscription.objects()) {
        if (status !== "normal") continue;
        assert.deepEqual(bytes, payload(group * 4 + id));
        if (++count === 40) break;
      }
      const late = await relay.come(scheme, 16);
      const joined = late.subscribe(TRACK, { parameters: { filter: { from: "largest-object" } } });
      await joined.ready;
      const past: string[] = [];
      for await (const item of late.join(joined, { groupsBack: 1 })) {
        if (item.kind !== "object") continue;
        assert.deepEqual(item.payload, payload(item.group * 4 + item.id));
        past.push(`${item.group}/${item.id}`);
      }
      assert.deepEqual(past, ["8/0", "8/1", "8/2", "8/3", "9/0", "9/1", "9/2", "9/3"]);
    },
  });

  Deno.test({
    name: `${scheme}: a token lets in, and is not told to anybody`,
    ignore,
    async fn() {
      const state = await Deno.makeTempDir({ prefix: "xoq-relay-" });
      try {
        await using relay = await start([], state);
        const { code, stdout } = await runXoq([
          ...["relay", "token", "--publish", "example.com", "--subscribe", "example.com/cam"],
          ...["--expires", "1h"],
        ], { state });
        assert.equal(code, 0);
        const token = new TextDecoder().decode(stdout).trim();
        const nobody = await relay.come(scheme, 18);
        const denied = (error: unknown) =>
          error instanceof RequestError && error.refusal === "unauthorized";
        await assert.rejects(nobody.publishNamespace(TRACK.namespace).ready, denied);
        const source = new TrackSource();
        const bearer = await relay.come(scheme, 18, { path: `/?token=${token}`, source });
        await bearer.publishNamespace(TRACK.namespace).ready;
        await assert.rejects(bearer.publishNamespace(namespace("elsewhere")).ready, denied);
        const viewer = await relay.come(scheme, 18, { path: `/?token=${token}` });
        await viewer.subscribe(TRACK).ready;
        await assert.rejects(nobody.subscribe(TRACK).ready, denied);
        await relay.process.until("client", { where: ({ id }) => id === "3" });
        const everything = JSON.stringify([relay.process.events, relay.process.said]);
        assert.equal(everything.includes(token), false);
      } finally {
        await Deno.remove(state, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "xoq relay tells of sessions, figures and health, and ends them within two seconds",
  ignore,
  async fn() {
    await using relay = await start(["--public", "--metrics", "127.0.0.1:0"]);
    const session = await relay.come("https", 22);
    const client = await relay.process.until("client");
    assert.deepEqual([client["transport"], client["draft"]], ["webtransport", 22]);
    await session.publishNamespace(TRACK.namespace).ready;
    const metrics = new URL(String(relay.ready["metrics"]));
    const text = await (await fetch(metrics)).text();
    assert.match(text, /^xoq_relay_sessions 1$/m);
    assert.match(text, /^xoq_relay_namespaces 1$/m);
    const health = await fetch(new URL("/healthz", metrics));
    assert.equal(await health.text(), "ok\n");
    await relay.process.until("stats", { where: ({ sessions }) => sessions === 1 });
    const begun = performance.now();
    const ended = relay.process.interrupt();
    await session.goingAway;
    await session.closed.catch(() => {});
    assert.equal(await ended, 130);
    assert.ok(performance.now() - begun < 2_000);
    const gone = await relay.process.until("gone");
    assert.equal(gone["role"], "publisher");
  },
});

Deno.test({
  name: "clients come in by iroh, too",
  ignore,
  async fn() {
    await using relay = await start(["--public", "--iroh"]);
    const source = new TrackSource();
    await using publisher = await connect(String(relay.ready["endpoint_ticket"]), {
      iroh: { relay: "none", bind: "127.0.0.1" },
      handlers: { subscribe: (request) => void source.accept(request) },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const viewer = await relay.come("moqt", 16);
    const subscription = viewer.subscribe(TRACK);
    await subscription.ready;
    source.startGroup();
    source.write({ payload: payload(5) });
    for await (const { payload: bytes } of subscription.objects()) {
      assert.deepEqual(bytes, payload(5));
      break;
    }
    await relay.process.until("client", { where: ({ transport }) => transport === "iroh" });
  },
});

Deno.test({
  name: "a busy port, and a certificate that is none, are said so",
  ignore,
  async fn() {
    await using relay = await start(["--public"]);
    const busy = await runXoq(["relay", "--listen", String(relay.ready["address"])]);
    assert.equal(busy.code, 4, busy.stderr);
    const missing = await runXoq(["relay", "--cert", "nowhere.pem", "--key", "nowhere.pem"]);
    assert.equal(missing.code, 3, missing.stderr);
    const size = await runXoq(["relay", "--cache", "much"]);
    assert.equal(size.code, 2, size.stderr);
  },
});

Deno.test({
  name: "to people it says where it is and who comes, and nothing of devices",
  ignore,
  async fn() {
    await using relay = xoq(["relay", "--public", "--listen", "127.0.0.1:0"]);
    const [, url = ""] = /(moqt:\/\/\S+)/.exec(await relay.says(/^relaying MoQT at/)) ?? [];
    await using session = await connect(url, { versions: [18], trust: { insecure: true } });
    await session.publishNamespace(TRACK.namespace).ready;
    await relay.says(/^\+ client 1 from 127\.0\.0\.1:\d+, draft 18 over quic$/);
    assert.ok(!relay.said.some((line) => /xoq open|serving/.test(line)), relay.said.join("\n"));
  },
});

Deno.test({
  name: "publisher and subscriber go on by themselves when the relay was killed and restarted",
  ignore,
  async fn() {
    const port = freePort();
    const listen = ["--public", "--listen", `127.0.0.1:${port}`];
    const url = `moqt://127.0.0.1:${port}`;
    let relay = await start(listen);
    await using publisher = xoq([
      ...["moq", "pub", url, "--insecure", "--namespace", "a/b", "--track", "t", "--json"],
      ...["--rate", "50", "--group", "10"],
    ]);
    await publisher.until("session");
    await using subscriber = xoq([
      ...["moq", "sub", url, "--insecure", "--namespace", "a/b", "--track", "t"],
      ...["--format", "json"],
    ], { data: true });
    const objects = new LineCount(subscriber.stdout);
    await objects.more();
    relay.process.signal("SIGKILL");
    await relay[Symbol.asyncDispose]();
    relay = await start(listen);
    const back = performance.now();
    try {
      await relay.process.until("stats", {
        where: ({ viewers, objects_per_second }) =>
          Number(viewers) > 0 && Number(objects_per_second) > 0,
      });
      assert.ok(performance.now() - back < 6_000, `${performance.now() - back} ms`);
      await objects.more();
    } finally {
      await relay[Symbol.asyncDispose]();
    }
  },
});

Deno.test({
  name: "a subscriber that is stopped is let go, nobody else notices, and it goes on afterwards",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using relay = await start(["--public", "--cache", "16MB", "--max-pending", "2MB"]);
    const url = `moqt://${String(relay.ready["address"])}`;
    // An executable's own content is in its memory from the beginning, and more while it starts.
    await Deno.writeTextFile(`/proc/${relay.process.pid}/clear_refs`, "5");
    const atFirst = await peakMemory(relay.process.pid);
    await using publisher = xoq([
      ...["moq", "pub", url, "--insecure", "--namespace", "a/b", "--track", "t", "--json"],
      ...["--rate", "300", "--group", "30", "--size", "10000", "--no-wait"],
    ]);
    await publisher.until("session");
    await relay.process.until("client");
    const others = relay.process.events.length;
    await using stopped = xoq([
      ...["moq", "sub", url, "--insecure", "--namespace", "a/b", "--track", "t"],
      ...["--format", "json"],
    ], { data: true });
    const theirs = new LineCount(stopped.stdout);
    await theirs.more();
    const { id } = await relay.process.until("client", { after: others });
    const viewer = await relay.come("https", 18);
    const subscription = viewer.subscribe(trackName(["a", "b"], "t"));
    await subscription.ready;
    let missing = 0;
    let newest = 0;
    const watching = (async () => {
      for await (const group of subscription.groups()) {
        newest = group.id;
        for await (const item of group.objects) if (item.kind === "gap") missing++;
      }
    })();
    stopped.signal("SIGSTOP");
    await relay.process.until("gone", { where: (event) => event["id"] === id });
    const before = newest;
    const gone = relay.process.events.length;
    stopped.signal("SIGCONT");
    await theirs.more();
    await relay.process.until("client", { after: gone });
    await theirs.more();
    assert.ok(newest > before);
    // The first group was joined in its middle.
    assert.ok(missing <= 1, `${missing} gaps`);
    const grown = await peakMemory(relay.process.pid) - atFirst;
    assert.ok(grown < 80_000, `${grown} kB`);
    await subscription.close();
    await watching;
  },
});

Deno.test({
  name:
    "a subscriber that does not read loses whole old groups, nobody else any, and gets new ones",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using relay = await start([
      ...["--public", "--cache", "16MB", "--max-pending", "2MB", "--late", "500ms"],
    ]);
    const url = `moqt://${String(relay.ready["address"])}`;
    await Deno.writeTextFile(`/proc/${relay.process.pid}/clear_refs`, "5");
    const atFirst = await peakMemory(relay.process.pid);
    await using publisher = xoq([
      ...["moq", "pub", url, "--insecure", "--namespace", "a/b", "--track", "t", "--json"],
      ...["--rate", "300", "--group", "30", "--size", "10000", "--no-wait"],
    ]);
    await publisher.until("session");
    const name = trackName(["a", "b"], "t");
    const viewing = new Groups((await relay.come("moqt", 18)).subscribe(name));
    // Few streams: what a standing reader does not take is soon the relay's.
    const session = await relay.come("moqt", 18, { maxStreams: 8 });
    const standing = new Groups(session.subscribe(name));
    await Promise.all([viewing.beyond(2), standing.beyond(2)]);
    standing.stop();
    const before = viewing.newest;
    // 30 groups of 300 kB in 3 s: several times what may wait for anybody.
    await viewing.beyond(before + 30);
    const dropped = await relay.process.until("stats", {
      where: ({ dropped }) => Number(dropped) >= 5,
    });
    standing.go();
    const { newest } = viewing;
    await standing.beyond(newest + 2);
    assert.equal(viewing.missing, 0);
    assert.ok(standing.missing >= Number(dropped["dropped"]) / 2, `${standing.missing}`);
    assert.ok(standing.cut <= 9, `${standing.cut} groups were not whole`);
    const grown = await peakMemory(relay.process.pid) - atFirst;
    assert.ok(grown < 80_000, `${grown} kB`);
    await Promise.all([viewing.close(), standing.close()]);
  },
});

Deno.test({
  name:
    "all that is sent at full speed comes to each of three, though one stands still for a moment",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using relay = await start(["--public"]);
    const url = `moqt://${String(relay.ready["address"])}`;
    const source = new TrackSource({ lateGroups: 1000 });
    const publisher = await relay.come("moqt", 18, { source });
    await publisher.publishNamespace(TRACK.namespace).ready;
    await using stack = new AsyncDisposableStack();
    // As they arrive, since who puts them in order waits for none that was overtaken while it stood.
    const subscribers = [0, 1, 2].map(() =>
      stack.use(xoq([
        ...["moq", "sub", url, "--insecure", "--namespace", "example.com/cam"],
        ...["--track", "video", "--out", "/dev/null", "--arrival", "--json", "--draft", "18"],
      ]))
    );
    await relay.process.until("stats", { where: ({ viewers }) => viewers === 3 });
    for (let group = 0; group < 120; group++) {
      source.startGroup();
      for (let id = 0; id < 16; id++) source.write({ payload: payload(3 * group) });
      await source.drained();
      if (group !== 30) continue;
      subscribers[0]!.signal("SIGSTOP");
      setTimeout(() => subscribers[0]!.signal("SIGCONT"), 600);
    }
    await source.end();
    for (const subscriber of subscribers) {
      const { objects, bytes } = await subscriber.until("done");
      assert.deepEqual([objects, bytes], [120 * 16, 120 * 16 * 50_000]);
    }
  },
});

/** The groups of 30 objects that a subscription brings. */
class Groups {
  readonly #counts = new Map<number, number>();
  readonly #subscription: Subscription;
  readonly #reading: Promise<void>;
  #first: number | undefined;
  #told = () => {};
  #gate = Promise.resolve();
  #open = () => {};
  newest = -1;

  constructor(subscription: Subscription) {
    this.#subscription = subscription;
    this.#reading = this.#read();
    this.#reading.catch(() => {});
  }

  async #read(): Promise<void> {
    for await (const { group, status } of this.#subscription.objects()) {
      if (status !== "normal") continue;
      // The first was joined in its middle.
      this.#first ??= group + 1;
      this.#counts.set(group, (this.#counts.get(group) ?? 0) + 1);
      this.newest = Math.max(this.newest, group);
      this.#told();
      await this.#gate;
    }
  }

  /** Reads no more. */
  stop(): void {
    ({ promise: this.#gate, resolve: this.#open } = Promise.withResolvers<void>());
  }

  /** Reads on. */
  go(): void {
    this.#open();
  }

  /** Groups before the newest of which nothing came. */
  get missing(): number {
    let missing = 0;
    for (let id = this.#first!; id < this.newest; id++) if (!this.#counts.has(id)) missing++;
    return missing;
  }

  /** Groups before the newest of which some came, and not all. */
  get cut(): number {
    return [...this.#counts].filter(([id, count]) =>
      id >= this.#first! && id < this.newest - 1 && count < 30
    ).length;
  }

  /** Waits for an object of a group from `group` on. */
  async beyond(group: number): Promise<void> {
    const there = new Promise<void>((resolve) => {
      this.#told = () => this.newest >= group && resolve();
    });
    this.#told();
    await within(there, 20_000, () => `group ${group}: ${this.newest} is the newest`);
  }

  async close(): Promise<void> {
    this.go();
    await this.#subscription.close();
    await this.#reading;
  }
}

/** Most resident memory of a process since it was last cleared, in kB. */
async function peakMemory(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]);
}

/** Reads lines as they come, so that who writes them never waits. */
class LineCount {
  #count = 0;
  #told = () => {};

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#read(stream).catch(() => {});
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.#count += chunk.filter((byte) => byte === 0x0a).length;
      this.#told();
    }
  }

  /** Waits for one more. */
  async more(): Promise<void> {
    const wanted = this.#count + 1;
    const came = new Promise<void>((resolve) => {
      this.#told = () => this.#count >= wanted && resolve();
    });
    await within(came, 20_000, () => "a line");
  }
}
