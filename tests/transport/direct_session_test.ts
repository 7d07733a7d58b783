import assert from "node:assert/strict";
import { BusyError, UsageError } from "../../lib/errors.ts";
import { type Connection, TransportError } from "../../lib/transport/connection.ts";
import type {
  DialOptions,
  IncomingSession,
  Listener,
  ListenOptions,
} from "../../lib/transport/direct.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());
const ALPN = "test/1";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `direct: ${name}`, ignore, fn });
}

function listen(options: Partial<ListenOptions> = {}): Promise<Listener> {
  return directTransport.listen({ address: "127.0.0.1:0", alpns: [ALPN], ...options });
}

function dial(url: string, options: Partial<DialOptions> = {}): Promise<Connection> {
  const protocols = url.startsWith("moqt") ? [ALPN] : [];
  return directTransport.dial(url, { protocols, trust: { insecure: true }, ...options });
}

async function next<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  const { value, done } = await reader.read();
  reader.releaseLock();
  assert(!done);
  return value;
}

/** Both ends of a connection. */
async function pair(
  listener: Listener,
  scheme: "moqt" | "https",
  options: Partial<DialOptions> = {},
): Promise<[client: Connection, server: Connection]> {
  const accepted = next(listener.incoming).then((session) => session.accept());
  return [await dial(`${scheme}://${listener.address}/`, options), await accepted];
}

test("moqt and https come to one port, and are told apart", async () => {
  await using listener = await listen({ alpns: [ALPN, "test/2"] });
  const seen: IncomingSession[] = [];
  const both = Promise.withResolvers<void>();
  const admitting = (async () => {
    for await (const session of listener.incoming) {
      await session.accept();
      if (seen.push(session) === 2) both.resolve();
    }
  })();
  const port = listener.address.replace(/^.*:/, "");
  await using quic = await dial(`moqt://localhost:${port}/ignored`, { protocols: ["test/2"] });
  await using web = await dial(`https://localhost:${port}/a/b?c=d#e`, {
    headers: { "x-token": "a: b", origin: "https://example.org" },
  });
  assert.equal(quic.protocol, "test/2");
  assert.equal(web.protocol, "");
  await both.promise;
  const first = seen.find(({ kind }) => kind === "quic");
  const second = seen.find(({ kind }) => kind === "webtransport");
  assert(first !== undefined && second !== undefined);
  assert.deepEqual(first.protocols, ["test/2"]);
  assert.equal(first.path, undefined);
  assert.equal(first.authority, "localhost");
  assert.equal(first.headers.size, 0);
  assert.match(first.remote, /^127\.0\.0\.1:\d+$/);
  assert.deepEqual(second.protocols, []);
  assert.equal(second.path, "/a/b?c=d");
  assert.equal(second.authority, `localhost:${port}`);
  assert.equal(second.headers.get("x-token"), "a: b");
  assert.equal(second.headers.get("origin"), "https://example.org");
  await listener.close();
  await admitting;
});

test("subprotocols are offered in order, and one or none is chosen", async () => {
  await using listener = await listen();
  const offered = ["moqt-22", "moqt-18", "moql"];
  for (const chosen of ["moqt-18", undefined]) {
    const session = next(listener.incoming);
    const dialling = dial(`https://${listener.address}/`, { protocols: offered });
    const incoming = await session;
    assert.deepEqual(incoming.protocols, offered);
    await assert.rejects(incoming.accept("moqt-14"), UsageError);
    await using server = await incoming.accept(chosen);
    await using client = await dialling;
    assert.equal(client.protocol, chosen ?? "");
    assert.equal(server.protocol, chosen ?? "");
  }
});

test("a session that is refused says the status", async () => {
  await using listener = await listen();
  for (const status of [400, 404, 503]) {
    const refusing = next(listener.incoming).then((session) => session.refuse(status));
    const error = await dial(`https://${listener.address}/nowhere`).then(
      () => assert.fail("it was let in"),
      (error) => error,
    );
    await refusing;
    assert(error instanceof TransportError);
    assert.equal(error.failure, "refused");
    assert.match(
      error.message,
      new RegExp(`^the server refused the session with status ${status} `),
    );
  }
});

test("plain QUIC that is refused is closed with the code", async () => {
  await using listener = await listen();
  const session = next(listener.incoming);
  const client = await dial(`moqt://${listener.address}/`);
  (await session).refuse(404, 0x12);
  assert.equal((await client.closed).closeCode, 0x12);
});

test("a decision is taken once", async () => {
  await using listener = await listen();
  const session = next(listener.incoming);
  await using client = await dial(`moqt://${listener.address}/`);
  const incoming = await session;
  await using server = await incoming.accept();
  await assert.rejects(incoming.accept(), { name: "WebTransportError", failure: "closed" });
  incoming.refuse(404);
  await (await client.createUnidirectionalStream()).close();
  await next(server.incomingUnidirectionalStreams);
  for (const status of [200, 99, 600, 404.5]) {
    assert.throws(() => incoming.refuse(status), RangeError);
  }
});

test("who is not decided upon within 10 s is kept out", async () => {
  await using listener = await listen();
  const begun = performance.now();
  const web = dial(`https://${listener.address}/`);
  const quic = await dial(`moqt://${listener.address}/`);
  await assert.rejects(web, /status 503/);
  assert.equal((await quic.closed).closeCode, 0);
  assert(performance.now() - begun > 9_000);
  // They are not shown to who comes to look later.
  const session = next(listener.incoming);
  const dialling = dial(`moqt://${listener.address}/`);
  assert.equal((await session).kind, "quic");
  await (await session).accept();
  await (await dialling)[Symbol.asyncDispose]();
});

test("a listener without WebTransport, and one without plain QUIC, refuse the other", async () => {
  await using quic = await listen({ webTransport: false });
  await using web = await listen({ alpns: [] });
  for (const url of [`https://${quic.address}/`, `moqt://${web.address}/`]) {
    const error = await dial(url).then(() => assert.fail("it was let in"), (error) => error);
    assert.equal(error.failure, "refused");
    assert.match(error.message, /it speaks none of the protocols offered/);
  }
});

test("a server that nobody is at cannot be reached", async () => {
  const gone = await listen();
  await gone.close();
  const begun = performance.now();
  const error = await dial(`moqt://${gone.address}/`, { timeoutMs: 500 }).then(
    () => assert.fail("somebody is there"),
    (error) => error,
  );
  assert.equal(error.failure, "unreachable");
  // A dial without a time of its own takes 15 s.
  assert(performance.now() - begun < 10_000);
  await assert.rejects(dial("moqt://nowhere.invalid/"), { failure: "unreachable" });
});

test("a dial is given up when its signal says so", async () => {
  const gone = await listen();
  await gone.close();
  const reason = new Error("enough");
  const controller = new AbortController();
  const dialling = dial(`https://${gone.address}/`, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(dialling, reason);
});

test("an address in use is busy", async () => {
  await using listener = await listen();
  const error = await listen({ address: listener.address }).then(
    () => assert.fail("two listen"),
    (error) => error,
  );
  assert(error instanceof BusyError);
  assert.match(error.message, new RegExp(`${listener.address} is in use`));
});

test("a listener at all addresses is reached by IPv4 and IPv6", async () => {
  await using listener = await listen({ address: "*:0" });
  const port = listener.address.replace(/^.*:/, "");
  for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
    const accepted = next(listener.incoming).then((session) => session.accept());
    const client = await dial(`https://${host}:${port}/`);
    await accepted;
    client.close();
    await client.closed;
  }
});

test("streams beyond the limit wait until one has ended", async () => {
  for (const scheme of ["moqt", "https"] as const) {
    await using listener = await listen({ maxStreams: 3 });
    const [client, server] = await pair(listener, scheme);
    const streams = [];
    for (let i = 0; i < 3; i++) {
      const stream = await client.createUnidirectionalStream();
      const writer = stream.getWriter();
      await writer.write(Uint8Array.of(i));
      streams.push(writer);
    }
    // WebTransport's own streams are not to take of those: a few more may be open.
    const waiting: Promise<unknown>[] = [];
    const signal = AbortSignal.timeout(300);
    for (let i = 0; i < 9; i++) {
      waiting.push(client.createUnidirectionalStream({ signal }));
    }
    const outcomes = await Promise.allSettled(waiting);
    const refused = outcomes.filter(({ status }) => status === "rejected").length;
    assert(scheme === "moqt" ? refused === 9 : refused > 0, `${scheme}: ${refused}`);
    const further = client.createBidirectionalStream();
    await streams[0]!.close();
    const received = await next(server.incomingUnidirectionalStreams);
    assert.deepEqual((await Array.fromAsync(received))[0], Uint8Array.of(0));
    await further;
    await client[Symbol.asyncDispose]();
  }
});

test("windows are as they are set", async () => {
  await using listener = await listen({ receiveWindow: 20_000 });
  const [client] = await pair(listener, "moqt", { sendWindow: 30_000 });
  const writer = (await client.createUnidirectionalStream()).getWriter();
  let taken = 0;
  const writing = (async () => {
    for (;; taken += 1000) await writer.write(new Uint8Array(1000));
  })();
  writing.catch(() => {});
  let before: number;
  do {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (taken < 20_000 || taken !== before);
  assert(taken >= 20_000 && taken <= 52_000, `${taken} bytes were taken`);
  await client[Symbol.asyncDispose]();
});

test("the key log holds the secrets of both kinds, for nobody else to read", async () => {
  const folder = await Deno.makeTempDir();
  const keyLogFile = `${folder}/keys.log`;
  await using listener = await listen();
  for (const scheme of ["moqt", "https"] as const) {
    const [client] = await pair(listener, scheme, { keyLogFile });
    await client[Symbol.asyncDispose]();
  }
  const lines = (await Deno.readTextFile(keyLogFile)).trimEnd().split("\n");
  for (const label of ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"]) {
    const found = lines.filter((line) => line.startsWith(`${label} `));
    assert.equal(found.length, 2);
    for (const line of found) assert.match(line, /^\S+ [0-9a-f]{64} [0-9a-f]{64,96}$/);
  }
  if (Deno.build.os !== "windows") {
    assert.equal((await Deno.stat(keyLogFile)).mode! & 0o777, 0o600);
  }
  await assert.rejects(dial("moqt://127.0.0.1:1/", { keyLogFile: folder }), UsageError);
  await Deno.remove(folder, { recursive: true });
});

test("options that make no sense are a caller's mistake", async () => {
  const mistakes: (() => Promise<unknown>)[] = [
    () => dial("http://127.0.0.1/"),
    () => dial("not a url"),
    () => dial("https://user:secret@127.0.0.1/"),
    () => dial("moqt://127.0.0.1/", { protocols: [] }),
    () => dial("moqt://127.0.0.1/", { protocols: [""] }),
    () => dial("moqt://127.0.0.1/", { protocols: ["x".repeat(256)] }),
    () => dial("moqt://127.0.0.1/", { bind: "nowhere" }),
    () => dial("https://127.0.0.1/", { headers: { "X-Upper": "1" } }),
    () => dial("https://127.0.0.1/", { headers: { ":path": "/" } }),
    () => dial("https://127.0.0.1/", { headers: { "x-a": "1\r\nx-b: 2" } }),
    () => listen({ address: "nowhere" }),
    () => listen({ address: "" }),
    () => listen({ alpns: ["h3"] }),
    () => listen({ alpns: [], webTransport: false }),
    () => listen({ maxStreams: 0 }),
    () => listen({ receiveWindow: 1.5 }),
  ];
  for (const mistake of mistakes) {
    await assert.rejects(mistake, (error: Error) => {
      assert(error instanceof UsageError, `${mistake}: ${error}`);
      assert(!error.message.includes("secret"));
      return true;
    });
  }
});

test("closing the listener keeps out those who wait, and ends the stream of them", async () => {
  const listener = await listen();
  const dialling = dial(`https://${listener.address}/`);
  dialling.catch(() => {});
  const quic = await dial(`moqt://${listener.address}/`);
  const incoming = listener.incoming.getReader();
  const first = (await incoming.read()).value!;
  const waiting = incoming.read().then(() => incoming.read());
  await listener.close();
  await listener.close();
  assert.equal((await waiting).done, true);
  await assert.rejects(dialling, { source: "session" });
  // It may have been cut off before its handshake was confirmed.
  await quic.closed.catch(() => {});
  await assert.rejects(first.accept(), { name: "WebTransportError" });
});

test("what was written before a close arrives when the reader closes", async () => {
  for (const scheme of ["moqt", "https"] as const) {
    await using listener = await listen();
    const [client, server] = await pair(listener, scheme);
    const writer = (await client.createUnidirectionalStream()).getWriter();
    const written = writer.write(new Uint8Array(300_000)).then(() => writer.close());
    const chunks = await Array.fromAsync(await next(server.incomingUnidirectionalStreams));
    await written;
    assert.equal(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0), 300_000);
    server.close({ closeCode: 7, reason: "done" });
    assert.deepEqual(await client.closed, { closeCode: 7, reason: "done" });
  }
});
