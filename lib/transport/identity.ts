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
import { DeniedError, XoqError } from "../errors.ts";
import { lockIdentity } from "./identity_lock.ts";
import { endpointIdOf, generateSecretKey } from "./key.ts";
import { loadOrMakeKey } from "./key_file.ts";
import { NonceStore } from "./nonce_store.ts";
import { join, makePrivateFolder, stateFolder, writeAtomically } from "./state_folder.ts";
import { badIdentityName, identityFolder, xoqKeyFolder } from "./stored_identity.ts";
import { formatEndpointTicket, isDeviceName, toDeviceName } from "./ticket.ts";
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
  // `can0` says what it is already.
  const numbered = deviceId.startsWith(kind) && /^\d+$/.test(deviceId.slice(kind.length));
  const whole = numbered ? deviceId : `${kind}-${deviceId}`;
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
    throw badIdentityName(request.name);
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
  cleanup.use(await lockIdentity(name, folder));
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

async function readPort(folder: string): Promise<number | undefined> {
  const text = await Deno.readTextFile(join(folder, "port")).catch(() => "");
  const port = Number(/^([0-9]{1,5})\n?$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535 ? port : undefined;
}
