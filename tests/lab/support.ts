/**
 * What the lab's tests share. They run in the machine that `deno task lab` boots and nowhere else.
 *
 * @module
 */

/** Whether this is the lab's machine; tests are skipped elsewhere. */
export const inLab: boolean = Deno.env.get("XOQ_LAB") === "1";

/** Runs a command; answers what it printed, throws with what it said when it fails. */
export async function command(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(name, { args, stdin: "null" }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`${name} ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** A driver's device that can be taken away and put back as if it were unplugged. */
export interface Removable {
  /** Takes it away. */
  remove(): Promise<void>;
  /** Puts it back. */
  restore(): Promise<void>;
}

/** A device of the platform bus: unbound from and bound to its driver. */
export function platformDevice(driver: string, device: string): Removable {
  const folder = `/sys/bus/platform/drivers/${driver}`;
  return {
    remove: () => Deno.writeTextFile(`${folder}/unbind`, device),
    restore: () => Deno.writeTextFile(`${folder}/bind`, device),
  };
}
