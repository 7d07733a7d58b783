/**
 * The program's own modules and what each imports, as Deno itself resolves it.
 *
 * @module
 */
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { capture } from "./run.ts";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** One import, static or dynamic. */
export interface Import {
  /** Path within the checkout with forward slashes, or the specifier of what is outside it. */
  to: string;
  /** Line, from 1. */
  line: number;
  /** Types only: gone at run time. */
  typeOnly: boolean;
}

/** Modules by path within the checkout, with forward slashes. */
export type ModuleGraph = ReadonlyMap<string, readonly Import[]>;

interface Resolved {
  specifier?: string;
  error?: string;
  span: { start: { line: number } };
}

interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { specifier: string; code?: Resolved; type?: Resolved }[];
  }[];
}

/** Every TypeScript module under the given files and folders, committed or not. */
export async function sourceModules(...places: string[]): Promise<string[]> {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--", ...places];
  const listed = await capture("git", args, { cwd: ROOT });
  const modules: string[] = [];
  for (const path of listed.split("\n")) {
    if (!path.endsWith(".ts")) continue;
    if (await Deno.stat(join(ROOT, path)).then((info) => info.isFile, () => false)) {
      modules.push(path);
    }
  }
  return modules.sort();
}

/** The imports of the given modules and of everything they lead to. */
export async function moduleGraph(modules: readonly string[]): Promise<ModuleGraph> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const urls = modules.map((path) => pathToFileURL(join(ROOT, path)).href);
    await Deno.writeTextFile(entry, urls.map((url) => `import "${url}";\n`).join(""));
    const config = join(ROOT, "deno.json");
    const args = ["info", "--json", "--config", config, "--lock", join(ROOT, "deno.lock"), entry];
    const info = JSON.parse(await capture(Deno.execPath(), args)) as Info;
    const graph = new Map<string, Import[]>();
    for (const module of info.modules) {
      const path = within(module.specifier);
      // A module that is missing or broken is the type checker's to report.
      if (path === undefined || module.error !== undefined) continue;
      const imports = (module.dependencies ?? []).map((dependency) => {
        const resolved = dependency.code ?? dependency.type;
        return {
          to: within(resolved?.specifier ?? "") ?? dependency.specifier,
          line: (resolved?.span.start.line ?? 0) + 1,
          typeOnly: dependency.code === undefined,
        };
      });
      graph.set(path, imports);
    }
    return graph;
  } finally {
    await Deno.remove(entry);
  }
}

/** A `file:` URL's path within the checkout. */
function within(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/");
  return path.startsWith("../") ? undefined : path;
}
