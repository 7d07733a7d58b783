import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Connection, TransportError } from "../../lib/transport/connection.ts";
import type { Listener } from "../../lib/transport/direct.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());
const HOST = "127.0.0.1";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `direct: ${name}`, ignore, fn });
}

function portOf({ address }: Listener): number {
  return Number(address.replace(/^.*:/, ""));
}

async function udp(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, HOST);
  await once(socket, "listening");
  return socket;
}

/** A UDP relay that can be told to fall silent. */
class Wire implements Disposable {
  readonly #near: Socket;
  readonly #far: Socket;
  #client = 0;
  /** Whether nothing passes any more. */
  cut = false;

  private constructor(near: Socket, far: Socket, port: number) {
    this.#near = near;
    this.#far = far;
    near.on("message", (datagram, from) => {
      this.#client = from.port;
      if (!this.cut) far.send(datagram, port, HOST);
    });
    far.on("message", (datagram) => {
      if (!this.cut) near.send(datagram, this.#client, HOST);
    });
  }

  static async to(port: number): Promise<Wire> {
    return new Wire(await udp(), await udp(), port);
  }

  get port(): number {
    return this.#near.address().port;
  }

  [Symbol.dispose](): void {
    this.#near.close();
    this.#far.close();
  }
}

async function next<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  const { value, done } = await reader.read();
  reader.releaseLock();
  assert(!done);
  return value;
}

for (const scheme of ["moqt", "https"] as const) {
  test(`${scheme}: a peer that vanishes times out, on both sides, with all that waits`, async () => {
    await using listener = await directTransport.listen({ address: "127.0.0.1:0", alpns: ["a"] });
    using wire = await Wire.to(portOf(listener));
    const accepted = next(listener.incoming).then((session) => session.accept());
    const client = await directTransport.dial(`${scheme}://${HOST}:${wire.port}/`, {
      protocols: scheme === "moqt" ? ["a"] : [],
      trust: { insecure: true },
    });
    const server = await accepted;
    const { readable, writable } = await client.createBidirectionalStream();
    await writable.getWriter().write(Uint8Array.of(1));
    await next(server.incomingBidirectionalStreams);
    const begun = performance.now();
    wire.cut = true;
    const waiting = [
      client.closed,
      server.closed,
      readable.getReader().read(),
      client.datagrams.readable.getReader().read(),
    ];
    const timedOut = (promise: Promise<unknown>) =>
      assert.rejects(promise, (error) => {
        assert(error instanceof TransportError);
        assert.equal(error.source, "session");
        assert.equal(error.failure, "timeout");
        return true;
      });
    await Promise.all(waiting.map(timedOut));
    const silent = performance.now() - begun;
    assert(silent > 1_500 && silent < 8_000, `${silent} ms`);
  });
}

test("packets that are no QUIC, and handshakes that stop halfway, hold nobody up", async () => {
  await using listener = await directTransport.listen({ address: "127.0.0.1:0", alpns: ["a"] });
  const port = portOf(listener);
  const sockets: Socket[] = [];
  try {
    // The first packets of handshakes whose senders never hear an answer: more than are let in at once.
    const initials = await Promise.all(Array.from({ length: 300 }, firstPacket));
    for (const [i, packet] of initials.entries()) {
      const socket = await udp();
      sockets.push(socket);
      socket.send(packet, port, HOST);
      socket.send(crypto.getRandomValues(new Uint8Array(100 + i)), port, HOST);
    }
    const accepted = next(listener.incoming).then((session) => session.accept());
    const begun = performance.now();
    const client = await directTransport.dial(`moqt://${listener.address}/`, {
      protocols: ["a"],
      trust: { insecure: true },
    });
    await accepted;
    assert(performance.now() - begun < 8_000);
    await client[Symbol.asyncDispose]();
  } finally {
    for (const socket of sockets) socket.close();
  }
});

/** What a client sends first, to a server that does not answer. */
async function firstPacket(): Promise<Uint8Array> {
  const silent = await udp();
  const received = once(silent, "message");
  const enough = new AbortController();
  const dialling = directTransport.dial(`moqt://${HOST}:${silent.address().port}/`, {
    protocols: ["a"],
    trust: { insecure: true },
    signal: enough.signal,
  });
  dialling.catch(() => {});
  const [packet] = await received;
  enough.abort();
  await assert.rejects(dialling, { name: "AbortError" });
  silent.close();
  return packet;
}

test("a client that is slow to ask for its session holds nobody up", async () => {
  await using listener = await directTransport.listen({ address: "127.0.0.1:0", alpns: ["a"] });
  const options = { protocols: [], trust: { insecure: true } };
  const url = `https://${listener.address}/`;
  const wires: Wire[] = [];
  const given: Promise<unknown>[] = [];
  try {
    for (let i = 0; i < 20; i++) {
      const wire = await Wire.to(portOf(listener));
      wires.push(wire);
      const dialling = directTransport.dial(`https://${HOST}:${wire.port}/`, {
        ...options,
        timeoutMs: 1_000,
      });
      given.push(dialling.catch(() => {}));
      setTimeout(() => wire.cut = true, 1 + i / 4);
    }
    const incoming = listener.incoming.getReader();
    const admitting = (async (): Promise<Connection> => {
      for (;;) {
        const { value } = await incoming.read();
        if (value!.path === "/wanted") return await value!.accept();
        value!.refuse(404);
      }
    })();
    const client = await directTransport.dial(`${url}wanted`, options);
    await admitting;
    await client[Symbol.asyncDispose]();
    await Promise.all(given);
  } finally {
    for (const wire of wires) wire[Symbol.dispose]();
  }
});
