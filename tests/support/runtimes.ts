/** Node and Bun, as `deno task peers` installs them from npm, or of this machine. */
import { fileURLToPath } from "node:url";

/** Oldest versions that run what the library is written in, save for what bundlers translate. */
const NEEDED = { node: 24, bun: 1 } as const;

/** A JavaScript runtime other than Deno. */
export interface Runtime {
  /** What starts it. */
  readonly program: string;
  /** Why it can't be used, or `undefined`. */
  readonly missing: string | undefined;
}

/** The first that is new enough: `XOQ_TEST_NODE` or `XOQ_TEST_BUN`, the one of `.cache`, PATH's. */
export async function runtime(name: keyof typeof NEEDED): Promise<Runtime> {
  const installed = `../../.cache/runtimes/node_modules/.bin/${name}`;
  const candidates = [
    Deno.env.get(`XOQ_TEST_${name.toUpperCase()}`),
    fileURLToPath(new URL(installed, import.meta.url)),
    name,
  ];
  for (const program of candidates) {
    if (program !== undefined && await major(program) >= NEEDED[name]) {
      return { program, missing: undefined };
    }
  }
  return { program: name, missing: `${name} ${NEEDED[name]} is not installed (deno task peers)` };
}

async function major(program: string): Promise<number> {
  try {
    const { stdout } = await new Deno.Command(program, { args: ["--version"], stderr: "null" })
      .output();
    return Number(/^v?(\d+)\./.exec(new TextDecoder().decode(stdout))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
