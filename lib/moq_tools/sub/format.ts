/**
 * Received objects as bytes: as they are, or described in JSON, one a line.
 *
 * @module
 */
import type { TrackItem } from "./receiver.ts";

/** `raw`: payloads one after the other; `lines`: each with a line's end; `json`: a description a line. */
export type ObjectFormat = "raw" | "lines" | "json";

/** The names of {@link ObjectFormat}. */
export const OBJECT_FORMATS = ["raw", "lines", "json"] as const;

const UTF8 = new TextEncoder();
const STRICT = new TextDecoder("utf-8", { fatal: true });

/** What is written of an item; undefined: nothing. */
export function formatItem(item: TrackItem, format: ObjectFormat): Uint8Array | undefined {
  if (format === "json") return UTF8.encode(`${JSON.stringify(describe(item))}\n`);
  if (item.kind === "gap" || item.status !== "normal") return undefined;
  if (format === "raw") return item.payload;
  const line = new Uint8Array(item.payload.length + 1);
  line.set(item.payload);
  line[item.payload.length] = 0x0a;
  return line;
}

/** An item as JSON has it: text that is UTF-8 as `text`, all else as `base64`. */
function describe(item: TrackItem): Record<string, unknown> {
  if (item.kind === "gap") {
    const { group, from, to } = item;
    return { kind: "gap", group, from, ...(to === undefined ? {} : { to }) };
  }
  const { group, subgroup, id, priority, status, payload, properties } = item;
  return {
    kind: "object",
    group,
    object: id,
    ...(subgroup === undefined ? { datagram: true } : { subgroup }),
    priority,
    ...(status === "normal" ? { size: payload.length, ...content(payload) } : { status }),
    ...(properties === undefined ? {} : {
      properties: properties.map(({ type, value }) => ({
        type,
        value: typeof value === "bigint" ? Number(value) : base64(value),
      })),
    }),
  };
}

function content(payload: Uint8Array): { text: string } | { base64: string } {
  try {
    return { text: STRICT.decode(payload) };
  } catch {
    return { base64: base64(payload) };
  }
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x2000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x2000));
  }
  return btoa(text);
}
