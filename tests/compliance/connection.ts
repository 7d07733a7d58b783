/**
 * What every implementation of `Connection` and `Endpoint` must do.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type BidirectionalStream,
  type Connection,
  type Endpoint,
  TransportError,
} from "../../lib/transport/connection.ts";

/** An implementation under test. */
export interface ConnectionHarness {
  /** Name in test names. */
  name: string;
  /** Whether its tests cannot run here. */
  ignore?: boolean;
  /** An endpoint that accepts `test/1`, and one that dials; they can reach each other. */
  endpoints(): Promise<[server: Endpoint, client: Endpoint]>;
  /** What the implementation cannot do: there are no tests of that. */
  lacks?: ReadonlySet<Ability>;
}

/** What an implementation may lack, when its documentation says so. */
export type Ability =
  | "knock-out" // reset and stop act while a write or read is pending
  | "stop-watch" // a stop is seen without a write
  | "close-code"
  | "identity" // endpoint ids that TLS proves
  | "datagram-limit";

const PROTOCOL = "test/1";

/** Fails a test that hangs, long before the runner would. */
async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function read<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  try {
    const { value, done } = await within(5000, "read", reader.read());
    assert(!done, "the stream has ended");
    return value;
  } finally {
    reader.releaseLock();
  }
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks = await within(20_000, "reading all", Array.fromAsync(stream));
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

async function send(stream: WritableStream<Uint8Array>, data: Uint8Array): Promise<void> {
  const writer = stream.getWriter();
  await writer.write(data);
  await writer.close();
}

async function failure(promise: Promise<unknown>, what = "failing"): Promise<TransportError> {
  try {
    await within(5000, what, promise);
  } catch (error) {
    assert(error instanceof TransportError, `${what}: ${error}`);
    return error;
  }
  throw new Error(`${what}: it did not fail`);
}

/** Writes until a write waits; gives the bytes accepted and the write that waits. */
async function fill(
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<{ bytes: number; pending: Promise<void> }> {
  const chunk = new Uint8Array(65_536);
  for (let bytes = 0;; bytes += chunk.byteLength) {
    const write = writer.write(chunk);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<"stalled">((resolve) => {
      timer = setTimeout(() => resolve("stalled"), 300);
    });
    const outcome = await Promise.race([write, stalled]);
    clearTimeout(timer);
    if (outcome !== "stalled") continue;
    write.catch(() => {});
    return { bytes, pending: write };
  }
}

interface Pair {
  server: Connection;
  client: Connection;
  serverEndpoint: Endpoint;
  clientEndpoint: Endpoint;
}

/** Registers the suite for one implementation. */
export function connectionCompliance(harness: ConnectionHarness): void {
  const connected = async (run: (pair: Pair) => Promise<void>) => {
    const [serverEndpoint, clientEndpoint] = await harness.endpoints();
    try {
      const accepted = read(serverEndpoint.incoming);
      const client = await clientEndpoint.connect(serverEndpoint.address(), PROTOCOL);
      const server = await accepted;
      await run({ server, client, serverEndpoint, clientEndpoint });
    } finally {
      await clientEndpoint.close();
      await serverEndpoint.close();
    }
  };
  const test = (
    name: string,
    run: (pair: Pair) => Promise<void>,
    needs: Ability[] = [],
  ) => {
    if (needs.some((need) => harness.lacks?.has(need))) return;
    Deno.test({
      name: `${harness.name}: ${name}`,
      ignore: harness.ignore ?? false,
      fn: () => connected(run),
    });
  };

  /** Opens a stream and makes it known to the peer with one byte, which the peer reads. */
  const openStream = async (
    { client, server }: Pair,
  ): Promise<[ours: BidirectionalStream, theirs: BidirectionalStream]> => {
    const ours = await client.createBidirectionalStream();
    const writer = ours.writable.getWriter();
    await writer.write(Uint8Array.of(1));
    writer.releaseLock();
    const theirs = await read(server.incomingBidirectionalStreams);
    assert.deepEqual(await read(theirs.readable), Uint8Array.of(1));
    return [ours, theirs];
  };

  test("both sides know the protocol", async ({ client, server }) => {
    assert.equal(client.protocol, PROTOCOL);
    assert.equal(server.protocol, PROTOCOL);
    await Promise.all([client.ready, server.ready]);
  });

  test("both sides know each other's id", ({ client, server, clientEndpoint, serverEndpoint }) => {
    assert.equal(client.remoteId, serverEndpoint.id);
    assert.equal(server.remoteId, clientEndpoint.id);
    assert.match(clientEndpoint.id, /^[0-9a-f]{64}$/);
    return Promise.resolve();
  }, ["identity"]);

  test("what is written on a bidirectional stream comes back from an echo", async (pair) => {
    const ours = await pair.client.createBidirectionalStream();
    const sent = send(ours.writable, new TextEncoder().encode("hello"));
    const theirs = await read(pair.server.incomingBidirectionalStreams);
    const echo = theirs.readable.pipeTo(theirs.writable);
    assert.equal(new TextDecoder().decode(await readAll(ours.readable)), "hello");
    await Promise.all([sent, echo]);
  });

  test("unidirectional streams go both ways", async ({ client, server }) => {
    for (const [from, to] of [[client, server], [server, client]] as const) {
      const sent = send(await from.createUnidirectionalStream(), Uint8Array.of(1, 2, 3));
      const received = await read(to.incomingUnidirectionalStreams);
      assert.deepEqual(await readAll(received), Uint8Array.of(1, 2, 3));
      await sent;
    }
  });

  test("bytes arrive whole, in order, in chunks that are never empty", async (pair) => {
    const sizes = [1, 7, 64, 1200, 4096, 65_536, 65_537, 200_000, 3];
    const all = new Uint8Array(sizes.reduce((a, b) => a + b));
    for (let i = 0; i < all.length; i++) all[i] = (i * 31 + (i >> 8)) & 255;
    const sending = (async () => {
      const writer = (await pair.client.createUnidirectionalStream()).getWriter();
      let at = 0;
      for (const size of sizes) {
        const chunk = all.slice(at, at += size);
        await writer.write(chunk);
        // Once the write has resolved the buffer is the caller's again.
        chunk.fill(0);
      }
      await writer.close();
    })();
    const received: number[] = [];
    for await (const chunk of await read(pair.server.incomingUnidirectionalStreams)) {
      assert(chunk.byteLength > 0);
      for (const byte of chunk) received.push(byte);
    }
    await sending;
    assert.deepEqual(Uint8Array.from(received), all);
  });

  test("a writer waits while the reader does not read, and goes on when it does", async (pair) => {
    const writer = (await pair.client.createUnidirectionalStream()).getWriter();
    const { bytes, pending } = await fill(writer);
    assert(bytes > 0 && bytes < 16 << 20, `${bytes} bytes were taken for nobody`);
    const stream = await read(pair.server.incomingUnidirectionalStreams);
    const received = readAll(stream);
    await within(5000, "the pending write", pending);
    await writer.close();
    assert.equal((await received).byteLength, bytes + 65_536);
  });

  test("the other direction goes on after a half-close", async (pair) => {
    const [ours, theirs] = await openStream(pair);
    await ours.writable.close();
    assert.equal((await readAll(theirs.readable)).byteLength, 0);
    const sent = send(theirs.writable, Uint8Array.of(9));
    assert.deepEqual(await readAll(ours.readable), Uint8Array.of(9));
    await sent;
  });

  test("an abort knocks out a pending write, and its code reaches the reader", async (pair) => {
    const [ours, theirs] = await openStream(pair);
    const writer = ours.writable.getWriter();
    const { pending } = await fill(writer);
    const begun = performance.now();
    const knockedOut = failure(pending, "the pending write").catch(() => {});
    await writer.abort(new TransportError("too late", { streamErrorCode: 77 }));
    await knockedOut;
    // Nobody reads: without the abort it would wait for ever.
    assert(performance.now() - begun < 2_000, `took ${performance.now() - begun} ms`);
    const error = await failure(readAll(theirs.readable), "reading a reset stream");
    assert.equal(error.source, "stream");
    assert.equal(error.streamErrorCode, 77);
  }, ["knock-out"]);

  test("an abort without a code resets with code 0", async (pair) => {
    const [ours, theirs] = await openStream(pair);
    const reading = failure(readAll(theirs.readable));
    await ours.writable.abort(new Error("whatever"));
    assert.equal((await reading).streamErrorCode, 0);
  });

  test("a reset discards what the reader has not read", async (pair) => {
    const [ours, theirs] = await openStream(pair);
    const writer = ours.writable.getWriter();
    await writer.write(new Uint8Array(100_000));
    await writer.abort(new TransportError("", { streamErrorCode: 5 }));
    await failure(readAll(theirs.readable));
    assert.equal((await failure(theirs.readable.getReader().closed)).streamErrorCode, 5);
  });

  test("a cancel fails the peer's pending write with its code", async (pair) => {
    const [ours, theirs] = await openStream(pair);
    const { pending } = await fill(ours.writable.getWriter());
    const failing = failure(pending, "the pending write");
    await theirs.readable.cancel(new TransportError("enough", { streamErrorCode: 42 }));
    const error = await failing;
    assert.equal(error.source, "stream");
    assert.equal(error.streamErrorCode, 42);
  });

  test("a cancel is seen by a writer that writes nothing", async (pair) => {
    const [ours, theirs] = await openStream(pair);
    const closed = failure(ours.writable.getWriter().closed, "the writer's end");
    await theirs.readable.cancel(new TransportError("enough", { streamErrorCode: 43 }));
    assert.equal((await closed).streamErrorCode, 43);
  }, ["stop-watch"]);

  test("a cancel ends a pending read at once", async (pair) => {
    const [ours] = await openStream(pair);
    const reader = ours.readable.getReader();
    const reading = reader.read();
    await within(1000, "cancel", reader.cancel());
    assert.equal((await reading).done, true);
  }, ["knock-out"]);

  test("the close code and reason reach the peer", async ({ client, server }) => {
    client.close({ closeCode: 4_000_000_000, reason: "großartig" });
    const info = { closeCode: 4_000_000_000, reason: "großartig" };
    assert.deepEqual(await within(5000, "the peer's end", server.closed), info);
    assert.deepEqual(await within(5000, "our end", client.closed), info);
  }, ["close-code"]);

  test("a close is a close, once", async ({ client, server }) => {
    server.close();
    server.close({ closeCode: 9, reason: "too late" });
    assert.deepEqual(await within(5000, "our end", server.closed), { closeCode: 0, reason: "" });
    await within(5000, "the peer's end", client.closed);
    await server[Symbol.asyncDispose]();
  });

  test("a reason is cut to 1,024 bytes at a character", async ({ client, server }) => {
    client.close({ closeCode: 1, reason: "é".repeat(2000) });
    assert.equal((await within(5000, "the peer's end", server.closed)).reason, "é".repeat(512));
  }, ["close-code"]);

  test("close codes out of range are a caller's mistake", ({ client }) => {
    for (const closeCode of [-1, 1.5, 2 ** 32]) {
      assert.throws(() => client.close({ closeCode }), RangeError);
    }
    return Promise.resolve();
  });

  test("a close ends everything that waits, on both sides", async (pair) => {
    const { client, server } = pair;
    const [ours, theirs] = await openStream(pair);
    const { pending } = await fill(ours.writable.getWriter());
    const waiting = [
      failure(pending, "write"),
      failure(ours.readable.getReader().read(), "our read"),
    ];
    const accepting = [
      client.incomingBidirectionalStreams.getReader().read(),
      client.incomingUnidirectionalStreams.getReader().read(),
      server.incomingUnidirectionalStreams.getReader().read(),
    ];
    server.close({ closeCode: 3 });
    for (const error of await Promise.all(waiting)) {
      assert.equal(error.source, "session");
      assert.equal(error.failure, "closed");
    }
    for (const { done } of await within(5000, "accepting", Promise.all(accepting))) {
      assert.equal(done, true);
    }
    const writer = theirs.writable.getWriter();
    await failure(
      (async () => {
        for (;;) await writer.write(Uint8Array.of(1));
      })(),
      "a write after the end",
    );
  });

  test("nothing opens after the end", async ({ client, server }) => {
    client.close();
    await within(5000, "the end", server.closed);
    for (const connection of [client, server]) {
      assert.equal((await failure(connection.createBidirectionalStream())).failure, "closed");
      assert.equal((await failure(connection.createUnidirectionalStream())).source, "session");
      await connection.getStats();
      assert.equal(connection.onPathChange(() => {})(), undefined);
    }
  });

  test("1,000 streams at once", async ({ client, server }) => {
    const echoing = (async () => {
      const echoes: Promise<void>[] = [];
      for await (const { readable, writable } of server.incomingBidirectionalStreams) {
        echoes.push(readable.pipeTo(writable));
        if (echoes.length === 1000) break;
      }
      await Promise.all(echoes);
    })();
    const streams = await Promise.all(
      Array.from({ length: 1000 }, () => client.createBidirectionalStream()),
    );
    await Promise.all(streams.map(async ({ readable, writable }, i) => {
      const message = new TextEncoder().encode(`stream ${i}`);
      const sent = send(writable, message);
      assert.deepEqual(await readAll(readable), message);
      await sent;
    }));
    await within(5000, "the echoes", echoing);
  });

  test("canceling the incoming streams refuses further ones", async ({ client, server }) => {
    await server.incomingUnidirectionalStreams.cancel();
    const writer = (await client.createUnidirectionalStream()).getWriter();
    const failing = failure((async () => {
      for (;;) await writer.write(new Uint8Array(65_536));
    })());
    assert.equal((await failing).source, "stream");
  });

  test("datagrams arrive, each whole", async ({ client, server }) => {
    assert(client.datagrams.maxDatagramSize >= 1000);
    const writer = client.datagrams.writable.getWriter();
    const reader = server.datagrams.readable.getReader();
    for (let i = 0; i < 20; i++) {
      const datagram = new Uint8Array(1000).fill(i);
      // One that is lost is sent again: that is what unreliable means, also on loopback.
      const received = within(5000, "datagram", reader.read());
      await writer.write(datagram);
      const { value } = await received;
      assert.deepEqual(value, datagram);
    }
  });

  test("a datagram that is too large is dropped and counted", async ({ client, server }) => {
    const writer = client.datagrams.writable.getWriter();
    const reader = server.datagrams.readable.getReader();
    const received = within(5000, "datagram", reader.read());
    // Larger than UDP's: what a path takes may grow at any moment.
    await writer.write(new Uint8Array(70_000));
    await writer.write(Uint8Array.of(7));
    assert.deepEqual((await received).value, Uint8Array.of(7));
    assert.equal(client.datagrams.oversized, 1);
  }, ["datagram-limit"]);

  test("reading datagrams ends with the connection", async ({ client, server }) => {
    const reading = server.datagrams.readable.getReader().read();
    client.close();
    assert.equal((await within(5000, "reading", reading)).done, true);
  });

  test("only bytes can be written", async ({ client }) => {
    const writer = (await client.createUnidirectionalStream()).getWriter();
    await assert.rejects(writer.write("text" as unknown as Uint8Array), TypeError);
    await assert.rejects(writer.closed, TypeError);
  });

  test("the order of sending is kept as it is set", async ({ client }) => {
    const stream = await client.createUnidirectionalStream({ sendOrder: -5 });
    assert.equal(stream.sendOrder, -5);
    stream.sendOrder = 9;
    assert.equal(stream.sendOrder, 9);
    await stream.close();
  });

  test("counters grow, and one path is selected", async (pair) => {
    const before = await pair.client.getStats();
    const sent = send(await pair.client.createUnidirectionalStream(), new Uint8Array(50_000));
    await readAll(await read(pair.server.incomingUnidirectionalStreams));
    await sent;
    const after = await pair.client.getStats();
    assert(after.bytesSent >= before.bytesSent + 50_000, `${before.bytesSent} ${after.bytesSent}`);
    assert(after.packetsSent > before.packetsSent);
    assert.equal(pair.client.paths().filter((path) => path.selected).length, 1);
  });

  test("a protocol that is not accepted is refused", async (pair) => {
    const dial = pair.clientEndpoint.connect(pair.serverEndpoint.address(), "other/1");
    const error = await failure(dial);
    assert.equal(error.source, "session");
    assert.equal(error.failure, "refused");
  });

  test("a dial that is given up rejects with the signal's reason", async (pair) => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const address = pair.serverEndpoint.address();
    await assert.rejects(pair.clientEndpoint.connect(address, PROTOCOL, { signal }), reason);
  });

  test("closing an endpoint closes its connections and ends its incoming stream", async (pair) => {
    const next = pair.serverEndpoint.incoming.getReader().read();
    await within(5000, "close", pair.serverEndpoint.close());
    await pair.serverEndpoint.close();
    assert.equal((await within(5000, "incoming", next)).done, true);
    await within(5000, "the peer's end", pair.client.closed);
    await failure(pair.serverEndpoint.connect(pair.clientEndpoint.address(), PROTOCOL));
  });

  test("many connections come and go", async ({ clientEndpoint, serverEndpoint }) => {
    const incoming = serverEndpoint.incoming.getReader();
    for (let i = 0; i < 20; i++) {
      const accepted = incoming.read();
      const client = await clientEndpoint.connect(serverEndpoint.address(), PROTOCOL);
      const server = (await within(5000, "accepting", accepted)).value!;
      client.close({ closeCode: i });
      await within(5000, "the end", server.closed);
    }
  });
}
