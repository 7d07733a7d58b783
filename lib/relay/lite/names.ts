/**
 * Paths of moq-lite as namespaces of MoQT: each part is a field.
 *
 * @module
 */
import { litePath } from "../../moqt/lite/path.ts";
import type { Namespace } from "../../moqt/wire/track_name.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The namespace of a path. */
export function namespaceOf(path: string): Namespace {
  return path === "" ? [] : path.split("/").map((part) => ENCODER.encode(part));
}

/** The path of a namespace; undefined where its fields are no parts of one. */
export function pathOf(namespace: Namespace): string | undefined {
  try {
    const parts = namespace.map((field) => DECODER.decode(field));
    return parts.some((part) => part === "" || part.includes("/"))
      ? undefined
      : litePath(parts.join("/"));
  } catch {
    // Bytes that are no text, or more of them than a path may have.
    return undefined;
  }
}

/** The path that a URL's path stands for, which is the root of what its session sees. */
export function rootOf(urlPath: string): string {
  let text = urlPath;
  try {
    text = decodeURIComponent(urlPath);
  } catch {
    // Taken as it is.
  }
  return litePath(text);
}
