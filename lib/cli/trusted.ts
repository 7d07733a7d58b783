/**
 * Tickets that the user said to keep (`xoq trust`), by name: `trusted.json` in the state folder, 0600,
 * since a ticket's grant lets its bearer in.
 *
 * @module
 */
import { NotFoundError, UsageError, XoqError } from "../errors.ts";
import {
  join,
  makePrivateFolder,
  stateFolder,
  writeAtomically,
} from "../transport/state_folder.ts";
import { isDeviceName, parseTicket, type Ticket } from "../transport/ticket.ts";

/** Most tickets kept. */
const MAX_TRUSTED = 1_024;

/** A ticket that is kept. */
export interface Trusted {
  /** What it is opened by. */
  name: string;
  /** The whole ticket. */
  ticket: string;
}

function file(folder: string | undefined): string {
  if (folder !== undefined) return join(folder, "trusted.json");
  throw new XoqError("failed", "there is no home to keep tickets in", {
    hint: "set HOME or XDG_STATE_HOME",
  });
}

/** Everything kept; nothing where there is no home or no file. Throws `XoqError` for a broken file. */
export async function readTrusted(folder: string | undefined = stateFolder()): Promise<Trusted[]> {
  if (folder === undefined) return [];
  const path = file(folder);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  try {
    const entries = JSON.parse(text) as unknown[];
    return entries.map((entry) => {
      const { name, ticket } = entry as Record<string, unknown>;
      if (typeof name !== "string" || typeof ticket !== "string") throw new TypeError("no ticket");
      return { name, ticket };
    });
  } catch (cause) {
    throw new XoqError("failed", `${path} is damaged`, {
      hint: "mend it, or remove it and trust the tickets again",
      cause,
    });
  }
}

/** Keeps a ticket; one of the same name is replaced. Gives its name. Throws `UsageError`. */
export async function trust(
  text: string,
  as: string | undefined,
  folder: string | undefined = stateFolder(),
): Promise<string> {
  const ticket = parseTicket(text);
  const name = as ?? ticket.device ?? `xoq-${ticket.address.id.slice(0, 10)}`;
  if (!isDeviceName(name)) {
    throw new UsageError(`--as ${JSON.stringify(name)} is no name`, {
      hint: "names are 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit",
    });
  }
  const others = (await readTrusted(folder)).filter((entry) => entry.name !== name);
  if (others.length >= MAX_TRUSTED) {
    throw new UsageError(`already ${MAX_TRUSTED} tickets`, { hint: "xoq trust --forget NAME" });
  }
  await write([...others, { name, ticket: text.trim() }], folder);
  return name;
}

/** Keeps a ticket no longer. Throws `NotFoundError`. */
export async function forget(
  name: string,
  folder: string | undefined = stateFolder(),
): Promise<void> {
  const entries = await readTrusted(folder);
  const others = entries.filter((entry) => entry.name !== name);
  if (others.length === entries.length) {
    throw new NotFoundError(`no ticket is kept as ${JSON.stringify(name)}`, {
      hint: "xoq trust lists them",
    });
  }
  await write(others, folder);
}

/** A kept ticket by its name. */
export async function findTrusted(
  name: string,
  folder: string | undefined = stateFolder(),
): Promise<Ticket | undefined> {
  const entries = await readTrusted(folder);
  const named = entries.find((entry) => entry.name === name);
  return named === undefined ? undefined : parseTicket(named.ticket);
}

/** The grant for an endpoint's device among the tickets kept. */
export async function trustedGrant(id: string, device: string): Promise<string | undefined> {
  for (const { ticket: text } of await readTrusted()) {
    const { address, grant, device: only } = parseTicket(text);
    if (address.id !== id || grant === undefined) continue;
    if (only === undefined || only === device) return grant;
  }
  return undefined;
}

async function write(
  entries: readonly Trusted[],
  folder: string | undefined,
): Promise<void> {
  const path = file(folder);
  await makePrivateFolder(path.slice(0, path.lastIndexOf("/")));
  await writeAtomically(path, JSON.stringify(entries, null, 2) + "\n");
}
