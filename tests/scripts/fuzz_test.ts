import assert from "node:assert/strict";
import { moqtSessionTargets } from "../../scripts/fuzz/moqt_sessions.ts";
import { fuzzTarget, parseInputs } from "../../scripts/fuzz/run.ts";
import type { FuzzTarget } from "../../scripts/fuzz/targets.ts";
import { mutate, Random } from "../../scripts/fuzz/mutate.ts";

Deno.test("the same seed gives the same broken inputs", () => {
  const seeds = [new Uint8Array([1, 2, 3, 4]), new Uint8Array([9, 9])];
  const series = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 200 }, () => mutate(seeds, random));
  };
  assert.deepEqual(series(7), series(7));
  assert.notDeepEqual(series(7), series(8));
});

const target: FuzzTarget = {
  name: "no-nines",
  seeds: [new Uint8Array([1, 2, 3, 4])],
  run: (input) => {
    if (input.includes(9)) throw new Error("a nine");
    if (input.length === 0) throw new RangeError("nothing");
  },
  expects: (error) => error instanceof RangeError,
};

Deno.test("a target gets exactly the inputs that it is to get, and expected errors are no findings", async () => {
  const harmless = { ...target, run: (input: Uint8Array) => target.run(input.map((x) => x && 1)) };
  assert.deepEqual(await fuzzTarget(harmless, 1, { inputs: 1000 }), { inputs: 1000 });
});

Deno.test("a finding ends a target, and its seed and number give it again", async () => {
  const first = await fuzzTarget(target, 5, { inputs: 100_000 });
  assert.match(first.finding?.hex ?? "", /09/);
  assert.match(String(first.finding?.fault), /a nine/);
  assert.deepEqual(await fuzzTarget(target, 5, { inputs: first.inputs }), { inputs: first.inputs });
  const again = await fuzzTarget(target, 5, { inputs: first.inputs + 1 });
  assert.equal(again.finding?.hex, first.finding?.hex);
});

Deno.test("numbers of inputs are written short", () => {
  assert.deepEqual(["64", "500k", "10M", "1.5M"].map(parseInputs), [64, 500_000, 1e7, 1_500_000]);
  assert.throws(() => parseInputs("lots"), TypeError);
});

Deno.test("peers that do what they like hang no session, and hurt nobody else of a relay", async () => {
  for (const target of moqtSessionTargets()) {
    const { inputs, finding } = await fuzzTarget(target, 20, { inputs: 40 });
    assert.equal(finding, undefined, `${target.name}, input ${inputs}: ${finding?.hex}`);
  }
});
