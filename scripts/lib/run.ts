/**
 * Running programs from the scripts.
 *
 * @module
 */

/** How to run a program. */
export interface RunOptions {
  /** Working directory. */
  cwd?: string;
  /** Added to the environment. */
  env?: Record<string, string>;
}

/** Runs a program with its output shown; throws when it fails. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<void> {
  const command = new Deno.Command(program, { args: [...args], stdin: "null", ...options });
  const { code } = await command.spawn().status;
  if (code !== 0) throw new Error(`${program} ${args[0] ?? ""} failed with code ${code}`);
}

/** Runs a program and gives its standard output; throws when it fails. */
export async function capture(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const command = new Deno.Command(program, { args: [...args], stderr: "inherit", ...options });
  const { code, stdout } = await command.output();
  if (code !== 0) throw new Error(`${program} ${args[0] ?? ""} failed with code ${code}`);
  return new TextDecoder().decode(stdout);
}
