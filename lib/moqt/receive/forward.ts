/**
 * Streams that are passed on as they are: only their headers are read and written, and of their
 * objects no more than where they begin.
 *
 * @module
 */
import { concat } from "../../bytes/concat.ts";
import { type SendStream, TransportError } from "../../transport/connection.ts";
import { resetCode, type ResetName } from "../codes.ts";
import type { ObjectDatagram } from "../data/datagram.ts";
import { type SubgroupPiece, SubgroupScanner } from "../data/scan.ts";
import type { SubgroupHeader } from "../data/subgroup.ts";
import { violation } from "../errors.ts";
import type { Version } from "../versions.ts";

/** Takes a track's streams and datagrams without taking them apart. */
export interface ForwardSink {
  /** A subgroup's stream began; undefined: it is not wanted. `stop` ends it from this side. */
  opened(header: SubgroupHeader, stop: () => void): ForwardStream | undefined;
  /** A datagram came. */
  datagram(object: ObjectDatagram): void;
  /** Nothing follows. */
  end(): void;
}

/** Takes one subgroup's bytes. */
export interface ForwardStream {
  /** The next bytes, from now on the taker's; a promise: wait for it before the next. */
  piece(piece: SubgroupPiece): Promise<void> | undefined;
  /** The stream ended: whole, or it was reset or not wanted any more. */
  ended(whole: boolean): void;
}

/** One subgroup's stream on its way to its taker. Made by its subscription. */
export class ForwardReceiver {
  readonly #stream: ForwardStream | undefined;
  readonly #scanner: SubgroupScanner;
  readonly #version: Version;
  readonly #signal: AbortSignal;
  readonly #over: () => void;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #stopped = false;

  /** Passes on a stream that begins with `header`, unless `signal` is aborted. */
  constructor(
    header: SubgroupHeader,
    sink: ForwardSink,
    options: { version: Version; limit: number; signal: AbortSignal; over: () => void },
  ) {
    this.#version = options.version;
    this.#signal = options.signal;
    this.#over = options.over;
    this.#scanner = new SubgroupScanner(options.version, header.hasProperties, options.limit);
    this.#stream = options.signal.aborted ? undefined : sink.opened(header, () => this.#stop());
    if (this.#stream === undefined) this.#stopped = true;
  }

  #stop(): void {
    this.#stopped = true;
    const error = new TransportError("cancelled", {
      streamErrorCode: resetCode("cancelled", this.#version),
    });
    this.#reader?.cancel(error).catch(() => {});
  }

  /**
   * Reads the stream to its end; waits for its taker by `hold`. Throws a violation, or what cut the
   * stream off.
   */
  async run(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    first: Uint8Array,
    hold: (wait: Promise<void>) => Promise<void> = (wait) => wait,
  ): Promise<void> {
    this.#reader = reader;
    const stop = () => this.#stop();
    if (this.#stopped) stop();
    this.#signal.addEventListener("abort", stop);
    let whole = false;
    try {
      let chunk: Uint8Array | undefined = first.length === 0 ? await this.#read(reader) : first;
      while (chunk !== undefined && !this.#stopped) {
        const piece = this.#scanner.push(chunk);
        const wait = piece === undefined ? undefined : this.#stream?.piece(piece);
        if (wait !== undefined) await hold(wait);
        chunk = await this.#read(reader);
      }
      if (this.#stopped) return;
      if (!this.#scanner.between) throw violation("a stream ends inside an object");
      whole = true;
    } finally {
      this.#signal.removeEventListener("abort", stop);
      this.#stream?.ended(whole);
      this.#over();
    }
  }

  async #read(
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<Uint8Array | undefined> {
    return this.#stopped ? undefined : (await reader.read()).value;
  }
}

/** A subgroup's stream whose bytes come from elsewhere. Made by its publication. */
export class ForwardWriter {
  readonly #stream: SendStream;
  readonly #version: Version;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #over: () => void;
  #head: Uint8Array | undefined;
  #state: "open" | "closed" | "reset" = "open";

  /** Begins the stream with `head`. */
  constructor(
    stream: SendStream,
    version: Version,
    options: { head: Uint8Array; over: () => void },
  ) {
    this.#stream = stream;
    this.#version = version;
    this.#head = options.head;
    this.#over = options.over;
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => this.#ended("reset"));
  }

  /** Whether it is open, ended, or was cut off by either side. */
  get state(): "open" | "closed" | "reset" {
    return this.#state;
  }

  /** The stream's priority; higher ones go first. */
  set sendOrder(order: number) {
    this.#stream.sendOrder = order;
  }

  /** Sends bytes; resolves when they are taken. Rejects where the stream was cut off. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#state !== "open") throw new TransportError(`the stream is ${this.#state}`);
    try {
      await this.#writer.write(this.#withHead(bytes));
    } catch (error) {
      this.#ended("reset");
      throw error;
    }
  }

  #withHead(bytes: Uint8Array): Uint8Array {
    const head = this.#head;
    if (head === undefined) return bytes;
    this.#head = undefined;
    return concat(head, bytes);
  }

  /** Ends the stream: the subgroup is complete. */
  async close(): Promise<void> {
    if (this.#state !== "open") return;
    try {
      if (this.#head !== undefined) await this.#writer.write(this.#head);
      await this.#writer.close();
      this.#ended("closed");
    } catch {
      this.#ended("reset");
    }
  }

  /** Cuts the stream off. Idempotent. */
  reset(reason: ResetName): void {
    if (this.#state !== "open") return;
    const error = new TransportError(reason, {
      streamErrorCode: resetCode(reason, this.#version),
    });
    this.#writer.abort(error).catch(() => {});
    this.#ended("reset");
  }

  #ended(state: "closed" | "reset"): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#over();
  }
}
