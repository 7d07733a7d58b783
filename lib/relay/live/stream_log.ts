/**
 * A subgroup's bytes as they came, kept once for all who are sent them.
 *
 * @module
 */
import type { SubgroupPiece } from "../../moqt/data/scan.ts";
import type { SubgroupHeader } from "../../moqt/data/subgroup.ts";
import { recycle } from "../../transport/read_memory.ts";
import { type Framing, framingOf, type PieceRewriter, rewriterOf } from "./framing.ts";

/** What keeping a piece costs beside its bytes, roughly. */
const PIECE_OVERHEAD = 200;

/** A piece that is kept. */
export interface KeptPiece extends SubgroupPiece {
  /** Who uses its bytes now, or may for all that is known; they are freed at once when nobody does. */
  users: number;
}

/** What a piece costs in memory, in bytes. */
function costOf(piece: SubgroupPiece): number {
  return piece.bytes.buffer.byteLength + PIECE_OVERHEAD;
}

/**
 * Has a piece's memory read into again, or frees it now: many large buffers that are garbage are
 * collected late, and would make the process several times as large as what it holds.
 */
function free({ bytes, users }: KeptPiece): void {
  if (users > 0 || recycle(bytes)) return;
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/** The header of a stream, less what differs from subscriber to subscriber. */
export type StreamHeader = Omit<SubgroupHeader, "trackAlias">;

/** Who reads a log is told of what comes. */
export interface LogReader {
  /** A piece was added. */
  grew(piece: SubgroupPiece): void;
  /** The log ended, or what was not read of it was let go. */
  changed(): void;
}

/** One stream's pieces. Old ones may be let go; places count from the stream's start. */
export class StreamLog {
  readonly #pieces: KeptPiece[] = [];
  readonly #readers = new Set<LogReader>();
  readonly #derived = new Map<string, { log: StreamLog; transcoder: PieceRewriter }>();
  #first = 0;
  #state: "open" | "whole" | "cut" = "open";
  #bytes = 0;
  /** How the stream begins. */
  readonly header: StreamHeader;
  /** Whose framing these bytes have. */
  readonly version: Framing;

  /** Begins empty. */
  constructor(header: StreamHeader, version: Framing) {
    this.header = header;
    this.version = version;
  }

  /** Whether more comes, all came, or it was cut off. */
  get state(): "open" | "whole" | "cut" {
    return this.#state;
  }

  /** Pieces that came, also those let go. */
  get length(): number {
    return this.#first + this.#pieces.length;
  }

  /** The first place that is still there. */
  get first(): number {
    return this.#first;
  }

  /** What is kept costs so many bytes, other drafts' forms of it included. */
  get bytes(): number {
    let sum = this.#bytes;
    for (const { log } of this.#derived.values()) sum += log.#bytes;
    return sum;
  }

  /** Payload and framing bytes that are kept from `place` on. */
  bytesFrom(place: number): number {
    let sum = 0;
    for (let at = Math.max(place, this.#first); at < this.length; at++) {
      sum += this.at(at)!.bytes.length;
    }
    return sum;
  }

  /** Whether an object with an id of at least `id` came. */
  reaches(id: number): boolean {
    return this.#pieces.length > 0 && this.#pieces.at(-1)!.lastId >= id;
  }

  /** The first place at which an object with an id of at least `id` begins, or may yet begin. */
  placeOf(id: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pieces[middle]!.lastId >= id) high = middle;
      else low = middle + 1;
    }
    return this.#first + low;
  }

  /** The subgroup's id; undefined while it is not known. */
  get subgroup(): number | undefined {
    return this.header.subgroup === "first-object" ? this.#subgroup : this.header.subgroup;
  }

  #subgroup: number | undefined;

  /** A piece; undefined where it did not come, or was let go. */
  at(place: number): KeptPiece | undefined {
    return this.#pieces[place - this.#first];
  }

  /** Adds a piece, and tells the readers; returns what it costs. */
  append(piece: SubgroupPiece): number {
    if (this.#state !== "open") return 0;
    if (piece.objects > 0) this.#subgroup ??= piece.firstId;
    this.#pieces.push({ ...piece, users: 0 });
    let cost = costOf(piece);
    this.#bytes += cost;
    for (const { log, transcoder } of this.#derived.values()) {
      const made = transcoder.push(piece);
      if (made !== undefined) cost += log.append(made);
      if (transcoder.failed) log.end(false);
    }
    for (const reader of this.#readers) reader.grew(piece);
    return cost;
  }

  /** Nothing follows. */
  end(whole: boolean): void {
    if (this.#state !== "open") return;
    this.#state = whole ? "whole" : "cut";
    for (const { log } of this.#derived.values()) log.end(whole);
    for (const reader of [...this.#readers]) reader.changed();
  }

  /** Lets go of at least `bytes`, the oldest first; returns how many. */
  trim(bytes: number): number {
    let freed = 0;
    let pieces = 0;
    while (freed < bytes && pieces < this.#pieces.length) freed += costOf(this.#pieces[pieces++]!);
    this.#bytes -= freed;
    // The last piece of an open log may share its memory with what is still to come.
    const shared = this.#state === "open" ? this.#pieces.at(-1) : undefined;
    const old = this.#pieces.splice(0, pieces);
    this.#first += pieces;
    for (const { log } of this.#derived.values()) freed += log.trim(bytes);
    for (const reader of [...this.#readers]) reader.changed();
    for (const piece of old) if (piece !== shared) free(piece);
    return freed;
  }

  /** How many are told of what comes. */
  get readers(): number {
    return this.#readers.size;
  }

  /** Tells `reader` of what comes. Returns the unsubscriber. */
  watch(reader: LogReader): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /**
   * These bytes as another draft frames them: the log itself where that is the same, and undefined
   * where its beginning was let go. `cost` is told what is kept more.
   */
  as(version: Framing, cost: (bytes: number) => void): StreamLog | undefined {
    const { hasProperties } = this.header;
    const framing = framingOf(version, hasProperties);
    if (framing === framingOf(this.version, hasProperties)) return this;
    const known = this.#derived.get(framing);
    if (known !== undefined) return known.log;
    if (this.#first > 0) return undefined;
    const transcoder = rewriterOf(this.version, version, hasProperties);
    const log = new StreamLog(this.header, version);
    let bytes = 0;
    for (const piece of this.#pieces) {
      const made = transcoder.push(piece);
      if (made !== undefined) bytes += log.append(made);
    }
    if (transcoder.failed) log.end(false);
    if (this.#state !== "open") log.end(this.#state === "whole");
    this.#derived.set(framing, { log, transcoder });
    cost(bytes);
    return log;
  }
}
