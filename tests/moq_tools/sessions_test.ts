import assert from "node:assert/strict";
import { connect } from "../../lib/moq_tools/connect.ts";
import { TrackPublisher } from "../../lib/moq_tools/pub/publisher.ts";
import { MemoryDirect } from "../support/memory_direct.ts";
import { places, receive, serve, TRACK, utf8 } from "./support.ts";

const LINGER = { lingerMs: 0, signal: new AbortController().signal };

Deno.test("connect() begins a session with a URL, in the newest draft or the one asked for", async () => {
  const network = new MemoryDirect();
  const { listener } = await serve(network, new TrackPublisher({ track: TRACK }));
  await using _listener = listener;
  for (const scheme of ["moqt", "https"]) {
    const url = `${scheme}://${listener.address}/live?x=1`;
    await using newest = await connect(url, { transport: network });
    assert.ok(newest.version >= 18);
    await using old = await connect(url, { transport: network, versions: [16] });
    assert.equal(old.version, 16);
  }
  await assert.rejects(connect("http://localhost", { transport: network }), {
    code: "usage",
    hint: "write moqt://HOST:PORT/PATH (QUIC) or https://HOST:PORT/PATH (WebTransport)",
  });
  await assert.rejects(connect("endpoint", { transport: network }), { code: "usage" });
});

Deno.test("servers get path and authority of plain QUIC's sessions from their set-up", async () => {
  const network = new MemoryDirect();
  const { listener, arrivals } = await serve(network, new TrackPublisher({ track: TRACK }));
  await using _listener = listener;
  await using _session = await connect(`moqt://${listener.address}/live?x=1`, {
    transport: network,
  });
  assert.equal(arrivals[0]?.session.peer.path, "/live?x=1");
  assert.equal(arrivals[0]?.session.peer.authority, listener.address);
});

Deno.test("a track comes whole, and its end ends the receiver", async () => {
  const network = new MemoryDirect();
  const publisher = new TrackPublisher({ track: TRACK });
  const { listener } = await serve(network, publisher);
  await using _listener = listener;
  await using receiving = receive(network, `moqt://${listener.address}`);
  await publisher.subscribed(AbortSignal.timeout(5_000));
  const wanted: string[] = [];
  for (let group = 0; group < 30; group++) {
    publisher.startGroup();
    for (let id = 0; id < 5; id++) {
      publisher.write(utf8(`${group}.${id}`));
      wanted.push(`${group}.${id}`);
    }
    await publisher.drained();
  }
  await publisher.end(LINGER);
  await receiving.ended;
  assert.deepEqual(places(receiving.items), wanted);
});

Deno.test("datagrams come as objects without a subgroup", async () => {
  const network = new MemoryDirect();
  const publisher = new TrackPublisher({ track: TRACK, datagrams: true });
  const { listener } = await serve(network, publisher);
  await using _listener = listener;
  await using receiving = receive(network, `moqt://${listener.address}`);
  // Datagrams that overtake the answer belong to no track yet.
  await receiving.subscribed;
  publisher.startGroup();
  for (let id = 0; id < 5; id++) publisher.write(utf8(`${id}`));
  await receiving.until(5);
  assert.deepEqual(places(receiving.items), ["0.0", "0.1", "0.2", "0.3", "0.4"]);
  assert.ok(receiving.items.every((item) => !("subgroup" in item)));
});

Deno.test("who subscribes comes back after the server did, and gets nothing twice", async () => {
  const network = new MemoryDirect();
  const publisher = new TrackPublisher({ track: TRACK });
  const first = await serve(network, publisher);
  const { address } = first.listener;
  await using receiving = receive(network, `moqt://${address}`);
  await publisher.subscribed(AbortSignal.timeout(5_000));
  publisher.startGroup();
  publisher.write(utf8("a"));
  await receiving.until(1);
  await first.listener.close();
  publisher.write(utf8("lost"));
  const second = await serve(network, publisher, address);
  await using _listener = second.listener;
  await publisher.subscribed(AbortSignal.timeout(5_000));
  publisher.startGroup();
  publisher.write(utf8("b"));
  await receiving.until(3);
  // That the rest of the group was lost is told.
  assert.deepEqual(places(receiving.items), ["0.0", "[0.1-undefined]", "1.0"]);
  const kinds = receiving.events.map(({ type }) => type).filter((type) => type !== "retry");
  assert.deepEqual(kinds, ["connected", "lost", "connected"]);
});

Deno.test("objects that come again in another session are not delivered again", async () => {
  const network = new MemoryDirect();
  const publisher = new TrackPublisher({ track: TRACK });
  const first = await serve(network, publisher);
  const { address } = first.listener;
  await using receiving = receive(network, `moqt://${address}`, { history: { groupsBack: 3 } });
  await publisher.subscribed(AbortSignal.timeout(5_000));
  for (let group = 0; group < 3; group++) {
    publisher.startGroup();
    publisher.write(utf8("x"));
    publisher.write(utf8("y"));
    await publisher.drained();
  }
  await receiving.until(6);
  await first.listener.close();
  publisher.write(utf8("while it was away"));
  const second = await serve(network, publisher, address);
  await using _listener = second.listener;
  await receiving.until(8);
  publisher.write(utf8("z"));
  await receiving.until(9);
  assert.deepEqual(places(receiving.items).filter((place) => !place.startsWith("[")), [
    ...["0.0", "0.1", "1.0", "1.1", "2.0", "2.1"],
    // What was missed came by FETCH, and only that.
    ...["2.2", "2.3"],
  ]);
  assert.equal(receiving.receiver.stale, 2);
});

Deno.test("join gives the past and then the present, without a gap", async () => {
  const network = new MemoryDirect();
  const publisher = new TrackPublisher({ track: TRACK });
  const { listener } = await serve(network, publisher);
  await using _listener = listener;
  const wanted: string[] = [];
  const publish = async (group: number, count: number) => {
    await publisher.drained();
    publisher.startGroup(group);
    for (let id = 0; id < count; id++) {
      publisher.write(utf8(`${group}.${id}`));
      wanted.push(`${group}.${id}`);
    }
  };
  for (let group = 0; group < 4; group++) await publish(group, 3);
  await using receiving = receive(network, `https://${listener.address}`, {
    history: { groupsBack: 2 },
  });
  await publisher.subscribed(AbortSignal.timeout(5_000));
  publisher.write(utf8("3.3"));
  wanted.push("3.3");
  for (let group = 4; group < 6; group++) await publish(group, 3);
  const live = wanted.slice(3);
  await receiving.until(live.length);
  assert.deepEqual(places(receiving.items), live);
});

Deno.test("GOAWAY is followed before the old session ends", async () => {
  const network = new MemoryDirect();
  const publisher = new TrackPublisher({ track: TRACK });
  const first = await serve(network, publisher);
  const second = await serve(network, publisher);
  await using _first = first.listener;
  await using _second = second.listener;
  await using receiving = receive(network, `moqt://${first.listener.address}`);
  await publisher.subscribed(AbortSignal.timeout(5_000));
  publisher.startGroup();
  publisher.write(utf8("a"));
  await receiving.until(1);
  first.arrivals[0]!.session.goaway({ uri: `moqt://${second.listener.address}/` });
  await first.arrivals[0]!.session.closed;
  assert.equal(second.arrivals.length, 1);
  await publisher.subscribed(AbortSignal.timeout(5_000));
  publisher.startGroup();
  publisher.write(utf8("b"));
  await receiving.until(3);
  // That the rest of the group was lost is told.
  assert.deepEqual(places(receiving.items), ["0.0", "[0.1-undefined]", "1.0"]);
  assert.deepEqual(receiving.events.map(({ type }) => type), ["connected", "moving", "connected"]);
});

Deno.test("a session that is closed for good ends the receiver with the reason", async () => {
  for (
    const [close, code] of [["unauthorized", "denied"], ["invalid-path", "not-found"]] as const
  ) {
    const network = new MemoryDirect();
    const { listener, arrivals } = await serve(network, new TrackPublisher({ track: TRACK }));
    await using _listener = listener;
    await using receiving = receive(network, `moqt://${listener.address}`);
    await receiving.subscribed;
    await arrivals[0]!.session.close(close, "go away");
    await assert.rejects(receiving.ended, { code, message: "the session was closed: go away" });
  }
});

Deno.test("a server that is never reached, and a track that nobody has, are told in time", async () => {
  const network = new MemoryDirect();
  await using nowhere = receive(network, "moqt://127.0.0.1:9", { timeoutMs: 300 });
  await assert.rejects(nowhere.ended, { code: "unreachable" });
  const other = { ...TRACK, name: utf8("other") };
  const { listener } = await serve(network, new TrackPublisher({ track: other }));
  await using _listener = listener;
  await using nobody = receive(network, `moqt://${listener.address}`, { timeoutMs: 300 });
  await assert.rejects(nobody.ended, { code: "not-found" });
});
