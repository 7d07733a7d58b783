/**
 * Tells one lock file from another, whatever its line ends.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** SHA-256 of the file, in hex. */
export async function lockDigest(path: string): Promise<string> {
  const text = await Deno.readTextFile(path);
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}
