/**
 * Errors of the V4L2 binding as what they mean to a person.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { ERRNO } from "../../ffi/libc.ts";
import { BusyError, DeniedError, LostError, NotFoundError, XoqError } from "../errors.ts";

/** A process that has a node open. */
export interface Holder {
  /** Process id. */
  pid: number;
  /** Its command's name. */
  name: string;
}

/** Who has the node open, as far as /proc shows it to this user; not this process itself. */
export async function findHolders(path: string, proc = "/proc"): Promise<Holder[]> {
  const holders: Holder[] = [];
  for await (const entry of Deno.readDir(proc)) {
    if (!/^\d+$/.test(entry.name) || Number(entry.name) === Deno.pid) continue;
    const folder = `${proc}/${entry.name}`;
    if (!await hasOpen(`${folder}/fd`, path)) continue;
    const name = await Deno.readTextFile(`${folder}/comm`).catch(() => "?");
    holders.push({ pid: Number(entry.name), name: name.trim() });
  }
  return holders;
}

async function hasOpen(folder: string, path: string): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(folder)) {
      const target = await Deno.readLink(`${folder}/${name}`).catch(() => "");
      if (target === path) return true;
    }
  } catch {
    // Another user's process, or one that has just ended.
  }
  return false;
}

/** An error of opening or setting up a node, translated; others are answered as they are. */
export async function translateOpenError(error: unknown, path: string): Promise<unknown> {
  if (!(error instanceof FfiError)) return error;
  const cause = error;
  switch (error.code) {
    case ERRNO.ENOENT:
    case ERRNO.ENXIO:
    case ERRNO.ENODEV:
      return new NotFoundError(`${path} is not there`, { hint: "see xoq ls", cause });
    case ERRNO.EACCES:
    case ERRNO.EPERM:
      return new DeniedError(`no permission to open ${path}`, {
        hint: "join the group that owns it (sudo usermod -aG video $USER), then log in again",
        cause,
      });
    case ERRNO.EBUSY: {
      const holders = await findHolders(path).catch(() => []);
      const who = holders.map(({ pid, name }) => `${name} (pid ${pid})`).join(", ");
      return new BusyError(
        who === "" ? `${path} is used by another program` : `${path} is used by ${who}`,
        { hint: "close that program, or choose another camera", cause },
      );
    }
    case ERRNO.ENOSPC:
      return new XoqError("failed", `the USB bus has no bandwidth left for ${path}`, {
        hint: "ask for a smaller picture or rate, or plug the camera into another USB controller",
        cause,
      });
    case ERRNO.ENOTTY:
    case ERRNO.EINVAL:
      return new XoqError("unsupported", `${path} is no camera that streams`, { cause });
    default:
      return new XoqError("failed", `${path}: ${error.message}`, { cause });
  }
}

/** An error while streaming: the device went away, or stopped to work. */
export function translateStreamError(error: unknown, path: string): unknown {
  if (!(error instanceof FfiError)) return error;
  const reason = error.code === ERRNO.ENODEV || error.code === ERRNO.ENXIO
    ? `${path} was unplugged`
    : `${path} stopped: ${error.message}`;
  return new LostError(reason, { cause: error });
}
