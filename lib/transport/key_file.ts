/**
 * Files with a secret key: 32 raw bytes, 0600, as XoQ keeps them too.
 *
 * @module
 */
import { DeniedError, UsageError } from "../errors.ts";
import { generateSecretKey, SECRET_KEY_BYTES } from "./key.ts";
import { closeToOthers, createAtomically } from "./state_folder.ts";

/** A key that was read or made. */
export interface LoadedKey {
  /** 32 bytes. */
  key: Uint8Array;
  /** Whether it was made just now. */
  created: boolean;
  /** Lines a person should read (permissions that were mended). */
  notices: string[];
}

/**
 * Reads a key file; makes it, and its folder, where there is none. Two processes that make it at once
 * end with the same key.
 *
 * @throws {UsageError} for a file that is not 32 bytes long.
 * @throws {DeniedError} without permission.
 */
export async function loadOrMakeKey(path: string): Promise<LoadedKey> {
  const there = await readKey(path);
  if (there !== undefined) return { ...there, created: false };
  const key = generateSecretKey();
  try {
    await Deno.mkdir(parentOf(path), { recursive: true, mode: 0o700 });
    await createAtomically(path, key);
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) {
      const winner = await readKey(path);
      if (winner !== undefined) return { ...winner, created: false };
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new DeniedError(`no permission to make the key file ${path}`, {
        hint: "give a folder you may write to",
        cause,
      });
    }
    throw cause;
  }
  return { key, created: true, notices: [] };
}

/** Reads a key file; `undefined` where there is none. Fails as {@link loadOrMakeKey} does. */
export async function readKey(
  path: string,
): Promise<{ key: Uint8Array; notices: string[] } | undefined> {
  let bytes: Uint8Array;
  try {
    const info = await Deno.stat(path);
    if (!info.isFile || info.size !== SECRET_KEY_BYTES) {
      throw new UsageError(
        info.isFile
          ? `the key file ${path} has ${info.size} bytes, not ${SECRET_KEY_BYTES}`
          : `${path} is no key file`,
        { hint: "a key file is 32 raw bytes; move this one away to have a new key made" },
      );
    }
    bytes = await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new DeniedError(`no permission to read the key file ${path}`, {
        hint: "run as the user it belongs to",
        cause,
      });
    }
    throw cause;
  }
  const notice = await closeToOthers(path, 0o600);
  return { key: bytes, notices: notice === undefined ? [] : [notice] };
}

function parentOf(path: string): string {
  const slash = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}
