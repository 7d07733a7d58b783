/**
 * Identities: the key an endpoint is known by, and what it must remember with it (which one-time
 * grants were used, the UDP port and the ticket it had last). One folder each below the state folder,
 * `identities/<name>/`, locked while a server runs with it:
 *
 * - `key`: 32 raw bytes, an ed25519 secret; with `--key-dir` it is XoQ's key file instead
 * - `port`: the UDP port it had last, decimal
 * - `ticket`: the `endpoint…` ticket it printed last
 * - `nonces`: see `nonce_store.ts`
 * - `lock`, `pid`: held while in use, and by whom
 *
 * Nothing here prints: what a person should know is in `notices`.
 *
 * @module
 */
import { BusyError, DeniedError, NotFoundError, UsageError, XoqError } from "../errors.ts";
import { endpointIdOf, generateSecretKey } from "./key.ts";
import { loadOrMakeKey, readKey } from "./key_file.ts";
import { NonceStore } from "./nonce_store.ts";
import {
  createAtomically,
  join,
  makePrivateFolder,
  stateFolder,
  writeAtomically,
} from "./state_folder.ts";
import { formatEndpointTicket, isDeviceName, parseTicket, toDeviceName } from "./ticket.ts";
import type { TicketAddress } from "./ticket.ts";

/** Which identity to open. */
export interface IdentityRequest {
  /** Name, as `--name` gives it: `[a-z0-9][a-z0-9._-]{0,63}`. */
  name: string;
  /** Whether the user asked for this very name: then there is no falling back to an ephemeral one. */
  explicit?: boolean;
  /** `--key-dir`: the folder with XoQ's key files; it is made where it is missing. */
  keyDir?: string;
  /** XoQ's name of the key file (`.xoq_camera_key_idx0`); with `keyDir` only. */
  keyFile?: string;
  /** The state folder; default {@link stateFolder}; `null`: none. */
  state?: string | null;
}

/** An identity in use. Disposing gives the lock back. */
export interface Identity extends AsyncDisposable {
  /** Its name. */
  readonly name: string;
  /** Endpoint id, 64 hex digits. */
  readonly id: string;
  /** 32 bytes. */
  readonly secretKey: Uint8Array;
  /** Where it is kept; `undefined`: nowhere, it ends with the process. */
  readonly folder: string | undefined;
  /** Whether the id ends with the process. */
  readonly ephemeral: boolean;
  /** Lines a person should read: why it is ephemeral, which permissions were mended. */
  readonly notices: readonly string[];
  /** The UDP port it had last, where known. */
  readonly port: number | undefined;
  /** Used one-time grants. */
  readonly nonces: NonceStore;
  /** Keeps the UDP port for the next start. Failures are of no consequence and are not reported. */
  rememberPort(port: number): Promise<void>;
  /** Keeps the address, so that `xoq ticket new` can put it into tickets. As above for failures. */
  rememberAddress(address: TicketAddress): Promise<void>;
}

/** A name for the identity of a device: stable, and distinct for distinct ids. */
export function identityName(kind: string, deviceId: string): string {
  const whole = `${kind}-${deviceId}`;
  const name = toDeviceName(whole);
  if (name === whole) return name;
  return `${name.slice(0, 64 - 9)}-${fingerprint(whole)}`;
}

/** FNV-1a, 32 bits, in hex: tells apart the ids that look the same as names. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** A new identity that is kept nowhere. */
export async function ephemeralIdentity(
  name = "ephemeral",
  notices: readonly string[] = [],
): Promise<Identity> {
  const secretKey = generateSecretKey();
  const id = await endpointIdOf(secretKey);
  return makeIdentity({ name, id, secretKey, folder: undefined, notices, port: undefined }, {
    nonces: await NonceStore.open(),
    ephemeral: true,
  });
}

/**
 * Opens an identity, making it the first time. Locked until disposed.
 *
 * @throws {BusyError} a running server has it; the message names its process.
 * @throws {UsageError} a name or key file that is none.
 * @throws {DeniedError} no permission, where the user asked for this very identity.
 */
export async function openIdentity(request: IdentityRequest): Promise<Identity> {
  if (!isDeviceName(request.name)) {
    throw badName(request.name);
  }
  const state = request.state === undefined ? stateFolder() : request.state ?? undefined;
  if (request.keyDir !== undefined) return await openXoqKey(request, request.keyDir, state);
  if (state === undefined) {
    return await ephemeralIdentity(request.name, [
      "no home folder (HOME, XDG_STATE_HOME): the identity is new at every start",
    ]);
  }
  try {
    return await openFolder(request.name, identityFolder(state, request.name), []);
  } catch (cause) {
    if (cause instanceof XoqError || !(cause instanceof Error)) throw cause;
    if (request.explicit) {
      throw new DeniedError(`the identity ${request.name} can't be kept: ${cause.message}`, {
        hint: `make ${state} writable, or set XDG_STATE_HOME`,
        cause,
      });
    }
    return await ephemeralIdentity(request.name, [
      `the identity can't be kept and is new at every start: ${cause.message}`,
    ]);
  }
}

function badName(name: string): UsageError {
  return new UsageError(`${JSON.stringify(name)} is no name for an identity`, {
    hint: "names are 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit",
  });
}

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
  if (!isDeviceName(name)) throw badName(name);
  if (state === undefined) {
    throw new DeniedError("there is no home folder to keep it in", {
      hint: "set HOME or XDG_STATE_HOME",
    });
  }
  const folder = identityFolder(state, name);
  await makePrivateFolder(folder);
  await using _lock = await lock(name, folder);
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

async function openXoqKey(
  request: IdentityRequest,
  keyDir: string,
  state: string | undefined,
): Promise<Identity> {
  const file = request.keyFile ?? `.xoq_${request.name}_key`;
  const { key, notices } = await loadOrMakeKey(join(keyDir, file));
  const id = await endpointIdOf(key);
  if (state !== undefined) {
    try {
      return await openFolder(request.name, xoqKeyFolder(state, id), notices, key);
    } catch (cause) {
      if (cause instanceof XoqError || !(cause instanceof Error)) throw cause;
      notices.push(`its port and used tickets can't be remembered: ${cause.message}`);
    }
  }
  const parts = { name: request.name, id, secretKey: key, folder: undefined, notices };
  return makeIdentity({ ...parts, port: undefined }, {
    nonces: await NonceStore.open(),
    ephemeral: false,
  });
}

async function openFolder(
  name: string,
  folder: string,
  earlier: readonly string[],
  givenKey?: Uint8Array,
): Promise<Identity> {
  const notices = [...earlier];
  const opened = await makePrivateFolder(folder);
  if (opened !== undefined) notices.push(opened);
  await using cleanup = new AsyncDisposableStack();
  cleanup.use(await lock(name, folder));
  let secretKey = givenKey;
  if (secretKey === undefined) {
    const loaded = await loadOrMakeKey(join(folder, "key"));
    secretKey = loaded.key;
    notices.push(...loaded.notices);
  }
  const nonces = cleanup.use(await NonceStore.open(join(folder, "nonces")));
  const id = await endpointIdOf(secretKey);
  const port = await readPort(folder);
  return makeIdentity({ name, id, secretKey, folder, notices, port }, {
    nonces,
    ephemeral: false,
    held: cleanup.move(),
  });
}

interface Parts {
  name: string;
  id: string;
  secretKey: Uint8Array;
  folder: string | undefined;
  notices: readonly string[];
  port: number | undefined;
}

function makeIdentity(
  parts: Parts,
  rest: { nonces: NonceStore; ephemeral: boolean; held?: AsyncDisposableStack },
): Identity {
  const remember = async (file: string, text: string): Promise<void> => {
    if (parts.folder === undefined || rest.held?.disposed) return;
    await writeAtomically(join(parts.folder, file), text).catch(() => {});
  };
  return {
    ...parts,
    nonces: rest.nonces,
    ephemeral: rest.ephemeral,
    rememberPort: (port) => remember("port", `${port}\n`),
    rememberAddress: (address) => remember("ticket", `${formatEndpointTicket(address)}\n`),
    [Symbol.asyncDispose]: async () => {
      await rest.nonces[Symbol.asyncDispose]();
      await rest.held?.disposeAsync();
    },
  };
}

async function lock(name: string, folder: string): Promise<AsyncDisposable> {
  const file = await Deno.open(join(folder, "lock"), { write: true, create: true, mode: 0o600 });
  let held = false;
  try {
    held = await file.tryLock(true);
    if (!held) throw new BusyError(await busyMessage(name, folder), { hint: BUSY_HINT });
    await writeAtomically(join(folder, "pid"), `${Deno.pid}\n`);
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // The lock ends with its descriptor: also when this process is killed.
      await Deno.remove(join(folder, "pid")).catch(() => {});
      file.close();
    },
  };
}

const BUSY_HINT = "end that process, or serve under another --name";

async function busyMessage(name: string, folder: string): Promise<string> {
  const pid = (await Deno.readTextFile(join(folder, "pid")).catch(() => "")).trim();
  return /^[0-9]+$/.test(pid)
    ? `the identity ${name} is in use by process ${pid}`
    : `the identity ${name} is in use by another process`;
}

async function readPort(folder: string): Promise<number | undefined> {
  const text = await Deno.readTextFile(join(folder, "port")).catch(() => "");
  const port = Number(/^([0-9]{1,5})\n?$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
