/**
 * Lines to stdout or stderr without ever blocking the program: they wait in a bounded queue, from
 * which the oldest that may be dropped (`stats`) go first when a reader is slow.
 *
 * @module
 */

/** A place bytes go: `Deno.stdout` and `Deno.stderr` are two. */
export interface ByteSink {
  /** Writes some of the bytes; resolves with how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Most texts waiting in one queue. */
export const MAX_WAITING_TEXTS = 1_024;

/** Writes all of the bytes, in as many turns as the sink takes. */
export async function writeAll(sink: ByteSink, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await sink.write(rest));
}

/** Whether a write failed because nobody reads any more. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
}

/** A queue of texts in front of a sink. */
export class TextWriter {
  readonly #sink: ByteSink;
  readonly #onBroken: () => void;
  #waiting: { text: string; droppable: boolean }[] = [];
  #running: Promise<void> | undefined;
  #broken = false;

  /** Texts that were dropped because the reader was slow. */
  dropped = 0;

  /**
   * Writes to `sink`.
   * @param onBroken called once, when the reader is gone; texts vanish from then on.
   */
  constructor(sink: ByteSink, onBroken: () => void = () => {}) {
    this.#sink = sink;
    this.#onBroken = onBroken;
  }

  /** Queues a text. `droppable`: it may be given up for later ones. */
  write(text: string, droppable = false): void {
    if (this.#broken) return;
    if (this.#waiting.length >= MAX_WAITING_TEXTS) {
      const oldest = this.#waiting.findIndex((item) => item.droppable);
      this.#waiting.splice(Math.max(oldest, 0), 1);
      this.dropped++;
    }
    this.#waiting.push({ text, droppable });
    this.#running ??= this.#run();
  }

  /** Resolves when everything is written or the reader is gone. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    const encoder = new TextEncoder();
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.map((item) => item.text).join("");
        this.#waiting = [];
        await writeAll(this.#sink, encoder.encode(batch));
      }
    } catch {
      // Whatever is wrong with the reader, there is nobody left to tell.
      this.#broken = true;
      this.#waiting = [];
      this.#onBroken();
    } finally {
      this.#running = undefined;
    }
  }
}
