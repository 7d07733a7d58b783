/**
 * Feeds one target until its budget is spent or something is found.
 *
 * @module
 */
import { mutate, Random } from "./mutate.ts";
import type { FuzzTarget } from "./targets.ts";

/** Longest a decoder may take over one input, in milliseconds. */
const MAX_MS = 1_000;
/** Inputs between two looks at the clock. */
const BATCH = 64;

/** When to stop: after so long, or after so many inputs. */
export type Budget = { readonly milliseconds: number } | { readonly inputs: number };

/** What became of a target. */
export interface FuzzResult {
  /** Inputs it was given. */
  readonly inputs: number;
  /** The input that ended the run, and why. */
  readonly finding?: { readonly hex: string; readonly fault: unknown };
}

/** `10M` as a number of inputs. Throws `TypeError`. */
export function parseInputs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text);
  if (match === null) throw new TypeError(`--inputs ${text} is no number: write 10M or 500k`);
  return Math.round(Number(match[1]) * { "": 1, k: 1e3, M: 1e6 }[match[2]!]!);
}

/** Runs a target with the inputs that `seed` gives. */
export async function fuzzTarget(
  target: FuzzTarget,
  seed: number,
  budget: Budget,
): Promise<FuzzResult> {
  try {
    return await feed(target, seed, budget);
  } finally {
    await target.close?.();
  }
}

async function feed(target: FuzzTarget, seed: number, budget: Budget): Promise<FuzzResult> {
  const { name, seeds } = target;
  const random = new Random(seed);
  // A valid input that is refused makes the rest of the run worthless.
  for (const valid of seeds) {
    if (!name.endsWith("-access-unit")) await target.run(valid);
  }
  const until = "milliseconds" in budget ? performance.now() + budget.milliseconds : Infinity;
  const most = "inputs" in budget ? Math.ceil(budget.inputs) : Infinity;
  let inputs = 0;
  while (inputs < most && performance.now() < until) {
    for (let i = 0; i < BATCH && inputs < most; i++, inputs++) {
      const input = mutate(seeds, random);
      const fault = await faultOf(target, input);
      if (fault === undefined) continue;
      const hex = Array.from(input, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return { inputs, finding: { hex, fault } };
    }
  }
  return { inputs };
}

async function faultOf({ run, expects }: FuzzTarget, input: Uint8Array): Promise<unknown> {
  const began = performance.now();
  let waits = false;
  try {
    // A decoder costs no turn of the loop.
    const running = run(input);
    waits = running !== undefined;
    if (waits) await running;
  } catch (error) {
    if (!expects(error)) return error;
  }
  const took = performance.now() - began;
  // What waits has limits of its own.
  return took > MAX_MS && !waits ? new Error(`took ${Math.round(took)} ms`) : undefined;
}
