import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const script = fileURLToPath(new URL("../../scripts/native.ts", import.meta.url));

async function native(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, ...args],
    env,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A search path on which there is no cargo. */
const withoutRust = { PATH: "/nonexistent" };

Deno.test("without Rust one line says what is used instead, and that is no failure", async () => {
  const { code, stdout, stderr } = await native(["--target", "nowhere-unknown-none"], withoutRust);
  assert.equal(code, 0);
  assert.equal(stdout, "");
  assert.match(stderr, /^native: Rust 1\.91 or newer is not installed .*addon, which is slower\n$/);
});

Deno.test("without Rust it is a failure where the library is required", async () => {
  const { code } = await native(["--target", "nowhere-unknown-none", "--require"], withoutRust);
  assert.equal(code, 1);
});

Deno.test({
  name: "a library that is up to date is left alone, silently",
  ...requires(whyNoNativeQuic()),
  async fn() {
    const { code, stdout, stderr } = await native([], withoutRust);
    assert.deepEqual([code, stdout, stderr], [0, "", ""]);
  },
});
