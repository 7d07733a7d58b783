import assert from "node:assert/strict";

Deno.test("a rejection nobody awaits ends the command with one line and exit code 1", async () => {
  const main = new URL("../../lib/cli/main.ts", import.meta.url).href;
  const script = `
    import { main } from ${JSON.stringify(main)};
    setTimeout(() => Promise.reject(new Error("forgotten")), 0);
    await main(["--version"]);
    await new Promise((resolve) => setTimeout(resolve, 5000));
  `;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    cwd: new URL("../../", import.meta.url),
  }).output();
  const text = new TextDecoder().decode(stderr);
  assert.equal(code, 1);
  assert.match(text, /^xoq: forgotten\n/);
  assert.doesNotMatch(text, /\n\s+at /);
});
