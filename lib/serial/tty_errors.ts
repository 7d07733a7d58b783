/**
 * Why a terminal can't be opened, in words, with what to do about it.
 *
 * @module
 */
import { check, ERRNO } from "../../ffi/libc.ts";
import { BusyError, DeniedError, NotFoundError, UnsupportedError, XoqError } from "../errors.ts";

/** The error for a failed open or lock. */
export function openError(path: string, errno: number): XoqError {
  const cause = causeOf(path, errno);
  switch (errno) {
    case ERRNO.ENOENT:
    case ERRNO.ENXIO:
    case ERRNO.ENODEV:
      return new NotFoundError(`there is no serial port ${path}`, {
        hint: "xoq ls shows those there are",
        cause,
      });
    case ERRNO.EACCES:
    case ERRNO.EPERM:
      return new DeniedError(`no permission to open ${path}`, {
        hint: `add yourself to the group of the port (ls -l ${path}), mostly: ` +
          "sudo usermod -aG dialout $USER, then log in again",
        cause,
      });
    case ERRNO.EBUSY:
    case ERRNO.EAGAIN: {
      const holder = holderOf(path);
      return new BusyError(`${path} is in use${holder === undefined ? "" : ` by ${holder}`}`, {
        hint: "close the program that has it open",
        cause,
      });
    }
    case ERRNO.ENOTTY:
    case ERRNO.EINVAL:
      return new UnsupportedError(`${path} is no serial port`, { cause });
    default:
      return new XoqError("failed", `${path} can't be opened: ${cause.message}`, { cause });
  }
}

function causeOf(path: string, errno: number): Error {
  try {
    check(-errno, "open", path);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return new Error(`errno ${errno}`);
}

/** `name (PID)` of a process that has the file open, where the system lets us see it. Linux. */
function holderOf(path: string): string | undefined {
  try {
    const real = Deno.realPathSync(path);
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && Number(name) !== Deno.pid && hasOpen(name, real)) {
        return `${Deno.readTextFileSync(`/proc/${name}/comm`).trim()} (${name})`;
      }
    }
  } catch {
    // Not ours to see.
  }
  return undefined;
}

function hasOpen(pid: string, path: string): boolean {
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      if (Deno.readLinkSync(`/proc/${pid}/fd/${name}`) === path) return true;
    }
  } catch {
    // The process is another user's, or gone.
  }
  return false;
}
