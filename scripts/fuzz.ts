/**
 * `deno task fuzz [--seconds 30 | --inputs 10M] [--seed N] [--target NAME]`: broken inputs for every
 * decoder of what comes from outside, and for sessions. Prints what is needed to see a finding again;
 * exits 1 when there is one.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Budget, fuzzTarget, parseInputs } from "./fuzz/run.ts";
import { type FuzzTarget, fuzzTargets } from "./fuzz/targets.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    inputs: { type: "string" },
    seed: { type: "string", default: String(Date.now() >>> 0) },
    target: { type: "string" },
  },
});
const seed = Number(values.seed);
// `moqt` is all of MoQT's targets, `moqt-18-fetch` is one.
const targets = (await fuzzTargets()).filter(({ name }) =>
  values.target === undefined || name === values.target || name.startsWith(`${values.target}-`)
);
// Those that take few inputs leave the rest of theirs to those that follow.
const most = ({ mostInputs = Number.MAX_VALUE }: FuzzTarget) => mostInputs;
targets.sort((a, b) => most(a) - most(b));
if (targets.length === 0) throw new TypeError(`no fuzz target ${values.target}`);

let left = values.inputs === undefined ? Infinity : parseInputs(values.inputs);
let findings = 0;
let total = 0;
for (const [index, target] of targets.entries()) {
  const share = left / (targets.length - index);
  const budget: Budget = values.inputs === undefined
    ? { milliseconds: Number(values.seconds) * 1_000 / targets.length }
    : { inputs: Math.min(share, target.mostInputs ?? Infinity) };
  const { inputs, finding } = await fuzzTarget(target, seed, budget);
  left -= inputs;
  total += inputs;
  if (finding !== undefined) {
    findings++;
    console.error(`${target.name}: seed ${seed}, input ${inputs}: ${finding.hex}\n`, finding.fault);
  }
  console.error(`${target.name}: ${inputs} inputs`);
}
const megabytes = Math.round(Deno.memoryUsage().rss / 1e6);
console.error(`${total} inputs, ${findings} findings, ${megabytes} MB at the end`);
if (findings > 0) Deno.exit(1);
