import assert from "node:assert/strict";
import { nameOf, reduceConfig, reduceLock } from "../../scripts/compile/product.ts";
import { isTarget, TARGETS } from "../../scripts/compile/targets.ts";

Deno.test("a package's name is what stands before its version", () => {
  assert.equal(nameOf("@scure/base@2.4.0"), "@scure/base");
  assert.equal(nameOf("uqr@0.1.3"), "uqr");
});

Deno.test("an executable's configuration has the packages it needs and no others", () => {
  const config = {
    tasks: {},
    nodeModulesDir: "none",
    imports: { a: "npm:a@1.0.0", "@t/test": "npm:@t/test@2.0.0", local: "./x.ts" },
  };
  const reduced = reduceConfig(config, new Set(["a"]), { "@e/enc": "npm:@e/enc@3.0.0" });
  assert.deepEqual(reduced.imports, {
    a: "npm:a@1.0.0",
    local: "./x.ts",
    "@e/enc": "npm:@e/enc@3.0.0",
  });
  assert(!("tasks" in reduced));
});

Deno.test("its lock file keeps what those packages depend on", () => {
  const lock = {
    version: "5",
    specifiers: { "npm:a@1.0.0": "1.0.0", "npm:@t/test@2.0.0": "2.0.0" },
    npm: {
      "a@1.0.0": { dependencies: ["b", "c@1.0.0"] },
      "b@1.0.0": { dependencies: ["a"] },
      "c@1.0.0": {},
      "c@2.0.0": {},
      "@t/test@2.0.0": {},
    },
    workspace: { dependencies: ["npm:a@1.0.0", "npm:@t/test@2.0.0"] },
  };
  const reduced = reduceLock(lock, new Set(["a"]));
  assert.deepEqual(Object.keys(reduced.npm).sort(), ["a@1.0.0", "b@1.0.0", "c@1.0.0"]);
  assert.deepEqual(reduced.specifiers, { "npm:a@1.0.0": "1.0.0" });
  assert.deepEqual(reduced.workspace, { dependencies: ["npm:a@1.0.0"] });
});

Deno.test("every target names a library and an encoder of its own platform", () => {
  for (const [target, spec] of Object.entries(TARGETS)) {
    assert(isTarget(target));
    const arm = target.startsWith("aarch64");
    assert(spec.encoderPackage.includes(arm ? "arm64" : "x64"), target);
    assert.equal(spec.executable.endsWith(".exe"), target.includes("windows"));
  }
});
