import assert from "node:assert/strict";
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
