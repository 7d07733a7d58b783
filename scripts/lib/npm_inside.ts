/**
 * The npm packages inside the executable: what the modules import, what those packages depend on, and
 * the native packages that are chosen at run time, so that no import names them.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { findProduct, nameOf } from "../compile/product.ts";

const NATIVE_PACKAGES = /^@(napi-rs|number0)\//;

interface Info {
  npmPackages: Record<string, { name: string; version: string; dependencies?: string[] }>;
}

/** `name@version` of each, sorted. */
export async function npmInside(entry: string): Promise<string[]> {
  const deno = Deno.execPath();
  const { stdout } = await new Deno.Command(deno, { args: ["info", "--json", entry] }).output();
  const { npmPackages } = JSON.parse(new TextDecoder().decode(stdout)) as Info;
  const { packages } = await findProduct(entry, deno);
  const config = JSON.parse(
    await Deno.readTextFile(fileURLToPath(new URL("../../deno.json", import.meta.url))),
  ) as { imports: Record<string, string> };
  const found = new Set<string>();
  const pending = Object.keys(npmPackages).filter((key) => packages.has(nameOf(key)));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const pack = npmPackages[next];
    const specifier = pack === undefined ? next : `${pack.name}@${pack.version}`;
    if (found.has(specifier)) continue;
    found.add(specifier);
    pending.push(...pack?.dependencies ?? []);
  }
  for (const [name, specifier] of Object.entries(config.imports)) {
    if (NATIVE_PACKAGES.test(name)) found.add(specifier.replace(/^npm:/, ""));
  }
  return [...found].filter((specifier) => !specifier.startsWith("@types/")).toSorted();
}
