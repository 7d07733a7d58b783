/**
 * What the file system says, for people.
 *
 * @module
 */
import { dirname } from "node:path";
import { DeniedError, NotFoundError, UsageError, XoqError } from "../../errors.ts";

/** Translates an error of the file system that arose with this file; others as they are. */
export function fileError(error: unknown, path: string): unknown {
  if (error instanceof XoqError || !(error instanceof Error)) return error;
  const options = { cause: error };
  if (error instanceof Deno.errors.AlreadyExists) {
    return new UsageError(`${path} is there already`, {
      ...options,
      hint: "name another file, or replace it with --force",
    });
  }
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return new NotFoundError(`there is no folder for ${path}`, options);
  }
  if (error instanceof Deno.errors.IsADirectory) {
    return new UsageError(`${path} is a folder`, { ...options, hint: "name a file" });
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return new DeniedError(`${path} may not be written by this user`, options);
  }
  const code = (error as { code?: string }).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new XoqError("failed", `${path}: the disk is full`, {
      ...options,
      hint: "what was written is whole and can be played; make room, or record elsewhere",
    });
  }
  return new XoqError("failed", `${path}: ${error.message}`, options);
}

/**
 * Whether a file can be made there, before anything else is begun. Throws `UsageError` where it is
 * there already (without `force`), `NotFoundError` where its folder isn't.
 */
export async function checkTarget(path: string, force: boolean): Promise<void> {
  try {
    await Deno.stat(dirname(path));
    if (force) return;
    await Deno.lstat(path);
  } catch (error) {
    const folderThere = await Deno.stat(dirname(path)).then(
      (info) => info.isDirectory,
      () => false,
    );
    if (folderThere && error instanceof Deno.errors.NotFound) return;
    throw fileError(error, path);
  }
  throw fileError(new Deno.errors.AlreadyExists(path), path);
}
