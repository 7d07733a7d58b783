/**
 * Finding and loading the prebuilt addon.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { UnsupportedError } from "../errors.ts";
import type { Addon } from "./addon_types.ts";

/** The platform's package; the meta package names all platforms', which registries may lack. */
export function addonPackage(): string {
  const os = { linux: "linux", darwin: "darwin", windows: "win32" } as Record<string, string>;
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const abi = Deno.build.os === "linux"
    ? (Deno.build.target.endsWith("musl") ? "-musl" : "-gnu")
    : Deno.build.os === "windows"
    ? "-msvc"
    : "";
  return `@number0/iroh-${os[Deno.build.os] ?? Deno.build.os}-${arch}${abi}`;
}

let loaded: Addon | undefined;

/** Loads the addon, once. Throws `UnsupportedError` where there is none for this platform. */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded;
  const name = addonPackage();
  try {
    const path = fileURLToPath(import.meta.resolve(name));
    return loaded = createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new UnsupportedError(`the prebuilt addon ${name} is not installed`, {
      hint: "run deno install, or install Rust 1.91 or newer and run deno task native",
      cause,
    });
  }
}
