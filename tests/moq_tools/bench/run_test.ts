import assert from "node:assert/strict";
import { Audience } from "../../../lib/moq_tools/bench/audience.ts";
import { type Load, plainLoad, videoLoad } from "../../../lib/moq_tools/bench/load.ts";
import { ownRelay } from "../../../lib/moq_tools/bench/own_relay.ts";
import { LoadPublisher } from "../../../lib/moq_tools/bench/publish.ts";
import { Dialler } from "../../../lib/moq_tools/connect.ts";
import { listenSessions } from "../../../lib/moqt/listen.ts";
import { VERSIONS } from "../../../lib/moqt/versions.ts";
import { trackName } from "../../../lib/moqt/wire/track_name.ts";
import { MemoryDirect } from "../../support/memory_direct.ts";

const TRACK = trackName(["bench"], "track");

function load(changes: Partial<Parameters<typeof plainLoad>[0]> = {}): Load {
  return plainLoad({
    objectBytes: 1000,
    groupObjects: 50,
    streams: 1,
    rate: 0,
    datagrams: false,
    ...changes,
  });
}

/** Runs a load from a publisher that listens until `enough` objects came. */
async function run(load: Load, enough: number) {
  const network = new MemoryDirect();
  const errors: unknown[] = [];
  await using publisher = new LoadPublisher(TRACK, load, (error) => errors.push(error));
  await using listener = await listenSessions(network, { address: "127.0.0.1:0" }, {
    admit: () => ({ handlers: publisher.handlers }),
    arrived: () => {},
  });
  await using dialler = new Dialler(`moqt://${listener.address}/`, { transport: network });
  const audience = new Audience(TRACK);
  const end = new AbortController();
  const { session } = await dialler.dial();
  await audience.join(session, end.signal);
  while (audience.summary().objects < enough) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  end.abort();
  await audience.done();
  await audience.close();
  await publisher.close();
  assert.deepEqual(errors, []);
  return { ...audience.summary(), sent: publisher.tally };
}

Deno.test("a load as fast as it goes arrives whole", async () => {
  const { lost, objects, bytes, groups, sent, latency_ms } = await run(load(), 2000);
  assert.equal(lost, 0);
  assert.equal(bytes, objects * 1000);
  assert.ok(groups >= 40, `${groups} groups`);
  assert.ok(sent.objects >= objects);
  assert.ok(latency_ms.p50! >= 0 && latency_ms.p50! <= latency_ms.p99!);
});

Deno.test("a load in three subgroups arrives whole", async () => {
  const { lost, groups } = await run(load({ streams: 3 }), 2000);
  assert.equal(lost, 0);
  assert.ok(groups >= 40, `${groups} groups`);
});

Deno.test("a load goes in datagrams", async () => {
  const { objects, bytes } = await run(load({ datagrams: true, objectBytes: 500 }), 300);
  assert.equal(bytes, objects * 500);
});

Deno.test("a datagram a group, as fast as it goes, leaves others their turn", async () => {
  const { objects, groups } = await run(
    load({ datagrams: true, objectBytes: 50, groupObjects: 1 }),
    300,
  );
  assert.equal(objects, groups);
});

Deno.test("a paced load keeps its rate", async () => {
  const { objects_per_second, lost } = await run(load({ rate: 1000 }), 300);
  assert.equal(lost, 0);
  assert.ok(objects_per_second > 700 && objects_per_second < 1100, `${objects_per_second}`);
});

Deno.test("a load like video has frames of several sizes", async () => {
  const { lost, bytes, objects } = await run(videoLoad("720p", 300), 100);
  assert.equal(lost, 0);
  assert.ok(bytes / objects > 6_000 && bytes / objects < 20_000, `${bytes / objects}`);
});

Deno.test("a track of another name is refused", async () => {
  const network = new MemoryDirect();
  await using publisher = new LoadPublisher(TRACK, load());
  await using listener = await listenSessions(network, { address: "127.0.0.1:0" }, {
    admit: () => ({ handlers: publisher.handlers }),
    arrived: () => {},
  });
  await using dialler = new Dialler(`moqt://${listener.address}/`, { transport: network });
  const audience = new Audience(trackName(["bench"], "other"));
  const { session } = await dialler.dial();
  await assert.rejects(audience.join(session, new AbortController().signal), {
    refusal: "does-not-exist",
  });
});

Deno.test("several subscribers get all of it through a relay of the benchmark's own", async () => {
  const network = new MemoryDirect();
  await using relay = await ownRelay(network, VERSIONS, { address: "127.0.0.1:0" });
  await using dialler = new Dialler(`moqt://${relay.address}/`, { transport: network });
  await using publisher = new LoadPublisher(TRACK, load({ rate: 2000 }));
  const end = new AbortController();
  const { session } = await dialler.dial({ handlers: publisher.handlers });
  await publisher.offer(session, "namespace", end.signal);
  const audience = new Audience(TRACK);
  for (let i = 0; i < 3; i++) await audience.join((await dialler.dial()).session, end.signal);
  assert.equal(publisher.subscribers, 1, "the relay subscribes once");
  while (audience.each().some(({ objects }) => objects < 200)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  end.abort();
  await audience.done();
  await audience.close();
  await publisher.close();
  await session.close();
  assert.equal(audience.size, 3);
  assert.deepEqual(audience.each().map(({ lost }) => lost), [0, 0, 0]);
});
