/** Servers whose certificate will not do: what `xoq moq` says, and its exit code. */
import assert from "node:assert/strict";
import { makeCertificate } from "../support/certificate.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { runXoq, xoq } from "../support/xoq.ts";

const HERE = { names: ["localhost"], addresses: ["127.0.0.1"] };
const DAY_MS = 86_400_000;

Deno.test({
  name:
    "a certificate that expired, is another's, of nobody known, or not the pinned one is said so at once, with what to do",
  ...requires(whyNoNativeQuic()),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "xoq-trust-" });
    const file = async (name: string, text: string) => {
      await Deno.writeTextFile(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };
    const issuer = await makeCertificate({ authority: true, subject: "known" });
    const stranger = await makeCertificate({ authority: true, subject: "stranger" });
    const known = ["--ca", await file("known.pem", issuer.chain)];
    const unknown = ["--ca", await file("unknown.pem", stranger.chain)];
    const expired = {
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
    };
    const cases = [
      [{ ...HERE, issuer, ...expired }, known, /expired .*ago/],
      [{ ...HERE, issuer }, ["--cert-hash", "00".repeat(32)], /hash is [0-9a-f]{64}, which is not/],
      [{ ...HERE, issuer }, unknown, /nobody trusted here issued/],
      [{ ...HERE, issuer }, [], /nobody trusted here issued/],
      [{ names: ["elsewhere.example"], issuer }, known, /is for elsewhere\.example, not for 127/],
    ] as const;
    try {
      for (const [index, [wish, trust, words]] of cases.entries()) {
        const { chain, key } = await makeCertificate(wish);
        await using relay = xoq([
          ...["relay", "--public", "--json", "--listen", "127.0.0.1:0"],
          ...["--cert", await file("cert.pem", chain), "--key", await file("key.pem", key)],
        ]);
        const { address } = await relay.until("ready");
        const [command, scheme] = [["sub", "pub"][index % 2]!, ["moqt", "https"][index % 2]!];
        const { code, stderr } = await runXoq([
          "moq",
          command,
          `${scheme}://${address}/`,
          ...trust,
        ]);
        assert.equal(code, 5, stderr);
        assert.match(stderr, words);
        assert.match(stderr, /--cert-hash HASH.*--ca FILE.*--insecure/);
        assert.ok(stderr.trimEnd().split("\n").length <= 2, stderr);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
