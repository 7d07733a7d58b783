/**
 * Files that options name, with errors that name them back.
 *
 * @module
 */
import { DeniedError, NotFoundError, UsageError, XoqError } from "../errors.ts";

/** Reads a file of text. Throws what {@link inputError} says. */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw inputError(error, path);
  }
}

/** Reads certificates or keys. Throws `UsageError` where it holds none, too. */
export async function readPem(path: string): Promise<string> {
  const text = await readTextFile(path);
  if (text.includes("-----BEGIN ")) return text;
  throw new UsageError(`${path} holds no PEM`, {
    hint: "give a file that has -----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY----- in it",
  });
}

/** Opens a file to read. Throws what {@link inputError} says. */
export async function openInput(path: string): Promise<ReadableStream<Uint8Array>> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw inputError(error, path);
  }
  // A folder can be opened; reading it is what fails.
  if ((await file.stat()).isDirectory) {
    file.close();
    throw inputError(new Deno.errors.IsADirectory(), path);
  }
  return file.readable;
}

/** Makes or empties a file to write. Throws what {@link outputError} says. */
export async function openOutput(path: string): Promise<WritableStream<Uint8Array>> {
  try {
    return (await Deno.open(path, { write: true, create: true, truncate: true })).writable;
  } catch (error) {
    throw outputError(error, path);
  }
}

/** Writes a file whole or not at all: whoever reads it never sees half of one. */
export async function replaceTextFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await Deno.writeTextFile(temporary, text);
    await Deno.rename(temporary, path);
  } catch (error) {
    throw outputError(error, path);
  }
}

/** Why a file can't be read: not there, a folder, not allowed. */
export function inputError(cause: unknown, path: string): Error {
  if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
    return new NotFoundError(`there is no file ${path}`, { cause });
  }
  return fileError(cause, path, "read");
}

/** Why a file can't be written: no folder for it, not allowed, no space. */
export function outputError(cause: unknown, path: string): Error {
  if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
    return new NotFoundError(`there is no folder for ${path}`, { cause });
  }
  return fileError(cause, path, "written");
}

function fileError(cause: unknown, path: string, done: "read" | "written"): Error {
  if (cause instanceof Deno.errors.IsADirectory) {
    return new UsageError(`${path} is a folder`, { cause, hint: "name a file" });
  }
  if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
    return new DeniedError(`${path} may not be ${done} by this user`, { cause });
  }
  const code = (cause as { code?: string }).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new XoqError("failed", `${path}: the disk is full`, {
      cause,
      hint: "make room, or name a file elsewhere",
    });
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new XoqError("failed", `${path} can't be ${done}: ${message}`, { cause });
}
