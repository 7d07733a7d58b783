/** `lib/moqt` in Node, Bun and Chromium: the same tour as here, bundled. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { noChromium, openBrowser } from "../support/browser.ts";
import { requires } from "../support/requires.ts";
import { runtime } from "../support/runtimes.ts";
import { tour } from "./elsewhere/tour.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ENTRY = `import { tour } from "${ROOT}tests/moqt/elsewhere/tour.ts";\n`;

/** Bundles a program, and gives its file in the folder. */
async function bundle(folder: string, program: string): Promise<string> {
  const [entry, script] = [join(folder, "program.ts"), join(folder, "program.mjs")];
  await Deno.writeTextFile(entry, ENTRY + program);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--config", join(ROOT, "deno.json"), "--platform", "browser"].concat(
      ["--output", script, entry],
    ),
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return script;
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "xoq-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the tour sees what there is, in every draft", async () => {
  for (const [draft, seen] of Object.entries(await tour())) {
    assert.deepEqual(seen.slice(0, 15), [
      `draft ${draft}, path /live`,
      ...["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"],
      "track-ended",
      ...["fetched 0.1", "fetched 0.2"],
      "largest 1/2",
      "namespace example.2ecom-cam",
      "does-not-exist",
      "no more",
      Number(draft) < 18
        ? '{"kind":"max-request-id","max":7}'
        : `TypeError: draft ${draft} has no max-request-id`,
    ]);
  }
});

for (const name of ["node", "bun"] as const) {
  const { program, missing } = await runtime(name);
  Deno.test({
    name: `lib/moqt runs in ${name}`,
    ...requires(missing),
    fn: () =>
      inFolder(async (folder) => {
        const script = await bundle(folder, "console.log(JSON.stringify(await tour()));");
        const { success, stdout, stderr } = await new Deno.Command(program, {
          args: [script],
          cwd: folder,
          stdin: "null",
        }).output();
        assert.ok(success, new TextDecoder().decode(stderr));
        assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), await tour());
      }),
  });
}

Deno.test({
  name: "lib/moqt runs in Chromium",
  ...requires(noChromium),
  fn: () =>
    inFolder(async (folder) => {
      const script = await bundle(folder, "globalThis.tour = tour;");
      const browser = await openBrowser();
      try {
        const page = await browser.newPage();
        // It exports nothing, so that it is a plain script, too, which has run when it is there.
        await page.addScriptTag({ content: await Deno.readTextFile(script) });
        assert.deepEqual(await page.evaluate("globalThis.tour()"), await tour());
      } finally {
        await browser.close();
      }
    }),
});
