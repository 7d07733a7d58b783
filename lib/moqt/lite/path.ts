/**
 * Paths that name broadcasts: parts between slashes. Slashes at the ends, and empty parts, mean
 * nothing.
 *
 * @module
 */
import { violation } from "../errors.ts";

/** Most parts of a path, as many as a namespace of MoQT has fields. */
export const MAX_PATH_PARTS = 32;
/** Most bytes of a path, as of a full track name of MoQT. */
export const MAX_PATH_BYTES = 4096;

const UTF8 = new TextEncoder();

/** A path in its one form. Throws a `RangeError` where it is too long. */
export function litePath(text: string): string {
  const path = normal(text);
  const fault = faultOf(path);
  if (fault !== undefined) throw new RangeError(`${JSON.stringify(text)}: ${fault}`);
  return path;
}

/** A received path in its one form. Throws a violation where it is too long. */
export function receivedPath(text: string): string {
  const path = normal(text);
  const fault = faultOf(path);
  if (fault !== undefined) throw violation(fault);
  return path;
}

function normal(text: string): string {
  if (!text.startsWith("/") && !text.endsWith("/") && !text.includes("//")) return text;
  return text.split("/").filter((part) => part !== "").join("/");
}

function faultOf(path: string): string | undefined {
  let parts = 1;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) parts++;
  if (parts > MAX_PATH_PARTS) return `a path has ${parts} parts; at most ${MAX_PATH_PARTS} may be`;
  const bytes = UTF8.encode(path).length;
  if (bytes > MAX_PATH_BYTES) {
    return `a path has ${bytes} bytes; at most ${MAX_PATH_BYTES} may be`;
  }
  return undefined;
}

/** What follows a prefix in a path; undefined where it does not begin with it, part by part. */
export function pathSuffix(prefix: string, path: string): string | undefined {
  if (prefix === "") return path;
  if (path === prefix) return "";
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1) : undefined;
}

/** A path below a prefix. */
export function joinPath(prefix: string, suffix: string): string {
  return prefix === "" || suffix === "" ? prefix + suffix : `${prefix}/${suffix}`;
}
