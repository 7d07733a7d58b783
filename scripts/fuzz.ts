/**
 * `deno task fuzz [--seconds 30] [--seed N] [--target NAME]`: broken inputs for every decoder of what
 * comes from outside. Prints what is needed to see a finding again; exits 1 when there is one.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { mutate, Random } from "./fuzz/mutate.ts";
import { fuzzTargets } from "./fuzz/targets.ts";

/** Longest a decoder may take over one input, in milliseconds. */
const MAX_MS = 1_000;
/** Inputs between two looks at the clock. */
const BATCH = 64;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    seed: { type: "string", default: String(Date.now() >>> 0) },
    target: { type: "string" },
  },
});
const seed = Number(values.seed);
const targets = (await fuzzTargets()).filter(({ name }) =>
  values.target === undefined || name === values.target
);
if (targets.length === 0) throw new TypeError(`no fuzz target ${values.target}`);
const share = Number(values.seconds) * 1_000 / targets.length;

let findings = 0;
for (const { name, seeds, run, expects } of targets) {
  const random = new Random(seed);
  const until = performance.now() + share;
  let inputs = 0;
  // A valid input that is refused makes the rest of the run worthless.
  for (const valid of seeds) {
    if (!name.endsWith("-access-unit")) run(valid);
  }
  fuzzing: while (performance.now() < until) {
    for (let i = 0; i < BATCH; i++, inputs++) {
      const input = mutate(seeds, random);
      const began = performance.now();
      let fault: unknown;
      try {
        run(input);
      } catch (error) {
        if (!expects(error)) fault = error;
      }
      const took = performance.now() - began;
      if (took > MAX_MS) fault ??= new Error(`took ${Math.round(took)} ms`);
      if (fault === undefined) continue;
      findings++;
      const hex = Array.from(input, (byte) => byte.toString(16).padStart(2, "0")).join("");
      console.error(`${name}: seed ${seed}, input ${inputs}: ${hex}\n`, fault);
      break fuzzing;
    }
  }
  console.error(`${name}: ${inputs} inputs`);
}
if (findings > 0) Deno.exit(1);
