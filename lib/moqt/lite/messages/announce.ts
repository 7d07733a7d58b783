/**
 * The announce stream: who subscribes asks with ANNOUNCE_PLEASE for the broadcasts below a prefix; who
 * publishes answers with ANNOUNCE_INIT, those there are, then an ANNOUNCE for each that comes or goes.
 * moq-lite-02, section "Announce".
 *
 * @module
 */
import { violation } from "../../errors.ts";
import { MAX_PATH_BYTES, receivedPath } from "../path.ts";
import { liteWriter, sized, wholly } from "./wire.ts";

/** The type of the stream. */
export const ANNOUNCE_STREAM = 1;
/** Most broadcasts that may be announced on one stream at once. */
export const MAX_ANNOUNCED = 16_384;
/** Most bytes of an ANNOUNCE_INIT. */
export const MAX_INIT_BYTES = 1 << 20;
/** Most bytes of an ANNOUNCE_PLEASE or an ANNOUNCE. */
export const MAX_ANNOUNCE_BYTES: number = MAX_PATH_BYTES + 16;

const ENDED = 0;
const ACTIVE = 1;

/** A broadcast came or went. */
export interface LiteAnnounce {
  /** Whether it is there. */
  active: boolean;
  /** Its path behind the prefix. */
  suffix: string;
}

/** Writes the stream's type and ANNOUNCE_PLEASE. */
export function encodeAnnouncePlease(prefix: string): Uint8Array<ArrayBuffer> {
  return sized(liteWriter().text(prefix, MAX_PATH_BYTES, "a prefix"), ANNOUNCE_STREAM);
}

/** Reads ANNOUNCE_PLEASE: the prefix. Throws a violation. */
export function decodeAnnouncePlease(body: Uint8Array): string {
  return wholly(
    body,
    "ANNOUNCE_PLEASE",
    (reader) => receivedPath(reader.text(MAX_PATH_BYTES, "a prefix")),
  );
}

/** Writes ANNOUNCE_INIT. A `RangeError` where it gets too long. */
export function encodeAnnounceInit(suffixes: readonly string[]): Uint8Array<ArrayBuffer> {
  const body = liteWriter().integer(suffixes.length);
  for (const suffix of suffixes) body.text(suffix, MAX_PATH_BYTES, "a path");
  if (suffixes.length > MAX_ANNOUNCED || body.length > MAX_INIT_BYTES) {
    throw new RangeError(`${suffixes.length} broadcasts are too many to announce`);
  }
  return sized(body);
}

/** Reads ANNOUNCE_INIT. Throws a violation. */
export function decodeAnnounceInit(body: Uint8Array): string[] {
  return wholly(body, "ANNOUNCE_INIT", (reader) => {
    const count = reader.integer();
    if (count > MAX_ANNOUNCED) {
      throw violation(`${count} broadcasts are announced; at most ${MAX_ANNOUNCED} may be`);
    }
    const suffixes: string[] = [];
    for (let i = 0; i < count; i++) {
      suffixes.push(receivedPath(reader.text(MAX_PATH_BYTES, "a path")));
    }
    return suffixes;
  });
}

/** Writes ANNOUNCE. */
export function encodeAnnounce({ active, suffix }: LiteAnnounce): Uint8Array<ArrayBuffer> {
  const body = liteWriter().byte(active ? ACTIVE : ENDED);
  return sized(body.text(suffix, MAX_PATH_BYTES, "a path"));
}

/** Reads ANNOUNCE. Throws a violation. */
export function decodeAnnounce(body: Uint8Array): LiteAnnounce {
  return wholly(body, "ANNOUNCE", (reader) => {
    const status = reader.byte();
    if (status !== ACTIVE && status !== ENDED) throw violation(`${status} is no announce status`);
    const suffix = receivedPath(reader.text(MAX_PATH_BYTES, "a path"));
    return { active: status === ACTIVE, suffix };
  });
}
