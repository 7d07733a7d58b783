/** A phone's poses in a page: `lib/client` in Chromium, over WebTransport. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { noChromium, openBrowser } from "../support/browser.ts";
import { requires } from "../support/requires.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { xoq } from "../support/xoq.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TOKEN = ["--pairing-token", "K7QX2M"];

/** What the page does; the address and the certificate's hash come in its query. */
const PAGE = `
import { openPoseTracks } from "${ROOT}lib/client/pose.ts";
import { connect, subprotocols } from "${ROOT}lib/moqt/mod.ts";
import { browserConnection } from "${ROOT}lib/transport/browser.ts";

const query = new URL(location.href).searchParams;
const value = Uint8Array.fromHex(query.get("hash")!);
const transport = new WebTransport(query.get("url")!, {
  serverCertificateHashes: [{ algorithm: "sha-256", value }],
  protocols: subprotocols(),
} as WebTransportOptions);
const session = await connect(await browserConnection(transport), { webTransport: true });
const stream = await openPoseTracks(session, "pose");
const seen: unknown[] = [];
Object.assign(globalThis, { seen, draft: session.version });
for await (const event of stream) seen.push(event);
`;

Deno.test({
  name: "a page receives a phone's poses over WebTransport",
  ...requires(noChromium, whyNoNativeQuic()),
  fn: async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "xoq-test-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const [entry, script] = [join(folder, "page.ts"), join(folder, "page.js")];
    await Deno.writeTextFile(entry, PAGE);
    const bundled = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--config", join(ROOT, "deno.json"), "--platform", "browser"].concat(
        ["--output", script, entry],
      ),
      stderr: "piped",
    }).output();
    assert.ok(bundled.success, new TextDecoder().decode(bundled.stderr));
    const code = await Deno.readTextFile(script);
    const site = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) =>
        new URL(request.url).pathname === "/page.js"
          ? new Response(code, { headers: { "content-type": "text/javascript" } })
          : new Response('<script type="module" src="/page.js"></script>', {
            headers: { "content-type": "text/html" },
          }),
    );
    stack.defer(() => site.shutdown());

    await using server = xoq(
      [
        ...["pose", "--name", "pose", "--interface", "lo", "--wifi-port", "0", "--json"],
        ...["--listen", ":0", ...TOKEN],
      ],
      { data: true },
    );
    void server.stdout.pipeTo(new WritableStream()).catch(() => {});
    const port = (await server.until("pairing"))["port"];
    const listening = await server.until("listening");
    await using _phone = xoq(
      ["pose", "--simulate", `127.0.0.1:${port}`, "--rate", "30", ...TOKEN],
    );
    await server.until("wifi_connected");

    const browser = await openBrowser();
    stack.defer(() => browser.close());
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    const query = new URLSearchParams({
      url: `https://${listening["address"]}/`,
      hash: listening["certificate_hash"] as string,
    });
    await page.goto(`http://127.0.0.1:${site.addr.port}/?${query}`);
    await page.waitForFunction("globalThis.seen?.length >= 20", undefined, { timeout: 20_000 })
      .catch((error) => {
        throw new Error(`${error}; the page said: ${complaints.join("; ")}`);
      });
    const seen = await page.evaluate("globalThis.seen") as { type: string; seq: number }[];
    const poses = seen.filter(({ type }) => type === "pose");
    assert.ok(poses.length >= 20);
    const numbers = poses.map(({ seq }) => seq);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
    assert.deepEqual(complaints, []);
  },
});
