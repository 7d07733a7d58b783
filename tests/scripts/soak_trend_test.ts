import assert from "node:assert/strict";
import { trend } from "../../scripts/soak/trend.ts";

const look = (values: readonly number[]) =>
  values.map((value, index) => ({ at: index * 5, value }));

Deno.test("what grew while warming up and then stays is flat", () => {
  const found = trend(look([80, 90, 100, 110, 120, 120, 121, 119, 120, 120]))!;
  assert.ok(Math.abs(found.grown) < 2, String(found.grown));
  assert.equal(found.level, 120);
});

Deno.test("what grows evenly is seen, by the minute and over the second half", () => {
  const found = trend(look(Array.from({ length: 25 }, (_, index) => 50 + index)))!;
  assert.equal(Math.round(found.perMinute), 12);
  assert.equal(Math.round(found.grown), 12);
});

Deno.test("a single outlier is no growth", () => {
  const found = trend(look([...Array(20).fill(10), 30, ...Array(19).fill(10)]))!;
  assert.equal(found.grown, 0);
});

Deno.test("too few looks say nothing", () => {
  assert.equal(trend([]), undefined);
  assert.equal(trend(look([1])), undefined);
});
