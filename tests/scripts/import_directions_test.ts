import assert from "node:assert/strict";
import { roomOf, unportable, wrongDirections } from "../../scripts/import_directions.ts";
import type { Import, ModuleGraph } from "../../scripts/lib/module_graph.ts";

function graph(imports: Record<string, (string | Import)[]>): ModuleGraph {
  return new Map(
    Object.entries(imports).map(([module, list]) => [
      module,
      list.map((to) => typeof to === "string" ? { to, line: 1, typeOnly: false } : to),
    ]),
  );
}

Deno.test("modules are in the room of the longest matching place", () => {
  assert.equal(roomOf("lib/camera/sinks/http.ts"), "camera");
  assert.equal(roomOf("lib/device.ts"), "contracts");
  assert.equal(roomOf("lib/elsewhere/x.ts"), undefined);
});

Deno.test("an import against the direction is found", () => {
  assert.deepEqual(
    wrongDirections(graph({
      "ffi/v4l2/mod.ts": ["lib/errors.ts"],
      "lib/camera/serve.ts": ["lib/device.ts", "lib/serial/serve.ts", "npm:valibot"],
      "lib/session/server.ts": ["lib/camera/serve.ts"],
    })),
    [
      "ffi/v4l2/mod.ts:1: ffi must not import errors (lib/errors.ts)",
      "lib/camera/serve.ts:1: camera must not import serial (lib/serial/serve.ts)",
    ],
  );
});

Deno.test("Deno in what a portable room needs is found, but not in what it only takes types of", () => {
  const modules = graph({
    "lib/moqt/session.ts": [
      "lib/bytes/varint.ts",
      { to: "lib/transport/connection.ts", line: 2, typeOnly: true },
    ],
    "lib/bytes/varint.ts": ["node:timers", { to: "node:fs", line: 3, typeOnly: true }],
    "lib/transport/connection.ts": ["node:fs"],
  });
  const sources: Record<string, string> = {
    "lib/bytes/varint.ts": "// Deno.env\nconst x = Deno.env;\n",
    "lib/transport/connection.ts": "Deno.build.os\n",
  };
  assert.deepEqual(unportable(modules, (module) => sources[module] ?? ""), [
    "lib/bytes/varint.ts:2: uses Deno, and moqt/ runs in browsers too",
    "lib/bytes/varint.ts:1: uses node:timers, and moqt/ runs in browsers too",
  ]);
});
