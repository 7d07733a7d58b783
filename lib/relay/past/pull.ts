/**
 * A fetch at publishers, which several subscribers may share.
 *
 * @module
 */
import type { FetchItem } from "../../moqt/data/fetch.ts";
import { RequestError } from "../../moqt/errors.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import type { GroupOrder } from "../../moqt/wire/parameters.ts";
import type { TrackProperties } from "../../moqt/wire/properties.ts";
import { PullReader } from "./pull_reader.ts";
import { PullSource, type PullSourceHost } from "./pull_source.ts";
import { after, type Span } from "./span.ts";

/** What a publisher says of a fetch. */
export interface PullInfo {
  /** Where it ends. */
  end: Location;
  /** Whether the track ends there. */
  endOfTrack: boolean;
  /** What is said of the track. */
  properties: TrackProperties;
}

/**
 * Bytes that came and that a slower reader did not take. Policy: then the oldest go, and that reader
 * looks for them elsewhere.
 */
const WINDOW_BYTES = 256 << 10;

/** What an item costs beside its payload, roughly. */
const ITEM_BYTES = 200;

function costOf(item: FetchItem): number {
  return item.kind === "object" ? item.payload.length + ITEM_BYTES : ITEM_BYTES;
}

/** What a pull needs. */
export interface PullHost extends PullSourceHost {
  /** It is over: nobody reads it, or all of it came. */
  over(pull: Pull): void;
}

/** One fetch. It goes as fast as its fastest reader. */
export class Pull {
  readonly #host: PullHost;
  readonly #source: PullSource;
  readonly #items: AsyncGenerator<FetchItem, void, undefined>;
  readonly #readers = new Set<PullReader>();
  readonly #window: FetchItem[] = [];
  #windowBytes = 0;
  /** Items that came, those let go included. */
  #count = 0;
  #isAdvancing = false;
  #end: { error?: unknown } | undefined;
  #head: Location;
  #priority: number;
  /** Which objects. */
  readonly span: Span;
  /** In which order. */
  readonly order: GroupOrder;

  /** Asks for a stretch at once. */
  constructor(host: PullHost, span: Span, order: GroupOrder, priority: number) {
    this.#host = host;
    this.span = span;
    this.order = order;
    this.#head = span.from;
    this.#priority = priority;
    this.#source = new PullSource(host, span, order, priority);
    this.#items = this.#source.items();
  }

  /** Resolves once a publisher agreed. */
  get ready(): Promise<PullInfo> {
    return this.#source.ready;
  }

  /** Whether who wants a stretch in an order may read it from its beginning to its end here. */
  suits({ from, to }: Span, order: GroupOrder): boolean {
    if (this.#end !== undefined || this.order !== order) return false;
    return order === "ascending"
      ? compareLocations(this.#head, from) === 0 && compareLocations(to, this.span.to) <= 0
      : this.#count === 0 && compareLocations(to, this.span.to) === 0 &&
        compareLocations(this.span.from, from) <= 0;
  }

  /** Reads from the next item on. */
  read(priority: number): PullReader {
    const reader = new PullReader(this, this.#count);
    this.#readers.add(reader);
    if (priority < this.#priority) {
      this.#priority = priority;
      this.#source.hurry(priority);
    }
    return reader;
  }

  /** An item by its number; `lost`: it was let go; undefined: it did not come yet. For readers. */
  item(number: number): FetchItem | "lost" | undefined {
    const first = this.#count - this.#window.length;
    return number < first ? "lost" : this.#window[number - first];
  }

  /** How it ended; undefined: it goes on. For readers. */
  get end(): { error?: unknown } | undefined {
    return this.#end;
  }

  /** Gets the next item, and wakes all readers then. For readers. */
  advance(): void {
    if (this.#isAdvancing || this.#end !== undefined) return;
    this.#isAdvancing = true;
    this.#items.next().then(
      ({ done, value }) => {
        if (done === true) this.#finish({});
        else this.#came(value);
      },
      (error) => this.#finish({ error }),
    ).finally(() => {
      this.#isAdvancing = false;
      for (const reader of [...this.#readers]) reader.wake();
    });
  }

  #came(item: FetchItem): void {
    this.#window.push(item);
    this.#windowBytes += costOf(item);
    this.#count++;
    this.#head = after({ group: item.group, object: item.id });
    while (this.#window.length > 1 && this.#windowBytes > WINDOW_BYTES) this.#shift();
  }

  #shift(): void {
    this.#windowBytes -= costOf(this.#window.shift()!);
  }

  /** A reader took an item. For readers. */
  taken(): void {
    let least = this.#count;
    for (const { place } of this.#readers) least = Math.min(least, place);
    while (this.#window.length > 0 && this.#count - this.#window.length < least) this.#shift();
  }

  /** A reader wants no more. For readers. */
  left(reader: PullReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    if (this.#end === undefined) {
      this.#source.stop();
      this.#finish({ error: new RequestError("uninterested", "nobody wants the fetch any more") });
    }
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#host.over(this);
  }
}
