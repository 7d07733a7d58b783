/** The Python programs of others that tests speak with: `deno task peers` sets them up. */
import { fileURLToPath } from "node:url";

/** The interpreter: `XOQ_TEST_PYTHON`, else the one `deno task peers` made. */
export const python: string = Deno.env.get("XOQ_TEST_PYTHON") ??
  fileURLToPath(new URL("../../.cache/peers/bin/python", import.meta.url));

/** Why tests with Python's `modules` can't run here, or `undefined`. */
export async function missingPython(...modules: string[]): Promise<string | undefined> {
  try {
    const code = modules.map((module) => `import ${module}\n`).join("");
    const { success } = await new Deno.Command(python, {
      args: ["-c", code],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) return undefined;
  } catch {
    // No interpreter: the same advice.
  }
  return `Python's ${modules.join(" and ")} are not there (deno task peers)`;
}
