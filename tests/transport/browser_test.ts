/** A page's `WebTransport` as a connection of ours: codes, closes and datagrams both ways. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Connection, TransportError } from "../../lib/transport/connection.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { noChromium, openBrowser } from "../support/browser.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What the page has: the modules, and a function that dials. */
const PAGE = `
import { browserConnection } from "${ROOT}lib/transport/browser.ts";
import { TransportError } from "${ROOT}lib/transport/connection.ts";

Object.assign(globalThis, {
  TransportError,
  dial: (url, hash) => browserConnection(new WebTransport(url, {
    serverCertificateHashes: [{ algorithm: "sha-256", value: Uint8Array.from(hash) }],
    protocols: ["one", "two"],
  })),
  failure: (promise) => promise.then(() => "no failure", (error) => ({
    ours: error instanceof TransportError,
    code: error.streamErrorCode,
    source: error.source,
  })),
});
`;

async function bundle(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "xoq-page-" });
  try {
    const [entry, out] = [join(folder, "page.ts"), join(folder, "page.js")];
    await Deno.writeTextFile(entry, `// @ts-nocheck\n${PAGE}`);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--config", join(ROOT, "deno.json"), "--platform", "browser"],
        ...["--output", out, entry],
      ],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return await Deno.readTextFile(out);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The server's part: what each numbered step of the page sees. */
async function play(connection: Connection): Promise<unknown[]> {
  const seen: unknown[] = [];
  const bidirectional = connection.incomingBidirectionalStreams.getReader();
  const echo = (await bidirectional.read()).value!;
  await echo.readable.pipeTo(echo.writable);
  const streams = connection.incomingUnidirectionalStreams.getReader();
  const aborted = (await streams.read()).value!.getReader();
  await aborted.read();
  // A reset that overtakes a stream's first bytes takes them along: the page waits for this.
  await (await connection.createUnidirectionalStream()).close();
  try {
    while (!(await aborted.read()).done);
  } catch (error) {
    seen.push((error as TransportError).streamErrorCode);
  }
  const stopping = (async () => {
    for (;;) {
      const { value } = await streams.read();
      await value?.cancel(new TransportError("stop", { streamErrorCode: 5 }));
      if (value === undefined) return;
    }
  })();
  const cut = (await connection.createUnidirectionalStream({ sendOrder: 1 })).getWriter();
  await cut.write(new Uint8Array([1]));
  const datagrams = connection.datagrams.readable.getReader();
  const { value } = await datagrams.read();
  const writer = connection.datagrams.writable.getWriter();
  await writer.write(value!);
  await cut.abort(new TransportError("cut", { streamErrorCode: 9 })).catch(() => {});
  seen.push(await connection.closed);
  await stopping.catch(() => {});
  return seen;
}

const STEPS = `(async () => {
  const connection = await dial(url, hash);
  const told = { protocol: connection.protocol };
  const echo = await connection.createBidirectionalStream();
  const writer = echo.writable.getWriter();
  await writer.write(new TextEncoder().encode("hello"));
  await writer.close();
  told.echo = await new Response(echo.readable).text();
  const aborted = (await connection.createUnidirectionalStream({ sendOrder: 2 }));
  const abortedWriter = aborted.getWriter();
  abortedWriter.closed.catch(() => {});
  await abortedWriter.write(new Uint8Array([1]));
  const incoming = connection.incomingUnidirectionalStreams.getReader();
  await incoming.read();
  await abortedWriter.abort(new TransportError("x", { streamErrorCode: 7 }));
  // Chromium tells a stop by two ways, and the one that has no code is the faster one sometimes.
  for (let i = 0; i < 50 && !told.stopped?.code; i++) {
    const stopped = (await connection.createUnidirectionalStream()).getWriter();
    stopped.write(new Uint8Array([1])).catch(() => {});
    told.stopped = await failure(stopped.closed);
  }
  const cut = (await incoming.read()).value.getReader();
  await cut.read();
  const datagrams = connection.datagrams.writable.getWriter();
  told.largest = connection.datagrams.maxDatagramSize;
  await datagrams.write(new Uint8Array(100_000));
  told.oversized = connection.datagrams.oversized;
  await datagrams.write(new TextEncoder().encode("ping"));
  const { value } = await connection.datagrams.readable.getReader().read();
  told.datagram = new TextDecoder().decode(value);
  told.cut = await failure(cut.read());
  connection.close({ closeCode: 3, reason: "bye" });
  await connection.closed;
  return told;
})()`;

Deno.test({
  name: "Chromium's WebTransport is a connection: protocol, codes, datagrams, close",
  ...requires(whyNoNativeQuic(), noChromium),
  async fn() {
    const script = await bundle();
    await using listener = await directTransport.listen({ address: "127.0.0.1:0", alpns: [] });
    const played = (async () => {
      const incoming = listener.incoming.getReader();
      const { value } = await incoming.read();
      return await play(await value!.accept(value!.protocols[1]));
    })();
    played.catch(() => {});
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) =>
        request.url.endsWith(".js")
          ? new Response(script, { headers: { "content-type": "text/javascript" } })
          : new Response('<!doctype html><script type="module" src="page.js"></script>', {
            headers: { "content-type": "text/html" },
          }),
    );
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(`http://localhost:${server.addr.port}/`);
      await page.waitForFunction("globalThis.dial !== undefined");
      const url = `https://${listener.address}/`;
      const hash = [...Uint8Array.fromHex(listener.certificateHash)];
      const told = await page.evaluate<Record<string, unknown>>(
        `(() => { const url = ${JSON.stringify(url)}, hash = ${
          JSON.stringify(hash)
        }; return ${STEPS}; })()`,
      );
      assert.ok(Number(told["largest"]) > 1_000);
      delete told["largest"];
      assert.deepEqual(told, {
        protocol: "two",
        echo: "hello",
        stopped: { ours: true, code: 5, source: "stream" },
        cut: { ours: true, code: 9, source: "stream" },
        oversized: 1,
        datagram: "ping",
      });
      assert.deepEqual(await played, [7, { closeCode: 3, reason: "bye" }]);
    } finally {
      await browser.close();
      await server.shutdown();
    }
  },
});
