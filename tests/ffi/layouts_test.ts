import assert from "node:assert/strict";
import { layoutAssertions, layoutModule, LAYOUTS, readLayout } from "../../scripts/layouts.ts";
import { requires } from "../support/requires.ts";

async function has(compiler: string): Promise<boolean> {
  try {
    const source = "#include <stdio.h>\n#include <linux/videodev2.h>\n#include <linux/netlink.h>\n";
    const child = new Deno.Command(compiler, {
      args: ["-fsyntax-only", "-xc", "-"],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(source));
    await writer.close();
    return (await child.status).success;
  } catch {
    return false;
  }
}

/** Runs the formatter on standard input. */
async function format(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--line-width", "100", "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

const native = await has("cc");
for (const source of LAYOUTS) {
  Deno.test({
    name: `${source.module} is what this machine's headers say`,
    ...requires(native ? undefined : "there is no C compiler with the kernel's headers"),
    fn: async () => {
      const made = await format(layoutModule(source, await readLayout(source)));
      assert.equal(
        await Deno.readTextFile(new URL(`../../${source.module}`, import.meta.url)),
        made,
      );
    },
  });

  for (const compiler of ["aarch64-linux-gnu-gcc"]) {
    const cross = native && await has(compiler);
    Deno.test({
      name: `${source.module} holds for the target of ${compiler}`,
      ignore: !cross,
      fn: async () => {
        const file = await Deno.makeTempFile({ suffix: ".c" });
        try {
          await Deno.writeTextFile(file, await layoutAssertions(source, await readLayout(source)));
          const { code, stderr } = await new Deno.Command(compiler, {
            args: ["-fsyntax-only", file],
          }).output();
          assert.equal(code, 0, new TextDecoder().decode(stderr));
        } finally {
          await Deno.remove(file);
        }
      },
    });
  }
}
