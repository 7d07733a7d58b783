/**
 * What belongs inside an executable, found in the sources: the modules that `main.ts` reaches, the
 * workers they start, the files they read beside themselves, and the npm packages of all of them.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { capture } from "../lib/run.ts";

/** What belongs inside. */
export interface Product {
  /** Local modules, as `file:` URLs. */
  modules: string[];
  /** Workers and files named by `new URL("./…", import.meta.url)`, as `file:` URLs. */
  companions: string[];
  /** npm packages by name. */
  packages: Set<string>;
}

/** `new URL("./page/", import.meta.url)`: a worker or a file that no import leads to. */
const COMPANION = /new URL\(\s*"(\.{1,2}\/[^"]+)",\s*import\.meta\.url/g;

interface Graph {
  modules: { kind?: string; specifier: string; npmPackage?: string; error?: string }[];
}

/** Follows the graph from `entry` (a path) through imports and companions. */
export async function findProduct(entry: string, deno: string): Promise<Product> {
  const product: Product = { modules: [], companions: [], packages: new Set() };
  const pending = [entry];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const graph = JSON.parse(await capture(deno, ["info", "--json", next])) as Graph;
    for (const module of graph.modules) {
      if (module.error !== undefined) throw new Error(module.error);
      if (module.npmPackage !== undefined) product.packages.add(nameOf(module.npmPackage));
      if (!module.specifier.startsWith("file:") || product.modules.includes(module.specifier)) {
        continue;
      }
      product.modules.push(module.specifier);
      for (const companion of await companionsOf(module.specifier)) {
        if (product.companions.includes(companion)) continue;
        product.companions.push(companion);
        if (companion.endsWith(".ts")) pending.push(fileURLToPath(companion));
      }
    }
  }
  return product;
}

/** Companions of one module that exist; templates (`native/${target}/…`) are not literals and don't match. */
async function companionsOf(module: string): Promise<string[]> {
  const source = await Deno.readTextFile(new URL(module));
  const found: string[] = [];
  for (const [, path] of source.matchAll(COMPANION)) {
    const url = new URL(path ?? "", module);
    if (await Deno.stat(url).then(() => true, () => false)) found.push(url.href);
  }
  return found;
}

/** `@scure/base` of `@scure/base@2.4.0`. */
export function nameOf(packageWithVersion: string): string {
  return packageWithVersion.slice(0, packageWithVersion.indexOf("@", 1));
}

/** A `deno.json`, as far as it matters here. */
export interface Config {
  imports: Record<string, string>;
  [key: string]: unknown;
}

/** A `deno.lock`, as far as it matters here. */
export interface Lock {
  specifiers: Record<string, string>;
  npm: Record<string, { dependencies?: string[] }>;
  workspace?: { dependencies: string[] };
  [key: string]: unknown;
}

/**
 * The configuration for one executable: the same without the packages that are not inside (tests',
 * other platforms'), with the given ones. A compiled executable carries every package that its
 * configuration and lock file name.
 */
export function reduceConfig(config: Config, keep: Set<string>, extra: Record<string, string>) {
  const imports = Object.entries(config.imports).filter(([, specifier]) =>
    !specifier.startsWith("npm:") || keep.has(nameOf(specifier.slice("npm:".length)))
  );
  const { compilerOptions, nodeModulesDir } = config;
  return { compilerOptions, nodeModulesDir, imports: { ...Object.fromEntries(imports), ...extra } };
}

/** The lock file with what the kept packages need and nothing else, so that hashes stay checked. */
export function reduceLock(lock: Lock, keep: Set<string>): Lock {
  const npm: Lock["npm"] = {};
  const pending = Object.keys(lock.npm).filter((id) => keep.has(nameOf(id)));
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const entry = lock.npm[id];
    if (entry === undefined || id in npm) continue;
    npm[id] = entry;
    for (const dependency of entry.dependencies ?? []) {
      pending.push(
        ...Object.keys(lock.npm).filter((other) =>
          other === dependency || nameOf(other) === dependency
        ),
      );
    }
  }
  const kept = (specifier: string) => keep.has(nameOf(specifier.slice("npm:".length)));
  const specifiers = Object.entries(lock.specifiers).filter(([specifier]) => kept(specifier));
  return {
    version: lock["version"],
    specifiers: Object.fromEntries(specifiers),
    npm,
    workspace: { dependencies: (lock.workspace?.dependencies ?? []).filter(kept) },
  };
}
