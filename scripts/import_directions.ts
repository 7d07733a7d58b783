/**
 * Checks that dependencies between the rooms of the program point one way, that the portable rooms
 * stay free of Deno and of native code, and that bindings can be used alone.
 *
 * @module
 */
import { join } from "node:path";
import { type ModuleGraph, moduleGraph, ROOT, sourceModules } from "./lib/module_graph.ts";

/** A part of the program and the rooms it may import, beside itself. */
interface Room {
  /** Files and folders; the longest match wins. */
  places: readonly string[];
  /** Rooms by name. */
  imports: readonly string[];
  /** Runs in Node, Bun and browsers: no `Deno`, here or in anything it needs at run time. */
  portable?: true;
}

/** The small pure things everyone may use. */
const BASE = ["errors", "bytes"];
/** What a device kind stands on. */
const GROUND = [...BASE, "transport", "discovery", "media", "moqt", "contracts", "ffi"];
/** The device kinds: none imports another. */
const KINDS = ["camera", "serial", "can", "pose", "audio"];

/** The rooms from the ground up. */
export const ROOMS: Readonly<Record<string, Room>> = {
  ffi: { places: ["ffi/"], imports: [] },
  errors: {
    places: [
      "lib/errors.ts",
      "lib/checks.ts",
      "lib/interrupt.ts",
      "lib/version.ts",
      "lib/backoff.ts",
    ],
    imports: [],
  },
  bytes: { places: ["lib/bytes/"], imports: ["errors"] },
  transport: { places: ["lib/transport/"], imports: [...BASE, "contracts", "ffi"] },
  discovery: { places: ["lib/discovery/"], imports: [...BASE, "ffi"] },
  media: { places: ["lib/media/"], imports: [...BASE, "ffi"] },
  moqt: { places: ["lib/moqt/"], imports: [...BASE, "transport"], portable: true },
  relay: { places: ["lib/relay/"], imports: [...BASE, "transport", "moqt"] },
  moq_tools: { places: ["lib/moq_tools/"], imports: [...BASE, "transport", "moqt", "relay"] },
  contracts: {
    places: [
      "lib/device.ts",
      "lib/remote.ts",
      "lib/stay_attached.ts",
      "lib/lease.ts",
      "lib/safe_state.ts",
    ],
    imports: [...BASE, "transport", "media"],
  },
  ...Object.fromEntries(
    KINDS.map((kind) => [kind, { places: [`lib/${kind}/`], imports: [...GROUND, "web"] }]),
  ),
  web: { places: ["lib/web/"], imports: [...BASE, "media"], portable: true },
  client: {
    places: ["lib/client/"],
    imports: [...BASE, "transport", "media", "moqt", "contracts", "session", ...KINDS],
    portable: true,
  },
  session: { places: ["lib/session/"], imports: [...GROUND, ...KINDS] },
  record: { places: ["lib/record/"], imports: [...GROUND, ...KINDS, "session"] },
  cli: {
    places: ["lib/cli/", "lib/registry.ts", "main.ts"],
    imports: [...GROUND, ...KINDS, "session", "record", "web", "client", "relay", "moq_tools"],
  },
};

/** The room a module is in. */
export function roomOf(module: string): string | undefined {
  let best: { name: string; length: number } | undefined;
  for (const [name, { places }] of Object.entries(ROOMS)) {
    for (const place of places) {
      const inside = place.endsWith("/") ? module.startsWith(place) : module === place;
      if (inside && place.length > (best?.length ?? 0)) best = { name, length: place.length };
    }
  }
  return best?.name;
}

/** Imports that go the wrong way, as `file:line: why`. */
export function wrongDirections(graph: ModuleGraph): string[] {
  const wrong: string[] = [];
  for (const [module, imports] of graph) {
    const name = roomOf(module);
    if (name === undefined) {
      wrong.push(`${module}: is in no room; scripts/import_directions.ts lists them`);
      continue;
    }
    const allowed = [name, ...ROOMS[name]?.imports ?? []];
    for (const { to, line } of imports) {
      if (!to.endsWith(".ts") || to.includes(":")) continue;
      const room = roomOf(to);
      if (room !== undefined && allowed.includes(room)) continue;
      wrong.push(`${module}:${line}: ${name} must not import ${room ?? "from"} (${to})`);
    }
  }
  return wrong;
}

/** Uses of Deno and Node in what portable rooms need at run time, as `file:line: why`. */
export function unportable(graph: ModuleGraph, source: (module: string) => string): string[] {
  const wrong: string[] = [];
  const reached = new Map<string, string>();
  const pending = [...graph.keys()].filter((module) => ROOMS[roomOf(module) ?? ""]?.portable)
    .map((module) => ({ module, from: roomOf(module) ?? "" }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { module, from } = next;
    if (reached.has(module)) continue;
    reached.set(module, from);
    if (roomOf(module) === "ffi") wrong.push(`${module}: native code, needed by ${from}/`);
    source(module).split("\n").forEach((text, index) => {
      if (/(?<![\w."'`])Deno\s*[.[]/.test(text) && !/^\s*(\*|\/\/)/.test(text)) {
        wrong.push(`${module}:${index + 1}: uses Deno, and ${from}/ runs in browsers too`);
      }
    });
    for (const { to, line, typeOnly } of graph.get(module) ?? []) {
      if (!typeOnly && to.startsWith("node:")) {
        wrong.push(`${module}:${line}: uses ${to}, and ${from}/ runs in browsers too`);
      }
      if (!typeOnly && graph.has(to)) pending.push({ module: to, from });
    }
  }
  return wrong;
}

if (import.meta.main) {
  const modules = await sourceModules("ffi", "lib", "main.ts");
  const graph = await moduleGraph(modules);
  const wrong = [
    ...wrongDirections(graph),
    ...unportable(graph, (module) => Deno.readTextFileSync(join(ROOT, module))),
  ];
  for (const line of wrong) console.error(line);
  if (wrong.length > 0) Deno.exit(1);
  console.error(`import directions: ${graph.size} modules in order`);
}
