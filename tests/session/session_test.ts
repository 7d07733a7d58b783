import assert from "node:assert/strict";
import type { Peer, PipeRequest, ServedDevice } from "../../lib/device.ts";
import { BusyError, DeniedError, NotFoundError, UsageError, XoqError } from "../../lib/errors.ts";
import { Lease } from "../../lib/lease.ts";
import { attach, openSession } from "../../lib/session/attach.ts";
import { encodeMessage } from "../../lib/session/framing.ts";
import { SessionServer } from "../../lib/session/server.ts";
import type { BidirectionalStream, Connection } from "../../lib/transport/connection.ts";
import { type MemoryEndpoint, MemoryNetwork } from "../../lib/transport/memory.ts";

const GRANT = "view-grant";

/** A device that remembers what was done to it, with an echo as its pipe. */
class Echo implements ServedDevice {
  readonly kind = "echo";
  readonly protocols: readonly string[];
  onEvent: ServedDevice["onEvent"];
  onClient: ServedDevice["onClient"];
  notify: ServedDevice["notify"];
  readonly accepted: string[] = [];
  readonly configured: Record<string, unknown>[] = [];
  readonly reports: Record<string, unknown>[] = [];
  readonly lease = new Lease();
  beats = 0;
  /** What comes back from a pipe's device before anything was sent. */
  greeting = new Uint8Array(0);

  constructor(readonly name: string, protocols: readonly string[] = [`direct/${name}`]) {
    this.protocols = protocols;
  }

  describe() {
    return { colour: "green" };
  }

  async accept(connection: Connection, peer: Peer) {
    this.accepted.push(peer.rights);
    await connection.closed.catch(() => {});
  }

  configure(settings: Record<string, unknown>, peer: Peer) {
    if (settings["secret"] !== undefined && peer.rights !== "control") {
      throw new DeniedError("that needs control");
    }
    this.configured.push(settings);
  }

  feedback(report: Record<string, unknown>) {
    this.reports.push(report);
  }

  async pipe(
    stream: BidirectionalStream,
    request: PipeRequest,
    peer: Peer,
    reply: (answer: Record<string, unknown>) => Promise<void>,
  ) {
    if (request.role === "viewer") throw new TypeError("a fault inside, not for strangers");
    using held = this.lease.acquire(peer.id, "xoq/1", { take: request.take });
    await reply({ given: request.params["wish"] ?? null });
    if (this.greeting.length > 0) {
      const writer = stream.writable.getWriter();
      await writer.write(this.greeting);
      writer.releaseLock();
    }
    await stream.readable.pipeTo(stream.writable, { signal: held.signal }).catch(() => {});
  }

  call(method: string, params: Record<string, unknown>) {
    if (method === "add") {
      return Promise.resolve({ sum: Number(params["a"]) + Number(params["b"]) });
    }
    return Promise.reject(new XoqError("unsupported", `no method ${method}`, { hint: "try add" }));
  }

  beat() {
    this.beats++;
  }

  stats() {
    return { reports: this.reports.length };
  }

  async [Symbol.asyncDispose]() {}
}

interface Stage extends AsyncDisposable {
  network: MemoryNetwork;
  endpoint: MemoryEndpoint;
  server: SessionServer;
  client: MemoryEndpoint;
}

function stage(devices: ServedDevice[], open = false): Stage {
  const network = new MemoryNetwork();
  const endpoint = network.endpoint(SessionServer.protocols(devices));
  const server = new SessionServer(endpoint, {
    devices,
    agent: "test",
    policy: {
      public: open,
      allow: new Set(),
      verify: (grant) =>
        grant === GRANT || grant === "control-grant"
          ? Promise.resolve({
            rights: grant === GRANT ? "view" : "control",
            device: undefined,
            expires: undefined,
          })
          : Promise.reject(new DeniedError("the signature is wrong", { hint: "ask again" })),
    },
  });
  return {
    network,
    endpoint,
    server,
    client: network.endpoint(),
    async [Symbol.asyncDispose]() {
      await server.close();
      await endpoint.close();
    },
  };
}

const OPTIONS = { signal: new AbortController().signal, timeoutMs: 5_000 };

function session({ client, endpoint }: Stage, grant?: string, device?: string) {
  return openSession(client, {
    address: endpoint.address(),
    agent: "test",
    ...(grant === undefined ? {} : { grant }),
    ...(device === undefined ? {} : { device }),
  }, OPTIONS);
}

function attachment(
  { client, endpoint }: Stage,
  grant: string | undefined,
  more: { device?: string; hint?: string } = {},
) {
  const { device, hint } = more;
  return attach(client, {
    address: endpoint.address(),
    agent: "test",
    ...(grant === undefined ? {} : { grant }),
    ...(device === undefined ? {} : { device }),
  }, { ...OPTIONS, ...(hint === undefined ? {} : { hint }) });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("it did not happen within 5 s");
    await new Promise((next) => setTimeout(next, 2));
  }
}

async function closeCode(connection: Connection): Promise<number> {
  return (await connection.closed).closeCode;
}

Deno.test("a grant opens a session that lists the devices, keeps the clock and counts", async () => {
  await using scene = stage([new Echo("front")]);
  await using opened = await session(scene, GRANT);
  assert.equal(opened.rights, "view");
  assert.deepEqual(opened.devices.map(({ name, kind, colour }) => [name, kind, colour]), [
    ["front", "echo", "green"],
  ]);
  assert.ok(await opened.ping() >= 0);
  assert.ok(Math.abs(opened.clockOffset ?? NaN) < 50_000, "one clock at both ends");
  assert.deepEqual(await opened.stats(), { front: { reports: 0 } });
});

Deno.test("without a valid grant there is no session, and the reason and the hint arrive", async () => {
  await using scene = stage([new Echo("front")]);
  await assert.rejects(session(scene), DeniedError);
  await assert.rejects(session(scene, "forged"), (error: DeniedError) => {
    assert.match(error.message, /signature is wrong/);
    assert.equal(error.hint, "ask again");
    return true;
  });
  assert.equal(scene.server.stats().refused.denied, 2);
});

Deno.test("a device's own protocol is closed to an id that showed no grant", async () => {
  const echo = new Echo("front");
  await using scene = stage([echo]);
  const connection = await scene.client.connect(scene.endpoint.address(), "direct/front");
  assert.equal(await closeCode(connection), 5);
  assert.deepEqual(echo.accepted, []);
});

Deno.test("a device's own connection that came first is let in when its grant comes", async () => {
  const echo = new Echo("front");
  await using scene = stage([echo]);
  const connection = await scene.client.connect(scene.endpoint.address(), "direct/front");
  await using _ = await session(scene, GRANT);
  await until(() => echo.accepted.length === 1);
  assert.deepEqual(echo.accepted, ["view"]);
  connection.close();
});

Deno.test("the end of the session ends what its grant had opened", async () => {
  const echo = new Echo("front");
  await using scene = stage([echo]);
  const opened = await session(scene, GRANT);
  const connection = await scene.client.connect(scene.endpoint.address(), "direct/front");
  await until(() => echo.accepted.length === 1);
  await opened.close();
  assert.equal(await closeCode(connection), 0, "no refusal: it may attach again");
});

Deno.test("public servers let everybody control", async () => {
  const echo = new Echo("front");
  await using scene = stage([echo], true);
  const connection = await scene.client.connect(scene.endpoint.address(), "direct/front");
  await until(() => echo.accepted.length === 1);
  assert.deepEqual(echo.accepted, ["control"]);
  connection.close();
});

Deno.test("with several devices the ticket must name one, and a wrong name lists them", async () => {
  await using scene = stage([new Echo("front"), new Echo("rear")]);
  await assert.rejects(attachment(scene, GRANT), (error: UsageError) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.hint ?? "", /front, rear/);
    return true;
  });
  await assert.rejects(attachment(scene, GRANT, { device: "side" }), NotFoundError);
  await using rear = await attachment(scene, GRANT, { device: "rear" });
  assert.equal(rear.device, "rear");
});

Deno.test("settings and reports reach the device; a refusal comes back", async () => {
  const echo = new Echo("front");
  await using scene = stage([echo]);
  await using opened = await attachment(scene, GRANT);
  const refusals: unknown[] = [];
  opened.control?.onEvent((event) => refusals.push(event));
  opened.control?.configure({ key: true });
  opened.control?.report({ frames: 3, bytes: 99 });
  opened.control?.configure({ secret: 1 });
  opened.control?.beat();
  await until(() => refusals.length === 1 && echo.beats === 1);
  assert.equal(echo.configured.length, 1);
  assert.equal(echo.configured[0]?.["key"], true);
  assert.equal(echo.reports[0]?.["frames"], 3);
  assert.deepEqual(refusals, [
    { type: "refused", request: "settings", code: "denied", message: "that needs control" },
  ]);
});

Deno.test("calls are answered each by its own result, refusals with code and hint", async () => {
  await using scene = stage([new Echo("front")]);
  await using opened = await attachment(scene, GRANT);
  const control = opened.control!;
  const [three, seven] = await Promise.all([
    control.call("add", { a: 1, b: 2 }),
    control.call("add", { a: 3, b: 4 }),
  ]);
  assert.deepEqual([three, seven], [{ sum: 3 }, { sum: 7 }]);
  await assert.rejects(control.call("subtract"), (error: XoqError) => {
    assert.deepEqual([error.code, error.hint], ["unsupported", "try add"]);
    return true;
  });
});

Deno.test("a byte pipe is answered, then carries bytes only", async () => {
  const echo = new Echo("front");
  echo.greeting = new TextEncoder().encode("hello ");
  await using scene = stage([echo]);
  await using opened = await attachment(scene, "control-grant");
  const { answer, stream } = await opened.control!.openPipe({
    role: "controller",
    params: { wish: 42 },
  });
  assert.deepEqual(answer, { given: 42 });
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode("world"));
  await writer.close();
  let text = "";
  for await (const chunk of stream.readable) text += new TextDecoder().decode(chunk);
  assert.equal(text, "hello world");
});

Deno.test("a held device is busy for others, names its holder, and can be taken", async () => {
  const echo = new Echo("front");
  await using scene = stage([echo]);
  await using first = await attachment(scene, "control-grant");
  const { stream } = await first.control!.openPipe({ role: "controller" });
  const other = scene.network.endpoint();
  await using second = await attachment({ ...scene, client: other }, "control-grant");
  await assert.rejects(second.control!.openPipe({ role: "controller" }), (error: XoqError) => {
    assert.equal(error.code, "busy");
    assert.ok(error.message.includes(scene.client.id.slice(0, 10)));
    return true;
  });
  const taken = await second.control!.openPipe({ role: "controller", take: true });
  assert.equal(echo.lease.holder?.id, other.id);
  await assert.rejects(Array.fromAsync(stream.readable));
  await taken.stream.writable.close();
});

Deno.test("a fault inside the server is told as such and no more", async () => {
  await using scene = stage([new Echo("front")]);
  await using opened = await attachment(scene, GRANT);
  await assert.rejects(opened.control!.openPipe({ role: "viewer" }), (error: XoqError) => {
    assert.equal(error.code, "failed");
    assert.doesNotMatch(error.message, /inside/);
    return true;
  });
});

Deno.test("news of the device reach those who may see it", async () => {
  const echo = new Echo("front");
  await using scene = stage([echo]);
  await using opened = await attachment(scene, GRANT);
  const events: unknown[] = [];
  opened.control?.onEvent((event) => events.push(event));
  scene.server.announce("front", "lost", "unplugged");
  echo.notify?.({ lines: { dtr: true } });
  scene.server.announce("front", "back");
  await until(() => events.length === 3);
  assert.deepEqual(
    events.map((event) => (event as { type: string }).type),
    ["lost", "notice", "back"],
  );
});

Deno.test("a server that stops says goodbye, and why", async () => {
  const scene = stage([new Echo("front")]);
  await using opened = await attachment(scene, GRANT);
  const ended = new Promise((resolve) => opened.signal.addEventListener("abort", resolve));
  await scene.server.close("maintenance");
  await ended;
  assert.match(String((opened.signal.reason as Error).message), /maintenance/);
  await scene[Symbol.asyncDispose]();
});

Deno.test("every broken rule closes the connection with its code", async () => {
  const hello = encodeMessage({ t: "hello", version: 1, grant: GRANT });
  const rules: [string, Uint8Array, number][] = [
    ["garbage instead of hello", new Uint8Array([5, 1, 2, 3, 4, 5]), 3],
    ["an empty message", new Uint8Array([0]), 3],
    ["an oversized message", new Uint8Array([0xbf, 0xff, 0xff, 0xff]), 3],
    ["another message before hello", encodeMessage({ t: "stats" }), 3],
    ["hello twice", concat(hello, hello), 3],
    ["a forged grant", encodeMessage({ t: "hello", version: 1, grant: "x" }), 2],
  ];
  for (const [rule, bytes, code] of rules) {
    await using scene = stage([new Echo("front")]);
    const connection = await scene.client.connect(scene.endpoint.address(), "xoq/1");
    const { writable } = await connection.createBidirectionalStream();
    await writable.getWriter().write(bytes);
    assert.equal(await closeCode(connection), code, rule);
  }
});

Deno.test("a pipe that begins with garbage closes the connection", async () => {
  await using scene = stage([new Echo("front")]);
  await using opened = await session(scene, GRANT);
  const { writable } = await opened.connection.createBidirectionalStream();
  await writable.getWriter().write(new Uint8Array([3, 1, 2, 3]));
  assert.equal(await closeCode(opened.connection), 3);
});

Deno.test("who says nothing is closed, the longest waiting first when there are many", async () => {
  await using scene = stage([new Echo("front")]);
  const silent = await Promise.all(
    Array.from({ length: 300 }, () => scene.client.connect(scene.endpoint.address(), "xoq/1")),
  );
  // Among three hundred that say nothing, one that speaks gets in.
  await using opened = await session(scene, GRANT);
  assert.equal(opened.rights, "view");
  const codes = await Promise.all(silent.map(closeCode));
  assert.ok(codes.every((code) => code === 5));
  await until(() => scene.server.stats().connections === 1);
});

Deno.test("a server of XoQ's, which knows no sessions, is attached to plainly", async () => {
  const network = new MemoryNetwork();
  await using server = network.endpoint(["xoq/camera-jpeg/0"]);
  await using client = network.endpoint();
  const target = { address: server.address(), agent: "test" };
  await using opened = await attach(client, target, OPTIONS);
  assert.equal(opened.control, undefined);
  const connection = await opened.connect("xoq/camera-jpeg/0");
  assert.equal(connection.protocol, "xoq/camera-jpeg/0");
  connection.close();
});

Deno.test("XoQ's clients replace each other, but never a holder on xoq/1", () => {
  const lease = new Lease();
  const old = lease.acquire("a", "direct");
  const fresh = lease.acquire("b", "direct");
  assert.ok(old.signal.aborted);
  old[Symbol.dispose]();
  assert.equal(lease.holder?.id, "b", "the old lease's end is not the new one's");
  assert.throws(() => lease.acquire("c", "xoq/1"), BusyError);
  const taken = lease.acquire("c", "xoq/1", { take: true });
  assert.ok(fresh.signal.aborted);
  assert.throws(() => lease.acquire("d", "direct"), BusyError);
  taken[Symbol.dispose]();
  assert.equal(lease.holder, undefined);
});

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
