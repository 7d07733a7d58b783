/**
 * Namespaces and names of tracks: draft-16, section 2.4.1.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasEmptyNamespaces } from "../versions.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Most fields of a namespace. */
const MAX_FIELDS = 32;
/** Most bytes of a namespace and name together. */
const MAX_NAME_BYTES = 4096;

/** The fields of a namespace; each at least one byte, any bytes. */
export type Namespace = readonly Uint8Array[];

/** A track's full name. */
export interface TrackName {
  /** 1 to 32 fields; none are allowed since draft-18. */
  namespace: Namespace;
  /** Any bytes, or none; with the namespace at most 4,096. */
  name: Uint8Array;
}

const UTF8 = new TextEncoder();

/** A namespace of text fields: `namespace("example.com", "meeting=1")`. */
export function namespace(...fields: string[]): Namespace {
  return fields.map((field) => UTF8.encode(field));
}

/** A track's full name from text: `trackName(["example.com", "cam"], "video")`. */
export function trackName(fields: readonly string[], name: string): TrackName {
  return { namespace: namespace(...fields), name: UTF8.encode(name) };
}

/** The name as the draft writes it for logs (section 2.4.1): `example.2ecom-cam--video`. */
export function formatTrackName(track: TrackName): string {
  return `${formatNamespace(track.namespace)}--${formatField(track.name)}`;
}

/** The namespace as the draft writes it for logs. Two namespaces are the same where this is. */
export function formatNamespace(namespace: Namespace): string {
  return namespace.map(formatField).join("-");
}

function formatField(field: Uint8Array): string {
  let text = "";
  for (const byte of field) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9_]/.test(char) ? char : `.${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

/** Whether `namespace` begins with the fields of `prefix`. */
export function hasPrefix(namespace: Namespace, prefix: Namespace): boolean {
  return prefix.length <= namespace.length &&
    prefix.every((field, index) => formatField(field) === formatField(namespace[index]!));
}

/** Reads a namespace; at least `fewest` fields where the draft does not allow fewer. */
export function readNamespace(reader: Reader, fewest: 0 | 1 = 1): Namespace {
  const least = hasEmptyNamespaces(reader.version) ? 0 : fewest;
  const count = reader.integer();
  if (count < least || count > MAX_FIELDS) {
    throw violation(`a namespace has ${count} fields; ${least} to ${MAX_FIELDS} may be`);
  }
  const fields: Uint8Array[] = [];
  let left = MAX_NAME_BYTES;
  for (let index = 0; index < count; index++) {
    const field = reader.sized(left, "a namespace (with what came before)");
    if (field.length === 0) throw violation("a field of a namespace is empty");
    left -= field.length;
    fields.push(field.slice());
  }
  return fields;
}

/** Writes a namespace; at least `fewest` fields where the draft does not allow fewer. */
export function writeNamespace(writer: Writer, namespace: Namespace, fewest: 0 | 1 = 1): void {
  const least = hasEmptyNamespaces(writer.version) ? 0 : fewest;
  if (namespace.length < least || namespace.length > MAX_FIELDS) {
    throw new RangeError(
      `a namespace has ${namespace.length} fields; ${least} to ${MAX_FIELDS} may be`,
    );
  }
  writer.integer(namespace.length);
  let left = MAX_NAME_BYTES;
  for (const field of namespace) {
    if (field.length === 0) throw new RangeError("a field of a namespace is empty");
    writer.sized(field, left, "a namespace (with what came before)");
    left -= field.length;
  }
}

/** Reads a track's full name. */
export function readTrackName(reader: Reader): TrackName {
  const namespace = readNamespace(reader);
  const left = MAX_NAME_BYTES - bytesOf(namespace);
  return { namespace, name: reader.sized(left, "a track's name").slice() };
}

/** Writes a track's full name. */
export function writeTrackName(writer: Writer, track: TrackName): void {
  writeNamespace(writer, track.namespace);
  writer.sized(track.name, MAX_NAME_BYTES - bytesOf(track.namespace), "a track's name");
}

function bytesOf(namespace: Namespace): number {
  return namespace.reduce((sum, field) => sum + field.length, 0);
}
