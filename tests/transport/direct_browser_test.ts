import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { type Connection, TransportError } from "../../lib/transport/connection.ts";
import type { IncomingSession, Listener } from "../../lib/transport/direct.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { noChromium, openBrowser } from "../support/browser.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

/** What the page has: WebTransport to the listener, its certificate pinned by its hash. */
const PREAMBLE = `
  const connect = async (path = "/", options = {}) => {
    const transport = new WebTransport("https://127.0.0.1:" + port + path, {
      serverCertificateHashes: [{ algorithm: "sha-256", value: Uint8Array.from(hash) }],
      ...options,
    });
    transport.closed.catch(() => {});
    await transport.ready;
    return transport;
  };
  const readAll = async (readable) =>
    new Uint8Array(await new Response(readable).arrayBuffer());
`;

class Scene implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #server: Deno.HttpServer;
  readonly page: Page;
  readonly listener: Listener;

  private constructor(browser: Browser, server: Deno.HttpServer, page: Page, listener: Listener) {
    this.#browser = browser;
    this.#server = server;
    this.page = page;
    this.listener = listener;
  }

  static async open(): Promise<Scene> {
    const listener = await directTransport.listen({ address: "127.0.0.1:0", alpns: [] });
    // WebTransport is there in secure contexts only, of which localhost is one.
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () =>
        new Response("<!doctype html><title>test</title>", {
          headers: { "content-type": "text/html" },
        }),
    );
    const browser = await openBrowser();
    const page = await browser.newPage();
    await page.goto(`http://localhost:${server.addr.port}/`);
    return new Scene(browser, server, page, listener);
  }

  /** Runs `body`, which returns what can be cloned, in the page. */
  run<T>(body: string): Promise<T> {
    const port = this.listener.address.replace(/^.*:/, "");
    const hash = JSON.stringify([...Uint8Array.fromHex(this.listener.certificateHash)]);
    return this.page.evaluate(
      `(async () => { const port = ${port}, hash = ${hash}; ${PREAMBLE} ${body} })()`,
    );
  }

  async next(): Promise<IncomingSession> {
    const reader = this.listener.incoming.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    return value!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.listener.close();
    await this.#server.shutdown();
  }
}

async function next<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  const { value, done } = await reader.read();
  reader.releaseLock();
  assert(!done);
  return value;
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

async function send(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

async function echo(connection: Connection): Promise<void> {
  for await (const { readable, writable } of connection.incomingBidirectionalStreams) {
    readable.pipeTo(writable).catch(() => {});
  }
}

Deno.test({
  name: "chromium speaks WebTransport with the listener",
  ...requires(noChromium, whyNoNativeQuic()),
}, async (t) => {
  await using scene = await Scene.open();
  const check = (name: string, fn: () => Promise<void>) =>
    t.step({ name, fn, sanitizeResources: false, sanitizeOps: false });

  await check("it shows path and origin, and its streams are echoed", async () => {
    const answer = scene.run<string>(`
      const transport = await connect("/live/cam?token=1");
      const { readable, writable } = await transport.createBidirectionalStream();
      const writer = writable.getWriter();
      writer.write(new TextEncoder().encode("hello ".repeat(20_000)));
      writer.close();
      const text = new TextDecoder().decode(await readAll(readable));
      transport.close({ closeCode: 7, reason: "bye" });
      return text;
    `);
    const session = await scene.next();
    assert.equal(session.path, "/live/cam?token=1");
    assert.match(session.headers.get("origin") ?? "", /^http:\/\/localhost:\d+$/);
    const connection = await session.accept();
    const echoing = echo(connection);
    assert.equal(await answer, "hello ".repeat(20_000));
    assert.deepEqual(await connection.closed, { closeCode: 7, reason: "bye" });
    await echoing;
  });

  await check("unidirectional streams and datagrams go both ways", async () => {
    const answer = scene.run<[string, string]>(`
      const transport = await connect();
      const writer = (await transport.createUnidirectionalStream()).getWriter();
      writer.write(new TextEncoder().encode("up"));
      writer.close();
      const incoming = transport.incomingUnidirectionalStreams.getReader();
      const down = new TextDecoder().decode(await readAll((await incoming.read()).value));
      const datagrams = transport.datagrams.readable.getReader();
      const pending = datagrams.read();
      const sender = transport.datagrams.writable.getWriter();
      sender.write(new TextEncoder().encode("datagram"));
      const datagram = new TextDecoder().decode((await pending).value);
      transport.close();
      return [down, datagram];
    `);
    const connection = await (await scene.next()).accept();
    assert.equal(await readAll(await next(connection.incomingUnidirectionalStreams)), "up");
    await send(await connection.createUnidirectionalStream(), "down");
    const datagram = await next(connection.datagrams.readable);
    await connection.datagrams.writable.getWriter().write(datagram);
    assert.deepEqual(await answer, ["down", "datagram"]);
    await connection.closed;
  });

  await check("codes of resets and stops arrive both ways", async () => {
    const answer = scene.run<number[]>(`
      const transport = await connect();
      // Chromium tells a stop by two ways, and the one that has no code is the faster one sometimes.
      const code = (error) => error.streamErrorCode;
      let stopped;
      for (let i = 0; i < 50 && stopped === undefined; i++) {
        const writer = (await transport.createUnidirectionalStream()).getWriter();
        writer.write(Uint8Array.of(1)).catch(() => {});
        stopped = await writer.closed.catch(code);
      }
      const second = await transport.createBidirectionalStream();
      await second.writable.getWriter().write(Uint8Array.of(2));
      const reset = second.readable.getReader().read().catch(code);
      const codes = [stopped, await reset];
      const incoming = transport.incomingBidirectionalStreams.getReader();
      const third = (await incoming.read()).value;
      third.readable.cancel(new WebTransportError({ message: "", streamErrorCode: 78 })).catch(() => {});
      const fourth = (await incoming.read()).value;
      fourth.writable.abort(new WebTransportError({ message: "", streamErrorCode: 79 })).catch(() => {});
      await transport.closed;
      return codes;
    `);
    const connection = await (await scene.next()).accept();
    const stopping = (async () => {
      for await (const stream of connection.incomingUnidirectionalStreams) {
        await stream.cancel(new TransportError("", { streamErrorCode: 31 }));
      }
    })();
    const { writable } = await next(connection.incomingBidirectionalStreams);
    await writable.abort(new TransportError("", { streamErrorCode: 62 }));
    const stopped = await connection.createBidirectionalStream();
    const writer = stopped.writable.getWriter();
    await writer.write(Uint8Array.of(1));
    await assert.rejects(writer.closed, { streamErrorCode: 78 });
    const reset = await connection.createBidirectionalStream();
    await reset.writable.getWriter().write(Uint8Array.of(1));
    await assert.rejects(readAll(reset.readable), { streamErrorCode: 79 });
    connection.close();
    assert.deepEqual(await answer, [31, 62]);
    await stopping;
  });

  await check("a close with code and reason arrives, and a refusal is one", async () => {
    const closing = scene.run<unknown>(`
      const transport = await connect();
      const { closeCode, reason } = await transport.closed;
      return { closeCode, reason };
    `);
    (await (await scene.next()).accept()).close({ closeCode: 99, reason: "großartig" });
    assert.deepEqual(await closing, { closeCode: 99, reason: "großartig" });
    const refused = scene.run<string>(`
      return await connect("/nowhere").then(() => "let in", (error) => error.name);
    `);
    (await scene.next()).refuse(404);
    assert.equal(await refused, "WebTransportError");
  });

  await check("the end behind a stream's is the one that was meant, again and again", async () => {
    for (let closeCode = 1; closeCode <= 30; closeCode++) {
      const closing = scene.run<number>(`
        const transport = await connect();
        const { readable, writable } = await transport.createBidirectionalStream();
        writable.getWriter().write(Uint8Array.of(1)).catch(() => {});
        await readable.getReader().read().catch(() => {});
        return (await transport.closed).closeCode;
      `);
      const connection = await (await scene.next()).accept();
      const stream = await next(connection.incomingBidirectionalStreams);
      await stream.writable.abort();
      connection.close({ closeCode });
      assert.equal(await closing, closeCode);
    }
  });

  await check("sessions follow one another, and stand side by side", async () => {
    const answers = scene.run<string[]>(`
      return await Promise.all(["/a", "/b", "/c"].map(async (path) => {
        const transport = await connect(path, { allowPooling: false });
        const stream = (await transport.incomingUnidirectionalStreams.getReader().read()).value;
        const text = new TextDecoder().decode(await readAll(stream));
        transport.close();
        return text;
      }));
    `);
    for (let i = 0; i < 3; i++) {
      const session = await scene.next();
      const connection = await session.accept();
      await send(await connection.createUnidirectionalStream(), session.path ?? "");
    }
    assert.deepEqual(await answers, ["/a", "/b", "/c"]);
  });

  await check("a subprotocol is agreed on where the browser offers any", async () => {
    const answer = scene.run<string | undefined>(`
      const transport = await connect("/", { protocols: ["moqt-22", "moqt-18"] });
      const { protocol } = transport;
      transport.close();
      return protocol;
    `);
    const session = await scene.next();
    const chosen = session.protocols[1];
    const connection = await session.accept(chosen);
    const agreed = await answer;
    if (chosen === undefined) {
      // Chromium offers them from version 143 on.
      assert(agreed === undefined || agreed === "");
    } else {
      assert.equal(chosen, "moqt-18");
      assert.equal(agreed, chosen);
    }
    await connection.closed;
  });
});
