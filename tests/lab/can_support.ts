/**
 * can-utils on two interfaces that are one bus.
 *
 * @module
 */
import assert from "node:assert/strict";
import { until } from "../can/support.ts";
import { command } from "./support.ts";

/** Processes start ten times slower here. */
export const PATIENCE_MS = 90_000;

/** A command that runs until it is stopped, or ends. */
export function start(name: string, ...args: string[]) {
  const child = new Deno.Command(name, { args, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
  const output = child.output().then(({ code, stdout, stderr }) => ({
    code,
    text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr),
  }));
  return {
    output,
    stop: async () => {
      try {
        child.kill("SIGINT");
      } catch {
        // It has ended by itself.
      }
      return await output;
    },
  };
}

/** Resolves when this many sockets listen on an interface: the kernel lists them by their filters. */
export async function listening(interfaceName: string, count: number): Promise<void> {
  const listeners = () => {
    let found = 0;
    for (const list of ["all", "fil", "inv", "sff", "eff"]) {
      const text = Deno.readTextFileSync(`/proc/net/can/rcvlist_${list}`);
      found += text.split("\n").filter((line) =>
        line.trim().startsWith(`${interfaceName} `)
      ).length;
    }
    return found;
  };
  await until(() => listeners() >= count, `${count} listeners on ${interfaceName}`);
}

/** What candump logs on both sides while cangen sends with these options: frames as text. */
export async function pass(
  from: string,
  to: string,
  ...cangen: string[]
): Promise<[string[], string[]]> {
  const log = (name: string) => start("candump", "-L", name, "-n", "1000", "-T", "20000");
  const [here, there] = [log(from), log(to)];
  await listening(from, 2);
  await listening(to, 2);
  await command("cangen", from, "-n", "1000", "-g", "1", "-i", ...cangen);
  const frames = async ({ output }: typeof here) =>
    (await output).text.trim().split("\n").map((line) => line.split(" ")[2] ?? "");
  const both: [string[], string[]] = [await frames(here), await frames(there)];
  assert.equal(both[0].length, 1000);
  return both;
}

/** Both ways between the interfaces. */
export const DIRECTIONS = [["vcan0", "vcan1"], ["vcan1", "vcan0"]] as const;
