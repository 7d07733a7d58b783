import assert from "node:assert/strict";
import type { ClientEvent, ServedDevice, TrackOffer, TrackSink } from "../../lib/device.ts";
import { DeniedError } from "../../lib/errors.ts";
import {
  connect,
  deviceTrack,
  formatNamespace,
  grantToken,
  type MoqtSession,
  namespace,
  protocols,
  type ReceivedObject,
  type RequestError,
  trackDescription,
} from "../../lib/moqt/mod.ts";
import { openSession } from "../../lib/session/attach.ts";
import { SessionServer } from "../../lib/session/server.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { within } from "../support/process.ts";

const NEWEST = protocols()[0]!;

/** A device with one track, that remembers its sinks. */
class Clock implements ServedDevice {
  readonly kind = "clock";
  readonly protocols: readonly string[] = [];
  onEvent: ServedDevice["onEvent"];
  onClient: ServedDevice["onClient"];
  readonly clients: ClientEvent[] = [];
  readonly tracks: readonly TrackOffer[];
  sink: TrackSink | undefined;
  attached = 0;
  joins = 0;

  constructor(readonly name: string, datagrams = false) {
    this.onClient = (event) => this.clients.push(event);
    this.tracks = [{
      name: "time",
      priority: 7,
      lateGroups: 1,
      datagrams,
      describe: () => ({ kind: "clock", format: "text" }),
      attach: (sink) => {
        this.sink = sink;
        this.attached++;
        return { [Symbol.dispose]: () => this.sink = undefined };
      },
      joined: () => this.joins++,
    }];
  }

  tick(text: string, captured?: number) {
    this.sink?.startGroup();
    this.sink?.write(new TextEncoder().encode(text), captured);
  }

  describe = () => ({});
  accept = () => Promise.resolve();
  configure() {}
  feedback() {}
  stats = () => ({});
  async [Symbol.asyncDispose]() {}
}

function stage(devices: ServedDevice[], open = false) {
  const network = new MemoryNetwork();
  const endpoint = network.endpoint(SessionServer.protocols(devices));
  const server = new SessionServer(endpoint, {
    devices,
    agent: "test",
    policy: {
      public: open,
      allow: new Set(),
      verify: (grant) => {
        const [rights, device, ends] = grant.split(":");
        if (rights !== "view" && rights !== "control") {
          return Promise.reject(new DeniedError("the signature is wrong"));
        }
        const expires = ends === undefined ? undefined : Date.now() / 1000 + Number(ends);
        return Promise.resolve({ rights, device: device || undefined, expires });
      },
    },
  });
  const client = network.endpoint();
  return {
    server,
    network,
    dial: (protocol = NEWEST, from = client) => from.connect(endpoint.address(), protocol),
    session: async (grant?: string, protocol = NEWEST): Promise<MoqtSession> =>
      await connect(await client.connect(endpoint.address(), protocol), {
        ...(grant === undefined ? {} : { tokens: [grantToken(grant)] }),
      }),
    control: (grant: string) =>
      openSession(client, { address: endpoint.address(), agent: "test", grant }, {
        signal: new AbortController().signal,
        timeoutMs: 5_000,
      }),
    async [Symbol.asyncDispose]() {
      await server.close();
      await endpoint.close();
    },
  };
}

const text = ({ payload }: ReceivedObject) => new TextDecoder().decode(payload);
const refusedAs = (name: RequestError["refusal"]) => (error: RequestError) =>
  error.refusal === name;

for (const protocol of protocols()) {
  Deno.test(`${protocol}: a grant in the set-up opens a device's track, objects and description come`, async () => {
    const clock = new Clock("wall");
    await using scene = stage([clock]);
    await using session = await scene.session("view", protocol);
    const subscription = session.subscribe(deviceTrack("wall", "time"));
    await within(subscription.ready, 5_000, () => "the answer");
    assert.equal(clock.attached, 1);
    clock.tick("one", 1_234_567);
    clock.tick("two");
    const seen: ReceivedObject[] = [];
    for await (const object of subscription.objects()) {
      if (object.status === "normal") seen.push(object);
      if (seen.length === 2) break;
    }
    assert.deepEqual(seen.map(text).toSorted(), ["one", "two"]);
    const one = seen.find((object) => text(object) === "one")!;
    const two = seen.find((object) => text(object) === "two")!;
    assert.equal(two.group, one.group + 1);
    assert.ok(one.group > Date.UTC(2020, 0), "ids go on growing after a restart");
    assert.deepEqual(one.properties, [{ type: 0x786f70, value: 1_234_567n }]);
    await subscription.close();
  });
}

Deno.test("the track's properties say what its objects are, and its priority", async () => {
  await using scene = stage([new Clock("wall")], true);
  await using session = await scene.session();
  const { properties } = await session.subscribe(deviceTrack("wall", "time")).ready;
  assert.deepEqual(trackDescription(properties), { kind: "clock", format: "text" });
  assert.equal(properties.defaultPriority, 7);
  const status = await session.trackStatus(deviceTrack("wall", "time"));
  assert.deepEqual(trackDescription(status.properties!), { kind: "clock", format: "text" });
});

Deno.test("what was admitted on xoq/1 is admitted here, and ends with that session", async () => {
  const clock = new Clock("wall");
  await using scene = stage([clock]);
  const connection = await scene.dial();
  const before = connect(connection);
  const control = await scene.control("view");
  await using session = await within(before, 5_000, () => "the set-up");
  await session.subscribe(deviceTrack("wall", "time")).ready;
  await control.close();
  await within(session.closed, 5_000, () => "the end");
});

Deno.test("without a grant there are no tracks, and the server says why", async () => {
  const clock = new Clock("wall");
  await using scene = stage([clock]);
  for (const [grant, why] of [[undefined, /no grant/], ["forged", /signature is wrong/]] as const) {
    const connection = await scene.dial();
    await connect(connection, grant === undefined ? {} : { tokens: [grantToken(grant)] })
      .then((session) => session.subscribe(deviceTrack("wall", "time")).ready).catch(() => {});
    const { closeCode, reason } = await within(connection.closed, 10_000, () => "the end");
    assert.equal(closeCode, 2, "UNAUTHORIZED");
    assert.match(reason, why);
  }
  assert.equal(clock.attached, 0);
  const { refused, moqt } = scene.server.stats();
  assert.deepEqual([refused.silent, refused.denied, moqt.sessions], [1, 1, 0]);
});

Deno.test("a grant for one device hides the others", async () => {
  await using scene = stage([new Clock("wall"), new Clock("tower")]);
  await using session = await scene.session("view:tower");
  await session.subscribe(deviceTrack("tower", "time")).ready;
  await assert.rejects(
    session.subscribe(deviceTrack("wall", "time")).ready,
    refusedAs("does-not-exist"),
  );
  await assert.rejects(
    session.subscribe(deviceTrack("tower", "date")).ready,
    refusedAs("does-not-exist"),
  );
  const watch = session.subscribeNamespace(namespace("xoq"));
  await watch.ready;
  const { value } = await watch[Symbol.asyncIterator]().next();
  assert.equal(value.kind, "added");
  assert.deepEqual(watch.namespaces.map(formatNamespace), [
    formatNamespace(namespace("xoq", "tower")),
  ]);
  const tracks = session.subscribeNamespace(namespace("xoq"), "publish");
  await tracks.ready;
  const news = await tracks[Symbol.asyncIterator]().next();
  assert.deepEqual(news.value, { kind: "blocked", track: deviceTrack("tower", "time") });
});

Deno.test("an expired grant ends the session", async () => {
  await using scene = stage([new Clock("wall")]);
  await using session = await scene.session("view::1");
  await session.subscribe(deviceTrack("wall", "time")).ready;
  const { closeCode } = await within(session.closed, 5_000, () => "the end");
  assert.equal(closeCode, 0x18, "EXPIRED_AUTH_TOKEN");
});

Deno.test("the device produces while somebody subscribes, and hears of who comes and goes", async () => {
  const clock = new Clock("wall");
  await using scene = stage([clock], true);
  await using session = await scene.session();
  const first = session.subscribe(deviceTrack("wall", "time"));
  await first.ready;
  await using other = await connect(await scene.dial(NEWEST, scene.network.endpoint()));
  const second = other.subscribe(deviceTrack("wall", "time"));
  await second.ready;
  assert.deepEqual([clock.attached, clock.joins], [1, 1]);
  assert.equal(scene.server.stats().moqt.subscriptions, 2);
  await first.close();
  await second.close();
  const deadline = performance.now() + 5_000;
  while (clock.sink !== undefined) {
    if (performance.now() > deadline) throw new Error("it is still attached");
    await new Promise((next) => setTimeout(next, 2));
  }
  assert.deepEqual(clock.clients.map(({ type }) => type), ["client", "client", "gone", "gone"]);
  await session.subscribe(deviceTrack("wall", "time")).ready;
  assert.equal(clock.attached, 2);
});

Deno.test("who doesn't read loses whole groups, and nobody else notices", async () => {
  const clock = new Clock("wall");
  await using scene = stage([clock], true);
  await using idle = await scene.session();
  const unread = idle.subscribe(deviceTrack("wall", "time"));
  await unread.ready;
  await using other = await connect(await scene.dial(NEWEST, scene.network.endpoint()));
  const read = other.subscribe(deviceTrack("wall", "time"));
  await read.ready;
  const objects = read.objects()[Symbol.asyncIterator]();
  // More groups, a stream each, than a connection has credit for.
  for (let n = 0; n < 2_300; n++) {
    clock.tick(String(n));
    const { value } = await within(objects.next(), 5_000, () => `tick ${n}`);
    assert.equal(parseInt(text(value)), n);
  }
  assert.ok(scene.server.stats().moqt.resetGroups > 0, "old ones are cut off");
  await unread.close();
});

for (const protocol of protocols()) {
  Deno.test(`${protocol}: a track of datagrams goes by datagram, and by stream what is too long`, async () => {
    const clock = new Clock("wall", true);
    await using scene = stage([clock], true);
    await using session = await scene.session(undefined, protocol);
    const subscription = session.subscribe(deviceTrack("wall", "time"));
    const { properties } = await subscription.ready;
    assert.equal(properties.groupOrder, "descending");
    const objects = subscription.objects()[Symbol.asyncIterator]();
    const long = "x".repeat(20_000);
    const groups: number[] = [];
    for (
      const [said, subgroup] of [["short", undefined], [long, 0], ["again", undefined]] as const
    ) {
      clock.tick(said, 1_000);
      const { value } = await within(objects.next(), 5_000, () => said.slice(0, 9));
      assert.equal(text(value), said);
      assert.deepEqual([value.id, value.subgroup], [0, subgroup]);
      assert.deepEqual(value.properties, [{ type: 0x786f70, value: 1_000n }]);
      groups.push(value.group);
    }
    assert.deepEqual(groups, [0, 1, 2].map((n) => groups[0]! + n));
    assert.equal(scene.server.stats().moqt.resetGroups, 0);
  });
}
