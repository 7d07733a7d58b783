/**
 * Running commands for the lab.
 *
 * @module
 */

/** A failure that a person can act on: printed without a stack. */
export class LabError extends Error {
  override readonly name = "LabError";
}

/** Makes one. */
export function labError(message: string, cause?: unknown): LabError {
  return new LabError(message, { cause });
}

/** Whether a command is on PATH (or where root's commands are). */
export async function has(command: string): Promise<boolean> {
  for (const folder of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/sbin"]) {
    if (await Deno.stat(`${folder}/${command}`).then((found) => found.isFile, () => false)) {
      return true;
    }
  }
  return false;
}

/** Runs a command; answers what it printed. Throws {@link LabError} with what it said when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; show?: boolean } = {},
): Promise<string> {
  const { show, ...rest } = options;
  const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`;
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    ...rest,
    env: { PATH: path, LC_ALL: "C", ...options.env },
    stdin: "null",
    stdout: show ? "inherit" : "piped",
    stderr: show ? "inherit" : "piped",
  }).output();
  const text = (bytes: () => Uint8Array) => show ? "" : new TextDecoder().decode(bytes());
  if (code !== 0) {
    const said = (text(() => stderr) || text(() => stdout)).trim().split("\n").slice(-12).join(
      "\n",
    );
    throw labError(`${command} ${args.join(" ")} ended with ${code}\n${said}`);
  }
  return text(() => stdout);
}
