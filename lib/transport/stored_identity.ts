/**
 * Identities at rest: listed, read, and taken in, without serving with them.
 *
 * @module
 */
import { BusyError, DeniedError, NotFoundError, UsageError } from "../errors.ts";
import { lockIdentity } from "./identity_lock.ts";
import { endpointIdOf } from "./key.ts";
import { loadOrMakeKey, readKey } from "./key_file.ts";
import { createAtomically, join, makePrivateFolder, stateFolder } from "./state_folder.ts";
import { isDeviceName, parseTicket } from "./ticket.ts";
import type { TicketAddress } from "./ticket.ts";

/** An identity at rest: read without locking it. */
export interface StoredIdentity {
  /** Its name. */
  name: string;
  /** Endpoint id. */
  id: string;
  /** 32 bytes. */
  secretKey: Uint8Array;
  /** Where it is kept. */
  folder: string;
  /** The address it had last, where known. */
  address: TicketAddress | undefined;
}

/** Reads an identity that exists. Throws `NotFoundError`. */
export async function readIdentity(
  name: string,
  state: string | undefined = stateFolder(),
): Promise<StoredIdentity> {
  const folder = state === undefined || !isDeviceName(name)
    ? undefined
    : identityFolder(state, name);
  if (folder === undefined || !await exists(join(folder, "key"))) {
    throw new NotFoundError(`there is no identity ${JSON.stringify(name)} here`, {
      hint: "`xoq key show` lists them; a server makes its own at its first start",
    });
  }
  const { key } = await loadOrMakeKey(join(folder, "key"));
  return {
    name,
    id: await endpointIdOf(key),
    secretKey: key,
    folder,
    address: await readAddress(folder),
  };
}

/**
 * Reads a key from a folder of XoQ's key files, without locking it.
 *
 * @param file its name; absent: the only one there. Throws `NotFoundError`, `UsageError`.
 */
export async function readXoqKey(
  keyDir: string,
  file?: string,
  state: string | undefined = stateFolder(),
): Promise<StoredIdentity> {
  const name = file ?? await onlyKeyFile(keyDir);
  const found = await readKey(join(keyDir, name));
  if (found === undefined) throw new NotFoundError(`there is no key file ${join(keyDir, name)}`);
  const id = await endpointIdOf(found.key);
  const address = state === undefined ? undefined : await readAddress(xoqKeyFolder(state, id));
  return { name, id, secretKey: found.key, folder: keyDir, address };
}

async function onlyKeyFile(keyDir: string): Promise<string> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(keyDir)) {
      if (/^\.xoq_.*key/.test(entry.name) && !entry.name.endsWith(".tmp")) names.push(entry.name);
    }
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
  if (names.length === 1 && names[0] !== undefined) return names[0];
  if (names.length === 0) throw new NotFoundError(`there is no key file of XoQ's in ${keyDir}`);
  throw new UsageError(`there are several key files in ${keyDir}`, {
    hint: `give one with --name: ${names.sort().join(", ")}`,
  });
}

/**
 * Keeps a key as an identity. Throws `BusyError` when the name has another key already, or is in use.
 */
export async function importIdentity(
  name: string,
  key: Uint8Array,
  state: string | undefined = stateFolder(),
): Promise<{ id: string; folder: string }> {
  if (!isDeviceName(name)) throw badIdentityName(name);
  if (state === undefined) {
    throw new DeniedError("there is no home folder to keep it in", {
      hint: "set HOME or XDG_STATE_HOME",
    });
  }
  const folder = identityFolder(state, name);
  await makePrivateFolder(folder);
  await using _lock = await lockIdentity(name, folder);
  const there = await readKey(join(folder, "key"));
  const id = await endpointIdOf(key);
  if (there === undefined) await createAtomically(join(folder, "key"), key);
  else if (await endpointIdOf(there.key) !== id) {
    throw new BusyError(`the identity ${name} has another key already`, {
      hint: "give another name, or move that one away first (xoq key move --to)",
    });
  }
  return { id, folder };
}

/** Names of the identities kept here, sorted. */
export async function listIdentities(
  state: string | undefined = stateFolder(),
): Promise<string[]> {
  const names: string[] = [];
  if (state === undefined) return names;
  try {
    for await (const entry of Deno.readDir(join(state, "identities"))) {
      if (entry.isDirectory && await exists(identityFolder(state, `${entry.name}/key`))) {
        names.push(entry.name);
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/** The folder of an identity. */
export function identityFolder(state: string, name: string): string {
  return join(join(state, "identities"), name);
}

/** The address an identity's server had last, from its folder. */
export async function readAddress(folder: string): Promise<TicketAddress | undefined> {
  try {
    return parseTicket(await Deno.readTextFile(join(folder, "ticket"))).address;
  } catch {
    return undefined;
  }
}

/** Where the memory of a `--key-dir` identity is: by id, so that one key has one lock. */
export function xoqKeyFolder(state: string, id: string): string {
  return identityFolder(state, `key-${id.slice(0, 16)}`);
}

/** The error for a name that can be none. */
export function badIdentityName(name: string): UsageError {
  return new UsageError(`${JSON.stringify(name)} is no name for an identity`, {
    hint: "names are 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit",
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
