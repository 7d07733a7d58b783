/**
 * JSON lines to a reader that may be slow. Poses: only the newest waits. Everything else keeps its
 * order in a bounded queue.
 *
 * @module
 */

/** Most lines waiting that are no poses. Policy: drop-oldest. */
const MAX_WAITING = 256;

/** Writes lines, one write at a time. */
export class LineWriter {
  /** Poses that made room for a newer one. */
  superseded = 0;
  /** Other lines that were dropped because the reader was slow. */
  dropped = 0;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #others: string[] = [];
  #pose = "";
  #busy = false;
  #ended = false;

  /** Takes the stream over until {@link release}. */
  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
  }

  /** Writes a pose, unless a newer one comes first. */
  pose(line: string): void {
    if (this.#pose !== "") this.superseded++;
    this.#pose = line;
    this.#write();
  }

  /** Writes a line before the pose that waits. */
  line(line: string): void {
    if (this.#others.length >= MAX_WAITING) {
      this.#others.shift();
      this.dropped++;
    }
    this.#others.push(line);
    this.#write();
  }

  /** Gives the stream back. What waits is dropped. */
  release(): void {
    this.#ended = true;
    this.#others = [];
    this.#pose = "";
    this.#writer.releaseLock();
  }

  #write(): void {
    if (this.#busy || this.#ended) return;
    let text = "";
    for (const line of this.#others) text += line + "\n";
    this.#others.length = 0;
    if (this.#pose !== "") text += this.#pose + "\n";
    this.#pose = "";
    if (text === "") return;
    this.#busy = true;
    this.#writer.write(this.#encoder.encode(text)).then(
      () => {
        this.#busy = false;
        this.#write();
      },
      // The command ends when its reader is gone; nothing is left to write to.
      () => this.#ended = true,
    );
  }
}
