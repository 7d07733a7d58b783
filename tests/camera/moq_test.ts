import assert from "node:assert/strict";
import { MoqPublisher, moqTarget } from "../../lib/camera/moq.ts";
import { decodeMoqJpeg } from "../../lib/camera/moq_wire.ts";
import type { Reporter } from "../../lib/device.ts";
import { Fanout } from "../../lib/media/fanout.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";
import { acceptLite, type LiteSession } from "../../lib/moqt/lite/mod.ts";
import { TransportError } from "../../lib/transport/connection.ts";
import type { DialOptions } from "../../lib/transport/direct.ts";
import { memoryPair } from "../../lib/transport/memory.ts";

/** A relay in memory: what is dialled, and the session at its end. */
class FakeRelay {
  readonly dialled: { url: string; options: DialOptions }[] = [];
  readonly sessions: LiteSession[] = [];
  #waiting: (() => void) | undefined;
  down = false;

  readonly transport = {
    dial: async (url: string | URL, options: DialOptions) => {
      this.dialled.push({ url: String(url), options });
      if (this.down) throw new TransportError("nobody is there", { source: "session" });
      const [ours, theirs] = memoryPair("moql");
      acceptLite(theirs).then((session) => {
        session.closed.catch(() => {});
        this.sessions.push(session);
        this.#waiting?.();
      });
      return await Promise.resolve(ours);
    },
  };

  async session(number: number): Promise<LiteSession> {
    while (this.sessions[number] === undefined) {
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
    return this.sessions[number]!;
  }
}

class Events {
  readonly all: Record<string, unknown>[] = [];
  #waiting: (() => void) | undefined;
  readonly reporter: Reporter = {
    event: (event) => {
      this.all.push(event);
      this.#waiting?.();
    },
    notice: () => {},
    stdout: new WritableStream(),
  };

  async next(): Promise<Record<string, unknown>> {
    while (this.all.length === 0) await new Promise<void>((resolve) => this.#waiting = resolve);
    return this.all.shift()!;
  }
}

function picture(sequence: number): EncodedFrame {
  return {
    codec: "jpeg",
    data: Uint8Array.of(0xff, 0xd8, sequence, 0xff, 0xd9),
    key: true,
    width: 8,
    height: 8,
    captureTime: 1_000_000 * sequence,
    sequence,
  };
}

Deno.test("a camera is published while a relay is there, captured while somebody watches", async () => {
  const relay = new FakeRelay();
  const events = new Events();
  const demand: boolean[] = [];
  let wanted = Promise.withResolvers<void>();
  const feed = new Fanout({
    onDemand: (now) => {
      demand.push(now);
      wanted.resolve();
    },
  });
  feed.setDescription({ codec: "jpeg", width: 8, height: 8, fps: 30, encoder: "device" });
  await using _publisher = new MoqPublisher(feed, {
    device: "front",
    target: moqTarget("https://relay.example", "anon/camera-0"),
    insecure: true,
    transport: relay.transport,
    reporter: events.reporter,
  });
  const published = { relay: "https://relay.example", path: "anon/camera-0", device: "front" };
  assert.deepEqual(await events.next(), { type: "moq", state: "published", ...published });
  assert.equal(relay.dialled[0]!.url, "https://relay.example/anon/camera-0");
  assert.deepEqual(relay.dialled[0]!.options.protocols, ["moql"]);
  assert.deepEqual(relay.dialled[0]!.options.trust, { insecure: true });

  const session = await relay.session(0);
  const news = session.announced()[Symbol.asyncIterator]();
  assert.deepEqual((await news.next()).value, { path: "", active: true });
  await assert.rejects(session.subscribe("", "video").ready, { reset: "not-found" });
  assert.deepEqual(demand, []);

  const subscription = session.subscribe("", "camera");
  await subscription.ready;
  await wanted.promise;
  assert.deepEqual(demand, [true]);
  const groups = subscription.groups();
  for (const sequence of [1, 2]) {
    feed.push(picture(sequence));
    const group = (await groups.next()).value!;
    const [payload, ...none] = await Array.fromAsync(group);
    assert.deepEqual(none, []);
    assert.deepEqual([...decodeMoqJpeg(payload!).data], [0xff, 0xd8, sequence, 0xff, 0xd9]);
  }
  wanted = Promise.withResolvers();
  await subscription.close();
  await wanted.promise;
  assert.deepEqual(demand, [true, false]);

  // The relay goes, and comes back: nothing old is told as new.
  relay.down = true;
  await session.close({ reason: "restarting" });
  assert.deepEqual(await events.next(), {
    type: "moq",
    state: "lost",
    ...published,
    reason: "restarting",
  });
  relay.down = false;
  assert.deepEqual(await events.next(), { type: "moq", state: "published", ...published });
  const again = (await relay.session(1)).subscribe("", "camera");
  wanted = Promise.withResolvers();
  await again.ready;
  await wanted.promise;
  feed.push(picture(3));
  const { value } = await again.groups().next();
  const [payload] = await Array.fromAsync(value!);
  assert.equal(decodeMoqJpeg(payload!).data[2], 3);
});

Deno.test("a relay that was never there is told of once, and tried again", async () => {
  const relay = new FakeRelay();
  relay.down = true;
  const events = new Events();
  const feed = new Fanout();
  const publisher = new MoqPublisher(feed, {
    device: "front",
    target: moqTarget("moqt://127.0.0.1:1", "cam"),
    insecure: false,
    transport: relay.transport,
    reporter: events.reporter,
  });
  assert.equal((await events.next())["state"], "lost");
  relay.down = false;
  assert.equal((await events.next())["state"], "published");
  assert.ok(relay.dialled.length >= 2);
  assert.equal("trust" in relay.dialled[0]!.options, false);
  const session = await relay.session(0);
  const news = session.announced()[Symbol.asyncIterator]();
  assert.deepEqual((await news.next()).value, { path: "cam", active: true });
  await publisher.close();
  await publisher.close();
  assert.equal((await session.closed).closeCode, 0);
  assert.equal(events.all.length, 0);
});
