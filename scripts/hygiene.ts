/**
 * Checks what is committed: no path or host of one machine, exact versions, files of a readable
 * length, no test left switched on alone.
 *
 * @module
 */
import { join } from "node:path";
import { capture } from "./lib/run.ts";
import { ROOT } from "./lib/module_graph.ts";

/** Most lines of a source file. */
const MAX_LINES = 500;

/** What must not stand in any text, and why. Written so that they don't match themselves. */
const FORBIDDEN: readonly { pattern: RegExp; why: string }[] = [
  { pattern: /(?<![\w.])[/](work|root|farm|Users[/]\w+)[/]/, why: "a path of one machine" },
  { pattern: /(?<![\w.])[/]home[/](?!user\b|me\b)\w+[/]/, why: "a path of one machine" },
  {
    pattern: /\b(registry|mirror|artifactory|nexus)\.[a-z0-9-]+\.[a-z]{2,}/i,
    why: "a registry's host",
  },
  { pattern: /\bDeno\.test\.only\b|\bonly: true\b/, why: "a test that switches the others off" },
];

/** Files a tool writes: only their hosts are looked at. */
const GENERATED = /(^|\/)(deno\.lock|Cargo\.lock)$|\.(svg|json)$/;
const SOURCE = /\.(ts|rs|c|h|js|html|css|sh|py)$/;

/** Complaints about one file, as `file:line: why`. */
export function complaints(path: string, text: string): string[] {
  const found: string[] = [];
  const lines = text.split("\n");
  lines.forEach((line, index) => {
    for (const { pattern, why } of FORBIDDEN) {
      if (pattern.test(line)) found.push(`${path}:${index + 1}: ${why}`);
    }
  });
  if (path === "deno.lock" && text.includes("://")) {
    found.push(`${path}: names a host; make it again with the default registry`);
  }
  if (path.endsWith("Cargo.lock")) {
    for (const [, source] of text.matchAll(/^source = "([^"]*)"/gm)) {
      if (source !== "registry+https://github.com/rust-lang/crates.io-index") {
        found.push(`${path}: names the source ${source}`);
      }
    }
  }
  if (path === "deno.json") {
    const { imports } = JSON.parse(text) as { imports: Record<string, string> };
    for (const specifier of Object.values(imports)) {
      if (specifier.startsWith("npm:") && !/@\d+\.\d+\.\d+(-[\w.]+)?$/.test(specifier)) {
        found.push(`${path}: ${specifier} is not an exact version`);
      }
    }
  }
  if (SOURCE.test(path) && !GENERATED.test(path) && lines.length - 1 > MAX_LINES) {
    found.push(`${path}: ${lines.length - 1} lines; cut it into parts (${MAX_LINES} at most)`);
  }
  return found;
}

if (import.meta.main) {
  const found: string[] = [];
  let files = 0;
  for (const path of (await capture("git", ["ls-files"], { cwd: ROOT })).split("\n")) {
    const bytes = path === ""
      ? undefined
      : await Deno.readFile(join(ROOT, path)).catch(() => undefined);
    if (bytes === undefined || bytes.subarray(0, 8000).includes(0)) continue;
    files++;
    found.push(...complaints(path, new TextDecoder().decode(bytes)));
  }
  for (const line of found) console.error(line);
  if (found.length > 0) Deno.exit(1);
  console.error(`hygiene: ${files} files are clean`);
}
