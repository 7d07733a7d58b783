/**
 * How drafts frame objects on subgroup streams, and one draft's bytes made another's.
 *
 * @module
 */
import { encodeHex } from "../../bytes/text.ts";
import { MAX_PROPERTIES_BYTES } from "../../moqt/data/object.ts";
import type { SubgroupPiece } from "../../moqt/data/scan.ts";
import { SubgroupEncoder } from "../../moqt/data/subgroup.ts";
import { NEWEST, type Version } from "../../moqt/versions.ts";
import { type IntegerForm, integersOf } from "../../moqt/wire/integers.ts";
import { encodeKeyValues, type KeyValue, readKeyValues } from "../../moqt/wire/key_values.ts";
import { Reader } from "../../moqt/wire/reader.ts";
import { DraftToLite, LiteToDraft } from "../lite/framing.ts";
import { Output } from "./output.ts";

/** How objects are framed on streams: as a draft of MoQT does, or as moq-lite does. */
export type Framing = Version | "lite";

/** Rewrites one stream's pieces for another framing as they come. */
export interface PieceRewriter {
  /** Whether the stream cannot be told in the other framing; nothing more comes of it then. */
  readonly failed: boolean;
  /** The next piece, in the other form; undefined where nothing is left of it. */
  push(piece: SubgroupPiece): SubgroupPiece | undefined;
}

/** What rewrites a stream from one framing to another. */
export function rewriterOf(from: Framing, to: Framing, hasProperties: boolean): PieceRewriter {
  if (from === "lite") return new LiteToDraft(to === "lite" ? NEWEST : to);
  return to === "lite"
    ? new DraftToLite(from, hasProperties)
    : new Transcoder(from, to, hasProperties);
}

const framings = new Map<string, string>();

/**
 * A name for the bytes that a draft makes of objects. Drafts with the same name write the same bytes,
 * so that those of one can be sent to the other as they are.
 */
export function framingOf(version: Framing, hasProperties: boolean): string {
  if (version === "lite") return version;
  const key = `${version}${hasProperties}`;
  const known = framings.get(key);
  if (known !== undefined) return known;
  const encoder = new SubgroupEncoder({ hasProperties }, version);
  const properties: KeyValue[] = [{ type: 0x82, value: 300n }, { type: 0x85, value: SAMPLE }];
  const object = encoder.encode({
    id: 300,
    status: "normal",
    payload: SAMPLE,
    ...(hasProperties ? { properties } : {}),
  });
  const end = encoder.encode({ id: 9000, status: "end-of-group", payload: SAMPLE.subarray(0, 0) });
  const name = encodeHex(object) + encodeHex(end);
  framings.set(key, name);
  return name;
}

const SAMPLE = new Uint8Array(200);

/** Statuses that all drafts have: normal, end of group, end of track. */
const COMMON_STATUSES: readonly number[] = [0x0, 0x3, 0x4];

/** Rewrites one stream's pieces for another draft as they come. */
export class Transcoder implements PieceRewriter {
  readonly #from: IntegerForm;
  readonly #to: IntegerForm;
  readonly #versions: readonly [from: Version, to: Version];
  readonly #hasProperties: boolean;
  /** Drafts can tell each other all. */
  readonly failed = false;
  #at = 0;
  /** The last object's id as it was read, and as it was written: some are left out. */
  #read = -1;
  #written = -1;

  /** Rewrites from one draft to another. */
  constructor(from: Version, to: Version, hasProperties: boolean) {
    this.#versions = [from, to];
    this.#from = integersOf(from);
    this.#to = integersOf(to);
    this.#hasProperties = hasProperties;
  }

  /** The next piece, in the other draft's form; undefined where nothing is left of it. */
  push(piece: SubgroupPiece): SubgroupPiece | undefined {
    const { bytes, start } = piece;
    const out = new Output(bytes.length + piece.objects * 32);
    out.bytes(bytes.subarray(0, start));
    let firstId = -1;
    let objects = 0;
    this.#at = start;
    while (this.#at < bytes.length) {
      const id = this.#read += 1 + this.#integer(bytes);
      const properties = this.#hasProperties ? this.#properties(bytes) : undefined;
      const length = this.#integer(bytes);
      const status = length === 0 ? this.#integer(bytes) : 0;
      if (!COMMON_STATUSES.includes(status)) continue;
      if (objects++ === 0) firstId = id;
      out.integer(this.#to, id - this.#written - 1);
      this.#written = id;
      if (properties !== undefined) {
        out.integer(this.#to, properties.length);
        out.bytes(properties);
      }
      out.integer(this.#to, length);
      if (length === 0) out.integer(this.#to, status);
      const end = Math.min(this.#at + length, bytes.length);
      out.bytes(bytes.subarray(this.#at, end));
      this.#at = end;
    }
    const made = out.finish();
    if (made.length === 0) return undefined;
    return {
      bytes: made,
      start: objects === 0 ? made.length : start,
      firstId,
      lastId: this.#written,
      objects,
    };
  }

  #integer(bytes: Uint8Array): number {
    const at = this.#at;
    this.#at += this.#from.length(bytes[at]!);
    return this.#from.read(bytes, at);
  }

  #properties(bytes: Uint8Array): Uint8Array {
    const length = this.#integer(bytes);
    const view = bytes.subarray(this.#at, this.#at += length);
    if (length === 0) return view;
    const [from, to] = this.#versions;
    const pairs = readKeyValues(new Reader(view, from));
    // Integers of 63 and 64 bits are in the newer drafts only.
    const fitting = pairs.filter(({ value }) => typeof value !== "bigint" || value <= this.#to.max);
    const made = encodeKeyValues(fitting, to);
    return made.length <= MAX_PROPERTIES_BYTES ? made : made.subarray(0, 0);
  }
}

/**
 * The bytes of a piece from its first object with an id of at least `id` on, that object's id written
 * in full, as at the start of a stream; undefined where no such object begins in the piece.
 */
export function pieceFrom(
  piece: SubgroupPiece,
  id: number,
  version: Framing,
  hasProperties: boolean,
): { bytes: Uint8Array; id: number } | undefined {
  // A group of moq-lite is sent from its beginning, or not at all.
  if (version === "lite") return undefined;
  if (piece.objects === 0 || piece.lastId < id) return undefined;
  const integers = integersOf(version);
  const { bytes } = piece;
  let at = piece.start;
  let current = -1;
  while (at < bytes.length) {
    const first = current < 0;
    const delta = integers.read(bytes, at);
    at += integers.length(bytes[at]!);
    current = first ? piece.firstId : current + 1 + delta;
    if (current >= id) {
      const head = new Uint8Array(9);
      const length = integers.write(head, 0, current);
      const made = new Uint8Array(length + bytes.length - at);
      made.set(head.subarray(0, length));
      made.set(bytes.subarray(at), length);
      return { bytes: made, id: current };
    }
    if (hasProperties) {
      const length = integers.read(bytes, at);
      at += integers.length(bytes[at]!) + length;
    }
    const length = integers.read(bytes, at);
    at += integers.length(bytes[at]!);
    at += length === 0 ? integers.length(bytes[at]!) : length;
  }
  return undefined;
}
