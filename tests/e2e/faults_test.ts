/** Peers that vanish, stall, say nothing, or talk nonsense. */
import assert from "node:assert/strict";
import { createEndpoint } from "../../lib/transport/mod.ts";
import { parseTicket } from "../../lib/transport/ticket.ts";
import { within } from "../support/process.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { camera, type ServedCamera } from "../support/served_camera.ts";
import { type Xoq, xoq } from "../support/xoq.ts";

const noSignals = Deno.build.os === "windows" ? "Windows has no SIGSTOP" : undefined;

/** A viewer whose pictures go nowhere but are counted. */
function viewer(ticket: string): Xoq & { drained: Promise<void> } {
  const child = xoq(["open", ticket, "--stdout=h264", "--json"], { data: true });
  const drained = child.stdout.pipeTo(new WritableStream()).catch(() => {});
  return Object.assign(child, { drained });
}

/** Waits until the viewer has received `more` pictures more than now. */
async function receives(viewer: Xoq, more: number): Promise<void> {
  const last = viewer.events.findLast(({ event }) => event === "stats");
  const target = Number(last?.["received"] ?? 0) + more;
  await viewer.until("stats", { where: ({ received }) => Number(received) >= target });
}

Deno.test("a server killed and started again has the same id, ticket and address, and its viewers come back", async () => {
  const state = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    const first = await camera(["--h264", "--name", "front"], { state });
    const before = { id: first.id, ticket: first.ticket, address: first.address };
    await using watching = viewer(before.ticket);
    await watching.until("open");
    first.xoq.signal("SIGKILL");
    await first[Symbol.asyncDispose]();

    await using second = await camera(["--h264", "--name", "front"], { state });
    const { id, ticket, address } = second;
    assert.deepEqual({ id, address }, { id: before.id, address: before.address });
    assert.equal(ticket.split("#")[0], before.ticket.split("#")[0]);
    await watching.until("back");
    const lost = watching.events.findIndex(({ event }) => event === "lost");
    const back = watching.events.findIndex(({ event }) => event === "back");
    assert(lost >= 0 && lost < back, "the loss is told first");
    await receives(watching, 30);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
});

Deno.test("a viewer that is killed is gone within the idle timeout", async () => {
  await using server = await camera(["--h264"]);
  await using watching = viewer(server.ticket);
  await watching.until("open");
  watching.signal("SIGKILL");
  await server.xoq.until("gone", { timeoutMs: 6_000 });
});

Deno.test({
  name: "a stopped viewer is dropped, disturbs nobody, and is back by itself when it goes on",
  ...requires(noSignals),
}, async () => {
  await using server = await camera(["--h264"]);
  await using stopped = viewer(server.ticket);
  await stopped.until("open");
  const id = (await server.xoq.until("client"))["id"];
  await using other = viewer(server.ticket);
  await other.until("stats");

  stopped.signal("SIGSTOP");
  const since = other.events.length;
  await server.xoq.until("gone", { where: (event) => event["id"] === id, timeoutMs: 10_000 });
  await receives(other, 60);
  const counted = other.events.slice(since).filter(({ event }) => event === "stats");
  assert.equal(other.events.filter(({ event }) => event === "lost").length, 0);
  const counts = counted.map(({ received }) => Number(received));
  counts.reduce((before, now) => {
    assert(now - before > 10, `the other viewer keeps getting pictures: ${counts}`);
    return now;
  });

  const again = server.xoq.events.length;
  stopped.signal("SIGCONT");
  await server.xoq.until("client", { after: again });
  await receives(stopped, 30);
});

/** An endpoint of the test's own and where the server is. */
async function stranger(server: ServedCamera) {
  const endpoint = await createEndpoint({ relay: "none", bind: "127.0.0.1" });
  return { endpoint, address: parseTicket(server.ticket).address };
}

const PROTOCOLS = ["xoq/1", "xoq/camera-h264/0"];

Deno.test({
  name: "200 connections that say nothing are sent away, and viewers get in meanwhile",
  ...requires(whyNoNativeQuic()),
}, async () => {
  await using server = await camera(["--h264"]);
  const { endpoint, address } = await stranger(server);
  await using _ = endpoint;
  const connections = await Promise.all(
    Array.from(
      { length: 200 },
      (_, index) => endpoint.connect(address, PROTOCOLS[index % 2] ?? "", { timeoutMs: 15_000 }),
    ),
  );
  await using watching = viewer(server.ticket);
  await receives(watching, 60);
  const ends = await within(
    Promise.all(connections.map((connection) => connection.closed)),
    15_000,
    () => "the end of all silent connections",
  );
  // 5 is "silent" of docs/xoq-1.md; 4, "busy", goes to those beyond the limit.
  for (const { closeCode } of ends) assert([4, 5].includes(closeCode), `close code ${closeCode}`);
  await receives(watching, 30);
});

Deno.test({
  name: "garbage on every protocol ends its own connection and nothing else",
  ...requires(whyNoNativeQuic()),
}, async () => {
  await using server = await camera(["--h264", "--public"]);
  await using watching = viewer(server.ticket);
  await receives(watching, 1);
  const { endpoint, address } = await stranger(server);
  await using _ = endpoint;
  for (const protocol of PROTOCOLS) {
    for (let round = 0; round < 20; round++) {
      await using connection = await endpoint.connect(address, protocol, { timeoutMs: 5_000 });
      const garbage = crypto.getRandomValues(new Uint8Array(1 + round * 3_001));
      const stream = await connection.createBidirectionalStream();
      const writer = stream.writable.getWriter();
      const uni = (await connection.createUnidirectionalStream()).getWriter();
      const datagram = connection.datagrams.writable.getWriter();
      // The server may close while this is on its way: that is a right answer.
      await Promise.allSettled([
        writer.write(garbage).then(() => writer.close()),
        uni.write(garbage).then(() => uni.abort(new Error("over"))),
        datagram.write(garbage.subarray(0, 1000)),
      ]);
    }
  }
  // A message with a wrong shape, an endless one, and one that is no JSON are told what is wrong.
  for (const bytes of [[2, 0x7b, 0x7d], [0x80, 1, 0, 1], [3, 0x31, 0x32, 0x33], [0]]) {
    await using connection = await endpoint.connect(address, "xoq/1", { timeoutMs: 5_000 });
    const { writable } = await connection.createBidirectionalStream();
    await writable.getWriter().write(new Uint8Array(bytes)).catch(() => {});
    const { closeCode } = await within(connection.closed, 5_000, () => "the server's answer");
    assert.equal(closeCode, 3, `after ${bytes}`);
  }
  await receives(watching, 30);
  assert.equal(watching.events.filter(({ event }) => event === "lost").length, 0);
});
