import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import { parseListen, parseSize, readCertificate } from "../../lib/cli/relay_options.ts";

Deno.test("sizes are read with their units", () => {
  assert.equal(parseSize("64MB", "--cache"), 64_000_000);
  assert.equal(parseSize("512KiB", "--cache"), 524_288);
  assert.equal(parseSize("1.5 GB", "--cache"), 1_500_000_000);
  assert.equal(parseSize("1000", "--cache"), 1000);
  for (const bad of ["", "MB", "-1MB", "1TB", "64 megabytes", "1e3"]) {
    assert.throws(() => parseSize(bad, "--cache"), UsageError, bad);
  }
});

Deno.test("addresses to listen on say whether they are this machine's alone", () => {
  assert.deepEqual(parseListen(":9090", "--metrics"), {
    address: "127.0.0.1:9090",
    isLocal: true,
  });
  assert.equal(parseListen("[::1]:1", "--listen").isLocal, true);
  assert.equal(parseListen("0.0.0.0:4443", "--listen").isLocal, false);
  for (const bad of ["4443", "host", "host:", "host:123456"]) {
    assert.throws(() => parseListen(bad, "--listen"), UsageError, bad);
  }
});

Deno.test("a certificate and its key come together, as PEM", async () => {
  assert.equal(await readCertificate(undefined, undefined), undefined);
  await assert.rejects(readCertificate("cert.pem", undefined), UsageError);
  await assert.rejects(readCertificate(undefined, "key.pem"), UsageError);
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "no PEM");
    await assert.rejects(readCertificate(file, file), UsageError);
    await Deno.writeTextFile(file, "-----BEGIN CERTIFICATE-----\n");
    const { chain, key } = (await readCertificate(file, file))!;
    assert.equal(chain, key);
  } finally {
    await Deno.remove(file);
  }
});
