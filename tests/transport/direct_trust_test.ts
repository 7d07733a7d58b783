import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import { TransportError } from "../../lib/transport/connection.ts";
import type { Certificate, Listener, ServerTrust } from "../../lib/transport/direct.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { type CertificateWish, makeCertificate } from "../support/certificate.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());
const DAY_MS = 86_400_000;
const HERE: CertificateWish = { names: ["localhost"], addresses: ["127.0.0.1"] };

async function listening(
  certificate: Certificate | undefined,
  run: (listener: Listener) => Promise<void>,
): Promise<void> {
  await using listener = await directTransport.listen({
    address: "127.0.0.1:0",
    alpns: ["a"],
    ...(certificate === undefined ? {} : { certificate }),
  });
  const admitting = (async () => {
    // Some dials end before they are let in.
    for await (const session of listener.incoming) await session.accept().catch(() => {});
  })();
  await run(listener);
  await listener.close();
  await admitting;
}

async function dial(listener: Listener, trust: ServerTrust | undefined, host = "127.0.0.1") {
  const port = listener.address.replace(/^.*:/, "");
  const connection = await directTransport.dial(`moqt://${host}:${port}/`, {
    protocols: ["a"],
    ...(trust === undefined ? {} : { trust }),
  });
  await connection[Symbol.asyncDispose]();
}

/** The words of a refusal. */
async function distrust(
  listener: Listener,
  trust: ServerTrust | undefined,
  host?: string,
): Promise<string> {
  try {
    await dial(listener, trust, host);
  } catch (error) {
    assert(error instanceof TransportError, `${error}`);
    assert.equal(error.source, "session");
    assert.equal(error.failure, "refused");
    const begin = "the server is not trusted: ";
    assert(error.message.startsWith(begin), error.message);
    return error.message.slice(begin.length);
  }
  throw new Error("the server was trusted");
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `direct trust: ${name}`, ignore, fn });
}

const bytesOf = (hash: string) => Uint8Array.fromHex(hash);

test("a self-signed certificate is pinned by the hash that the listener shows", () =>
  listening(undefined, async (listener) => {
    assert.match(listener.certificateHash, /^[0-9a-f]{64}$/);
    await dial(listener, {
      certificateHashes: [new Uint8Array(32), bytesOf(listener.certificateHash)],
    });
    await dial(listener, { insecure: true });
  }));

test("a wrong hash is told with the right one", () =>
  listening(undefined, async (listener) => {
    const text = await distrust(listener, { certificateHashes: [new Uint8Array(32)] });
    assert.equal(
      text,
      `its certificate's hash is ${listener.certificateHash}, which is not pinned`,
    );
  }));

test("the system does not trust a self-signed certificate", () =>
  listening(undefined, async (listener) => {
    const text = await distrust(listener, undefined);
    assert.equal(text, "nobody trusted here issued its certificate");
  }));

test("an authority's certificate makes those it issued trusted, by name and by address", async () => {
  const root = await makeCertificate({ authority: true });
  const between = await makeCertificate({ authority: true, issuer: root });
  const leaf = await makeCertificate({ ...HERE, issuer: between });
  await listening({ chain: leaf.chain + between.chain, key: leaf.key }, async (listener) => {
    await dial(listener, { ca: root.chain });
    await dial(
      listener,
      { ca: `${(await makeCertificate(HERE)).chain}${root.chain}` },
      "localhost",
    );
    await dial(listener, { certificateHashes: [leaf.hash] });
    const other = await makeCertificate({ authority: true });
    assert.equal(
      await distrust(listener, { ca: other.chain }),
      "nobody trusted here issued its certificate",
    );
  });
});

test("a certificate that stands for itself can be given as its own authority", async () => {
  for (const authority of [false, true]) {
    const certificate = await makeCertificate({ ...HERE, authority });
    await listening(certificate, (listener) => dial(listener, { ca: certificate.chain }));
  }
});

test("a certificate for another name is told with the names it is for", async () => {
  const root = await makeCertificate({ authority: true });
  const leaf = await makeCertificate({ names: ["example.org", "www.example.org"], issuer: root });
  await listening(leaf, async (listener) => {
    assert.equal(
      await distrust(listener, { ca: root.chain }, "localhost"),
      "its certificate is for example.org, www.example.org, not for localhost",
    );
    // Who pins the hash, pins the certificate, whatever it says.
    await dial(listener, { certificateHashes: [leaf.hash] }, "localhost");
  });
  const itself = await makeCertificate({ names: ["example.org"], authority: true });
  await listening(itself, async (listener) => {
    assert.equal(
      await distrust(listener, { ca: itself.chain }, "localhost"),
      "its certificate is for example.org, not for localhost",
    );
  });
});

test("a certificate that has expired is told with since when", async () => {
  const root = await makeCertificate({ authority: true });
  const times = {
    notBefore: new Date(Date.now() - 10 * DAY_MS),
    notAfter: new Date(Date.now() - 3 * DAY_MS),
  };
  const leaf = await makeCertificate({ ...HERE, ...times, issuer: root });
  await listening(leaf, async (listener) => {
    assert.equal(
      await distrust(listener, { ca: root.chain }),
      "its certificate expired 3 days ago",
    );
  });
  const itself = await makeCertificate({ ...HERE, ...times, authority: true });
  await listening(itself, async (listener) => {
    assert.match(await distrust(listener, { ca: itself.chain }), /expired 3 days ago/);
  });
});

test("a certificate of tomorrow is told with when it begins", async () => {
  const root = await makeCertificate({ authority: true });
  const leaf = await makeCertificate({
    ...HERE,
    issuer: root,
    notBefore: new Date(Date.now() + DAY_MS),
    notAfter: new Date(Date.now() + 2 * DAY_MS),
  });
  await listening(leaf, async (listener) => {
    assert.match(await distrust(listener, { ca: root.chain }), /valid only in 2\d hours/);
  });
});

test("WebTransport is refused for the same reasons", () =>
  listening(undefined, async (listener) => {
    const url = `https://${listener.address}/`;
    await assert.rejects(
      directTransport.dial(url, {
        protocols: [],
        trust: { certificateHashes: [new Uint8Array(32)] },
      }),
      { message: /the server is not trusted: its certificate's hash/ },
    );
  }));

test("another certificate is taken by new connections, while it listens", async () => {
  const [first, second] = [await makeCertificate(HERE), await makeCertificate(HERE)];
  await listening(first, async (listener) => {
    const port = listener.address.replace(/^.*:/, "");
    await using old = await directTransport.dial(`moqt://localhost:${port}/`, {
      protocols: ["a"],
      trust: { ca: first.chain },
    });
    listener.setCertificate(second);
    assert.equal(listener.certificateHash, second.hash.toHex());
    await dial(listener, { certificateHashes: [second.hash] });
    await distrust(listener, { certificateHashes: [first.hash] });
    await (await old.createUnidirectionalStream()).close();
    assert.throws(() => listener.setCertificate({ chain: "", key: second.key }), UsageError);
    assert.throws(
      () => listener.setCertificate({ chain: second.chain, key: first.key }),
      UsageError,
    );
    await dial(listener, { certificateHashes: [second.hash] });
  });
});

test("keys and certificates that cannot be used are a caller's mistake", async () => {
  const one = await makeCertificate(HERE);
  const other = await makeCertificate(HERE);
  for (
    const certificate of [
      { chain: "", key: one.key },
      { chain: one.chain, key: "" },
      { chain: one.chain, key: other.key },
      { chain: one.key, key: one.key },
    ]
  ) {
    const listen = directTransport.listen({ address: "127.0.0.1:0", alpns: ["a"], certificate });
    await assert.rejects(listen, (error: Error) => {
      assert(error instanceof UsageError, `${error}`);
      assert(!error.message.includes("PRIVATE"));
      return true;
    });
  }
  for (const ca of ["", one.key]) {
    const dial = directTransport.dial("moqt://127.0.0.1:1/", { protocols: ["a"], trust: { ca } });
    await assert.rejects(dial, UsageError);
  }
});

test("two ways to trust at once are a caller's mistake", async () => {
  const both = { insecure: true, certificateHashes: [new Uint8Array(32)] };
  const dial = (trust: ServerTrust) =>
    directTransport.dial("moqt://127.0.0.1:1/", { protocols: ["a"], trust });
  await assert.rejects(dial(both), UsageError);
  await assert.rejects(dial({ certificateHashes: [new Uint8Array(31)] }), /31 bytes/);
});

test("a server that shows a certificate that issues others is told so in words", async () => {
  const shown = await makeCertificate({ ...HERE, authority: true });
  const { chain: ca } = await makeCertificate({ ...HERE, authority: true, subject: "another" });
  await listening(shown, async (listener) => {
    assert.match(await distrust(listener, { ca }), /^its certificate is one that issues/);
  });
});
