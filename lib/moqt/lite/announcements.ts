/**
 * Broadcasts that the peer tells of.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { LiteStreamError } from "./errors.ts";
import {
  decodeAnnounce,
  decodeAnnounceInit,
  MAX_ANNOUNCE_BYTES,
  MAX_ANNOUNCED,
  MAX_INIT_BYTES,
} from "./messages/announce.ts";
import { joinPath } from "./path.ts";
import type { StreamInput } from "./stream_input.ts";
import type { LiteResetName } from "./versions.ts";

/** A broadcast came or went. */
export interface LiteNews {
  /** The broadcast's path. */
  readonly path: string;
  /** Whether it is there. */
  readonly active: boolean;
}

/**
 * The broadcasts below a prefix as they come and go: first those there are. What came and went before it
 * was read is not told, so that at most two pieces of news wait for a path. Ends when the peer tells no
 * more or {@link close} is called; throws where the connection was lost. One reader.
 */
export class LiteAnnouncements implements AsyncIterable<LiteNews>, AsyncDisposable {
  readonly #active = new Set<string>();
  #news: LiteNews[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #forget: () => void;
  #cancel: ((name: LiteResetName) => void) | undefined;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  /** What the paths begin with. */
  readonly prefix: string;

  /** Made by its session. */
  constructor(prefix: string, forget: () => void) {
    this.prefix = prefix;
    this.#forget = forget;
    this.#ready.promise.catch(() => {});
  }

  /** Resolves when the peer told what there is; rejects where it did not. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Paths of the broadcasts that are there now. */
  get active(): ReadonlySet<string> {
    return this.#active;
  }

  /** Wants to hear no more. Idempotent. */
  close(): Promise<void> {
    this.#cancel?.("cancelled");
    this.end();
    return Promise.resolve();
  }

  /** Wants to hear no more. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The request is on its way; `cancel` takes it back. For the session. */
  started(cancel: (name: LiteResetName) => void): void {
    this.#cancel = cancel;
    if (this.#end !== undefined) cancel("cancelled");
  }

  /** Reads the peer's answer to its end. Throws a violation. For the session. */
  async read(input: StreamInput): Promise<void> {
    const first = await input.next((buffer) => buffer.sized(MAX_INIT_BYTES, "ANNOUNCE_INIT"));
    if (first === undefined) throw violation("an announce stream ends without ANNOUNCE_INIT");
    for (const suffix of decodeAnnounceInit(first)) this.#tell(suffix, true);
    this.#ready.resolve();
    while (true) {
      const body = await input.next((buffer) => buffer.sized(MAX_ANNOUNCE_BYTES, "ANNOUNCE"));
      if (body === undefined) return this.end();
      const { active, suffix } = decodeAnnounce(body);
      this.#tell(suffix, active);
    }
  }

  #tell(suffix: string, active: boolean): void {
    const path = joinPath(this.prefix, suffix);
    if (active === this.#active.has(path)) {
      // Relays may tell the end of what they never told of: that is no news.
      if (!active) return;
      throw violation(`${path} is announced twice`);
    }
    if (!active) {
      this.#active.delete(path);
      const told = this.#news.findLastIndex((news) => news.path === path);
      if (this.#news[told]?.active === true) this.#news.splice(told, 1);
      else this.#news.push({ path, active });
    } else {
      this.#active.add(path);
      if (this.#active.size > MAX_ANNOUNCED) {
        throw violation(`more than ${MAX_ANNOUNCED} broadcasts are announced`);
      }
      this.#news.push({ path, active });
    }
    this.#wake?.();
  }

  /** Nothing follows, and why. For the session. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    const reason = error === undefined ? undefined : LiteStreamError.of(error);
    this.#end = reason === undefined ? {} : { error: reason };
    this.#ready.reject(reason ?? new LiteStreamError("cancelled", "nothing was announced"));
    this.#wake?.();
    this.#forget();
  }

  /** What comes and goes. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LiteNews, void, undefined> {
    try {
      while (true) {
        const news = this.#news.shift();
        if (news !== undefined) {
          yield news;
          continue;
        }
        if (this.#end !== undefined) {
          if ("error" in this.#end) throw this.#end.error;
          return;
        }
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = undefined;
      }
    } finally {
      await this.close();
    }
  }
}
