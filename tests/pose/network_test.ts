import assert from "node:assert/strict";
import { SocketAddress } from "../../ffi/udp.ts";
import { BusyError } from "../../lib/errors.ts";
import { Phone, type PhoneNotice } from "../../lib/pose/phone.ts";
import { openPose } from "../../lib/client/pose.ts";
import { PoseServer } from "../../lib/pose/serve.ts";
import { RemotePose, type RemotePoseOptions } from "../../lib/pose/remote_pose.ts";
import type { Dialect } from "../../lib/pose/wire/datagram.ts";
import type { PhoneEvent, PoseEvent } from "../../lib/pose/wire/event.ts";
import { encodePosePose } from "../../lib/pose/wire/pose.ts";
import { encodeTeleCommand, encodeTelePose } from "../../lib/pose/wire/tele.ts";
import { attach } from "../../lib/session/attach.ts";
import { SessionServer } from "../../lib/session/server.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { within } from "../support/process.ts";

const TOKEN = new TextEncoder().encode("K7QX2M");
const place = { x: 0.5, y: 0, z: 0, qx: 0, qy: 0, qz: 0, qw: 1 };

/** Waits until a condition holds: looked at after each turn of the event loop. */
async function until(condition: () => boolean, what: string, ms = 5_000): Promise<void> {
  const limit = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A server on loopback, with its lines. */
async function serve(network?: MemoryNetwork, rights: "view" | "control" = "control") {
  const lines: (PoseEvent | PhoneEvent)[] = [];
  let rest = "";
  const decoder = new TextDecoder();
  const output = new WritableStream<Uint8Array>({
    write(bytes) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = parts.pop()!;
      lines.push(...parts.map((line) => JSON.parse(line)));
    },
  });
  const server = await PoseServer.open({
    name: "pose",
    host: "127.0.0.1",
    port: 0,
    token: TOKEN,
    dialects: ["POSE", "TELE"],
    output,
  });
  const endpoint = network?.endpoint(SessionServer.protocols([server]));
  const sessions = endpoint && new SessionServer(endpoint, {
    devices: [server],
    agent: "test",
    policy: {
      public: rights === "control",
      allow: new Set(),
      verify: () => Promise.resolve({ rights, device: undefined, expires: undefined }),
    },
  });
  return {
    server,
    lines,
    id: endpoint?.id ?? "",
    poses: () => lines.filter((line): line is PoseEvent => line.type === "pose"),
    /** Attaches a client. */
    watch: (options: RemotePoseOptions = {}) => {
      const client = network!.endpoint();
      const target = {
        address: { id: endpoint!.id, relays: [], direct: [] },
        agent: "test",
        grant: "g",
      };
      const remote = new RemotePose({
        label: "pose",
        policy: { timeoutMs: 2_000, reconnect: false },
        attach: ({ signal }) => attach(client, target, { signal, timeoutMs: 2_000 }),
      }, options);
      const stop = new AbortController();
      const raw: string[] = [];
      const events: unknown[] = [];
      let attached = false;
      remote.onPose = (_pose, datagram) => raw.push(datagram.toHex());
      remote.onEvent = (event) => {
        if (event.type === "phone") events.push(event.event);
        if (event.type === "attached") attached = true;
      };
      const done = remote.run(stop.signal);
      done.catch(() => {});
      return {
        remote,
        raw,
        events,
        done,
        attached: () => until(() => attached, "attached"),
        [Symbol.asyncDispose]: async () => {
          stop.abort();
          await done.catch(() => {});
        },
      };
    },
    [Symbol.asyncDispose]: async () => {
      await sessions?.close();
      await server.close();
    },
  };
}

/** A phone on loopback that the server listens to. */
async function phone(port: number, dialect: Dialect, token: Uint8Array = TOKEN) {
  const opened = await Phone.open({
    receiver: new SocketAddress("127.0.0.1", port),
    dialect,
    token,
  });
  const notices: PhoneNotice[] = [];
  opened.onNotice = (notice) => notices.push(notice);
  await until(() => opened.answer !== undefined || notices.length > 0, "an answer");
  return { phone: opened, notices, [Symbol.asyncDispose]: () => opened.close() };
}

const send = (dialect: Dialect, seq: number) => {
  const pose = { seq, timestampUs: seq * 1000, ...place };
  return dialect === "POSE" ? encodePosePose(pose) : encodeTelePose(pose);
};

for (const dialect of ["POSE", "TELE"] as const) {
  Deno.test(`${dialect}: poses come out as lines in order, with connection and goodbye`, async () => {
    await using served = await serve();
    {
      await using sender = await phone(served.server.port, dialect);
      assert.equal(sender.phone.answer, "ok");
      for (let seq = 0; seq < 20; seq++) {
        sender.phone.send(send(dialect, seq));
        await until(() => served.poses().length === seq + 1, `pose ${seq}`);
      }
      sender.phone.send(send(dialect, 3));
    }
    await until(() => served.lines.at(-1)?.type === "wifi_disconnected", "the goodbye");
    assert.deepEqual(served.poses().map(({ seq }) => seq), [...Array(20).keys()]);
    assert.equal(served.lines[0]?.type, "wifi_connected");
    assert.deepEqual(served.lines.at(-1), { type: "wifi_disconnected", reason: "bye" });
    const { received, duplicates, lost } = served.server.stats();
    assert.deepEqual({ received, duplicates, lost }, { received: 21, duplicates: 1, lost: 0 });
  });
}

Deno.test("a second phone is told busy, a wrong token so, and the first goes on", async () => {
  await using served = await serve();
  await using first = await phone(served.server.port, "POSE");
  await using second = await phone(served.server.port, "TELE");
  await using wrong = await phone(served.server.port, "POSE", new TextEncoder().encode("no"));
  assert.equal(second.phone.answer, "busy");
  assert.equal(wrong.phone.answer, "badToken");
  second.phone.send(send("TELE", 0));
  first.phone.send(send("POSE", 0));
  await until(() => served.poses().length === 1, "the first phone's pose");
  await first.phone.close();
  await until(() => second.phone.answer === "ok", "the second phone's turn");
});

Deno.test("a silent phone is let go of after its dialect's time, and another has its turn", async () => {
  await using served = await serve();
  const { port } = served.server;
  // A phone whose battery is taken out: nothing is said any more.
  const silent = await phone(port, "TELE");
  const timers = silent.phone as unknown as { close(): Promise<void>; bye(): void };
  timers.bye = () => {};
  await timers.close();
  const began = performance.now();
  await until(() => served.lines.at(-1)?.type === "wifi_disconnected", "the timeout");
  const took = performance.now() - began;
  assert.deepEqual(served.lines.at(-1), { type: "wifi_disconnected", reason: "timeout" });
  assert.ok(took > 2_000 && took < 3_600, `${took} ms`);
  await using next = await phone(port, "POSE");
  assert.equal(next.phone.answer, "ok");
});

Deno.test("haptics reach the phone at the rate it can take, the newest always", async () => {
  await using served = await serve();
  await using sender = await phone(served.server.port, "TELE");
  const seen = () => sender.notices.flatMap((n) => n.type === "haptic" ? [n.intensity] : []);
  for (let n = 0; n <= 100; n++) served.server.reverse(`{"type":"haptic","intensity":${n / 100}}`);
  await until(() => seen().at(-1) === 1, "the newest");
  assert.ok(seen().length <= 3, `${seen()}`);
  served.server.reverse('{"type":"message","data":"AQID"}');
  await until(() => sender.notices.some((n) => n.type === "message"), "the message");
  const { reversed, reverseDropped } = served.server.stats();
  assert.equal(Number(reversed) + Number(reverseDropped), 102);
});

Deno.test("a phone that speaks POSE has no haptics, and nothing waits for a phone to come", async () => {
  await using served = await serve();
  served.server.reverse('{"type":"haptic","intensity":1}');
  await using sender = await phone(served.server.port, "POSE");
  served.server.reverse('{"type":"haptic","intensity":1}');
  assert.equal(served.server.stats()["reverseDropped"], 2);
  assert.ok(sender.notices.every(({ type }) => type === "answer"));
});

Deno.test("poses go over the network byte for byte, events with them, haptics back", async () => {
  const network = new MemoryNetwork();
  await using served = await serve(network);
  await using viewer = served.watch();
  await using controller = served.watch({ role: "controller" });
  await Promise.all([viewer.attached(), controller.attached()]);
  await using sender = await phone(served.server.port, "TELE");
  const sent: string[] = [];
  for (let seq = 0; seq < 10; seq++) {
    sent.push(send("TELE", seq).toHex());
    sender.phone.send(send("TELE", seq));
    await until(() => viewer.raw.length === seq + 1 && controller.raw.length === seq + 1, "poses");
  }
  sender.phone.send(encodeTeleCommand(1, 1));
  controller.remote.reverse({ type: "haptic", intensity: 0.25 });
  viewer.remote.reverse({ type: "haptic", intensity: 1 });
  await until(() => sender.notices.some((n) => n.type === "haptic"), "the haptic");
  await sender.phone.close();
  await until(() => viewer.events.length === 3, "events");
  assert.deepEqual(viewer.raw, sent);
  assert.deepEqual(controller.raw, sent);
  assert.deepEqual(viewer.events.slice(1), [
    { type: "command", name: "recording", value: true },
    { type: "wifi_disconnected", reason: "bye" },
  ]);
  const haptics = sender.notices.flatMap((n) => n.type === "haptic" ? [n.intensity] : []);
  assert.deepEqual(haptics, [0.25]);
});

Deno.test("a program has poses and recording commands as events, and makes the phone vibrate", async () => {
  const network = new MemoryNetwork();
  await using served = await serve(network);
  const id = served.id;
  await using stream = await openPose(id, network.endpoint(), { role: "controller" });
  await using sender = await phone(served.server.port, "TELE");
  assert.equal((await stream.next())?.type, "wifi_connected");
  sender.phone.send(send("TELE", 5));
  const event = await stream.next();
  assert.ok(event?.type === "pose");
  assert.equal(event.seq, 5);
  assert.equal(event.data.absolute_input.x, 0.5);
  sender.phone.send(encodeTeleCommand(1, 0));
  assert.deepEqual(await stream.next(), { type: "command", name: "recording", value: false });
  stream.haptic(0.5);
  assert.throws(() => stream.haptic(2), RangeError);
  await until(() => sender.notices.some((n) => n.type === "haptic"), "the haptic");
  // Nobody reads: of many poses the newest waits.
  for (let seq = 6; seq < 40; seq++) sender.phone.send(send("TELE", seq));
  await until(() => stream.stats().received === 35, "all poses");
  const last = await stream.next();
  assert.ok(last?.type === "pose");
  assert.equal(last.seq, 39);
  await stream.close();
  assert.equal(await stream.next(), undefined);
});

Deno.test("one controller at a time, taken over only with take", async () => {
  const network = new MemoryNetwork();
  await using served = await serve(network);
  await using first = served.watch({ role: "controller" });
  await first.attached();
  await using second = served.watch({ role: "controller" });
  await assert.rejects(within(second.done, 5_000, () => "the refusal"), { code: "busy" });
  await using third = served.watch({ role: "controller", take: true });
  await third.attached();
  await assert.rejects(within(first.done, 5_000, () => "the takeover"), { code: "lost" });
});

Deno.test("a grant to view only watches", async () => {
  const network = new MemoryNetwork();
  await using served = await serve(network, "view");
  await using controller = served.watch({ role: "controller" });
  await assert.rejects(within(controller.done, 5_000, () => "the refusal"), { code: "denied" });
  await using viewer = served.watch();
  await viewer.attached();
});

Deno.test("a port that is taken is refused, also while a phone is active", async () => {
  await using served = await serve();
  const again = () =>
    PoseServer.open({
      name: "pose",
      host: "127.0.0.1",
      port: served.server.port,
      token: TOKEN,
      dialects: ["POSE"],
    });
  await assert.rejects(again(), BusyError);
  await using _active = await phone(served.server.port, "POSE");
  await assert.rejects(again(), BusyError);
});
