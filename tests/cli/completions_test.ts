/** Completions: the hidden command, and the script in a real bash. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { missingProgram, requires } from "../support/requires.ts";
import { BINARY, runXoq } from "../support/xoq.ts";

async function complete(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await runXoq(["complete", "--", ...words]);
  assert.deepEqual([code, stderr], [0, ""]);
  return new TextDecoder().decode(stdout).trim().split("\n").filter((line) => line !== "");
}

Deno.test("commands, groups, flags and values are proposed", async () => {
  const all = await complete("");
  for (const name of ["camera", "ls", "ticket", "completions"]) assert(all.includes(name), name);
  assert(!all.includes("complete"), "hidden commands are not");
  assert.deepEqual(await complete("compl"), ["completions"]);
  assert.deepEqual(await complete("ticket", ""), ["show", "new"]);
  assert.deepEqual(await complete("ticket", "n"), ["new"]);
  assert.deepEqual(await complete("ticket", "new", "--exp"), ["--expires"]);
  assert.deepEqual(await complete("ticket", "new", "a", "--view", "--v"), ["--verbose"]);
  assert.deepEqual(await complete("completions", "z"), ["zsh"]);
  assert.deepEqual(await complete("moq", "b"), ["bench"]);
  assert((await complete("moq", "bench", "")).includes("loopback"));
  assert((await complete("relay", "")).includes("token"), "beside a command's own options");
  assert.deepEqual(await complete("relay", "to"), ["token"]);
  assert.deepEqual(await complete("relay", "--public", "to"), []);
  assert.deepEqual(await complete("relay", "token", "--publ"), ["--publish"]);
  assert((await complete("camera", "--enc")).includes("--encoder"));
  assert((await complete("camera", "--encoder", "l")).includes("libav"));
  assert((await complete("camera", "te")).includes("test"));
});

Deno.test("where nothing fits, nothing is proposed, and nothing fails", async () => {
  for (const words of [["zzz", ""], ["ls", "--zzz"], ["ticket", "zzz", ""]]) {
    assert.deepEqual(await complete(...words), [], words.join(" "));
  }
});

/** How each shell is asked for what may follow the words, with its script loaded. */
const SHELLS: Record<string, (words: string[]) => string[]> = {
  bash: (words) => [
    "--norc",
    "-euc",
    `
    source script
    complete -p xoq >/dev/null
    COMP_WORDS=(${quote(words)}); COMP_CWORD=${words.length - 1}
    _xoq
    printf '%s\\n' "\${COMPREPLY[@]}"
  `,
  ],
  // Without a terminal there is no completion system in zsh: two stand-ins record what it would get.
  zsh: (words) => [
    "-fc",
    `
    compdef() { :; }
    compadd() { shift; print -rl -- \${(P)1}; }
    source ./script
    words=(${quote(words)}); CURRENT=${words.length}
    _xoq
  `,
  ],
  fish: (words) => ["--no-config", "-c", `source script; complete -C ${quote([words.join(" ")])}`],
};

function quote(words: string[]): string {
  return words.map((word) => `'${word}'`).join(" ");
}

for (const [shell, line] of Object.entries(SHELLS)) {
  Deno.test({
    name: `in ${shell}, Tab proposes what xoq complete does`,
    ...requires(await missingProgram(shell)),
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        const { stdout } = await runXoq(["completions", shell]);
        await Deno.writeFile(`${folder}/script`, stdout);
        const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
        const command = BINARY === undefined
          ? `"${Deno.execPath()}" run -A --quiet "${main}"`
          : `"${BINARY}"`;
        const wrapper = `#!/bin/sh\nexec ${command} "$@"\n`;
        await Deno.writeTextFile(`${folder}/xoq`, wrapper, { mode: 0o755 });
        const ask = async (...words: string[]) => {
          const ended = await new Deno.Command(shell, {
            args: line(["xoq", ...words]),
            cwd: folder,
            env: { PATH: `${folder}:${Deno.env.get("PATH")}`, XDG_STATE_HOME: `${folder}/state` },
          }).output();
          const said = new TextDecoder().decode(ended.stderr);
          assert(ended.success, said);
          return new TextDecoder().decode(ended.stdout).trim().split("\n").toSorted();
        };
        assert.deepEqual(await ask("tick"), ["ticket"]);
        assert.deepEqual(await ask("ticket", ""), ["new", "show"]);
        assert.deepEqual(await ask("ticket", "new", "--exp"), ["--expires"]);
        assert.deepEqual(await ask("camera", "--encoder", "lib"), ["libav"]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
