/**
 * Skipping tests whose surroundings are missing, with the reason in one line.
 *
 *     Deno.test({ name: "…", ...requires(noFfmpeg) }, async () => { … });
 */

const told = new Set<string>();

/**
 * Test options for something that needs its surroundings. Each argument is why it can't run here,
 * or `undefined` where it can. With `XOQ_NO_SKIP=1` (CI) a missing thing is a failure instead.
 */
export function requires(...missing: readonly (string | undefined)[]): { ignore: boolean } {
  const reasons = missing.filter((reason) => reason !== undefined);
  if (reasons.length === 0) return { ignore: false };
  const reason = reasons.join("; ");
  if (Deno.env.get("XOQ_NO_SKIP") === "1") {
    throw new Error(`a test can't be skipped (XOQ_NO_SKIP=1), and ${reason}`);
  }
  if (!told.has(reason)) {
    told.add(reason);
    console.error(`skipped: ${reason}`);
  }
  return { ignore: true };
}

/** Why a program can't be used: `undefined` where `program ...args` runs and succeeds. */
export async function missingProgram(
  program: string,
  args: readonly string[] = ["--version"],
): Promise<string | undefined> {
  try {
    const command = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    return (await command.output()).success ? undefined : `${program} does not work here`;
  } catch {
    return `${program} is not installed`;
  }
}
