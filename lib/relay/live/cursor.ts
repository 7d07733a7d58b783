/**
 * One stream on its way to one subscriber.
 *
 * @module
 */
import type { ResetName } from "../../moqt/codes.ts";
import type { SubgroupPiece } from "../../moqt/data/scan.ts";
import { pieceFrom } from "./framing.ts";
import type { Group } from "./group.ts";
import type { ObjectPicker } from "./object_picker.ts";
import type { RelayPublication, RelayWriter } from "../session.ts";
import type { KeptPiece, LogReader, StreamLog } from "./stream_log.ts";

/** Who is told of a cursor. */
export interface CursorEvents {
  /** So many bytes more wait to be sent. */
  waiting(bytes: number): void;
  /** So many bytes do not wait any more. */
  sent(bytes: number): void;
  /** It has ended, whatever the reason. */
  over(cursor: Cursor): void;
}

/** Reads a log and writes a stream. */
export class Cursor implements LogReader {
  readonly #publication: RelayPublication;
  readonly #log: StreamLog;
  readonly #from: number;
  readonly #events: CursorEvents;
  readonly #picker: ObjectPicker | undefined;
  readonly #abort = new AbortController();
  readonly #forget: () => void;
  #writer: RelayWriter | undefined;
  #place: number;
  #pending = 0;
  #over = false;
  #trimmed = false;
  #wake: (() => void) | undefined;
  /** Which group. */
  readonly group: Group;
  /** What it costs the group, in bytes, as long as it is under way. */
  readonly cost: number;

  /**
   * Begins at the first object with an id of at least `from`; 0: at the stream's start. With a `picker`
   * only what that picks is sent.
   */
  constructor(
    publication: RelayPublication,
    group: Group,
    log: StreamLog,
    from: number,
    events: CursorEvents,
    picker?: ObjectPicker,
    cost = 0,
  ) {
    this.cost = cost;
    this.#publication = publication;
    this.group = group;
    this.#log = log;
    this.#from = from;
    this.#events = events;
    this.#picker = picker;
    this.#place = from === 0 ? 0 : log.placeOf(from);
    this.#forget = log.watch(this);
  }

  /** Bytes that came and were not sent. */
  get pendingBytes(): number {
    return this.#pending;
  }

  /** Whether it ended because its bytes were let go before they were sent. */
  get wasTrimmed(): boolean {
    return this.#trimmed;
  }

  /** Begins to send. */
  run(): void {
    if (this.#over) return;
    this.#waits(this.#log.bytesFrom(this.#place));
    this.#pump().catch(() => this.#end());
  }

  /** A piece came. */
  grew(piece: SubgroupPiece): void {
    this.#waits(piece.bytes.length);
    this.#wake?.();
  }

  /** The log ended, or its beginning was let go. */
  changed(): void {
    if (this.#log.first > this.#place) {
      this.#trimmed = true;
      this.cut("too-far-behind");
    }
    this.#wake?.();
  }

  #waits(bytes: number): void {
    this.#pending += bytes;
    this.#events.waiting(bytes);
  }

  /** The subscriber's priority has changed. */
  reorder(): void {
    const { header } = this.#log;
    if (this.#writer === undefined) return;
    this.#writer.sendOrder = this.#publication.sendOrder(header.group, header.priority);
  }

  async #pump(): Promise<void> {
    const log = this.#log;
    while (!this.#over) {
      const piece = log.at(this.#place);
      if (piece !== undefined) await this.#send(piece);
      else if (log.state === "open") {
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = undefined;
      } else return await this.#finish(log.state === "whole");
    }
  }

  async #send(piece: KeptPiece): Promise<void> {
    const bytes = this.#bytesOf(piece);
    if (bytes === undefined) return this.#sent(piece);
    if (this.#writer === undefined) {
      this.#writer = await this.#open();
      if (this.#over) return this.#writer.reset("cancelled");
    }
    const timeout = this.#publication.deliveryTimeoutMs;
    const timer = timeout === undefined
      ? undefined
      : setTimeout(() => this.cut("delivery-timeout"), timeout);
    // What is being sent is the transport's, until it says so: after a failure it never does.
    this.#place++;
    piece.users++;
    try {
      await this.#writer.write(bytes);
      piece.users--;
    } finally {
      clearTimeout(timer);
    }
    this.#account(piece);
  }

  #sent(piece: SubgroupPiece): void {
    this.#place++;
    this.#account(piece);
  }

  #account(piece: SubgroupPiece): void {
    if (this.#over) return;
    this.#pending -= piece.bytes.length;
    this.#events.sent(piece.bytes.length);
  }

  /** The bytes to be sent; undefined where none of the piece are wanted. */
  #bytesOf(piece: SubgroupPiece): Uint8Array | undefined {
    if (this.#picker !== undefined) return this.#picker.pick(piece);
    if (this.#from === 0 || this.#writer !== undefined) return piece.bytes;
    const { version, header } = this.#log;
    return pieceFrom(piece, this.#from, version, header.hasProperties)?.bytes;
  }

  #open(): Promise<RelayWriter> {
    const { header, subgroup } = this.#log;
    const picked = this.#picker === undefined ? {} : { endOfGroup: false };
    return this.#publication.forward({
      ...header,
      ...(this.#isWhole ? {} : { subgroup: subgroup ?? header.subgroup, firstObject: false }),
      ...picked,
    }, this.#abort.signal);
  }

  /** Whether all of the stream is sent. */
  get #isWhole(): boolean {
    return this.#from === 0 && this.#picker === undefined;
  }

  async #finish(whole: boolean): Promise<void> {
    if (this.#writer === undefined && whole && this.#isWhole) this.#writer = await this.#open();
    if (this.#over) return this.#writer?.reset("cancelled");
    if (whole) await this.#writer?.close();
    else this.#writer?.reset("delivery-timeout");
    this.#end();
  }

  /** Gives it up. Idempotent. */
  cut(reason: ResetName): void {
    if (this.#over) return;
    this.#writer?.reset(reason);
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget();
    this.#abort.abort();
    this.#wake?.();
    this.#waits(-this.#pending);
    this.#events.over(this);
  }
}
