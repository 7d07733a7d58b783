/**
 * What a port says as lines of a file, each with the time its first byte came.
 *
 * @module
 */

/** Most bytes of a line; a longer one is cut, so that a binary stream is logged, too. */
export const MAX_LINE_BYTES = 4_096;

/** See the module. Writing happens behind the caller's back; the first failure is told by `close()`. */
export class LineLog {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #now: () => Date;
  #line: number[] = [];
  #began: Date | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;

  /** Logs to where `write` puts it. */
  constructor(write: (bytes: Uint8Array) => Promise<void>, now: () => Date = () => new Date()) {
    this.#write = write;
    this.#now = now;
  }

  /** Takes what the port said. */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#began ??= this.#now();
      if (byte === 0x0a) this.#end();
      else if (byte !== 0x0d) {
        this.#line.push(byte);
        if (this.#line.length >= MAX_LINE_BYTES) this.#end();
      }
    }
  }

  /** Writes what is left. Throws the first failure. */
  async close(): Promise<void> {
    if (this.#line.length > 0) this.#end();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #end(): void {
    const stamp = new TextEncoder().encode(`${(this.#began ?? this.#now()).toISOString()} `);
    const line = new Uint8Array(stamp.length + this.#line.length + 1);
    line.set(stamp);
    line.set(this.#line, stamp.length);
    line[line.length - 1] = 0x0a;
    this.#line = [];
    this.#began = undefined;
    this.#writing = this.#writing.then(() => this.#write(line)).catch((error) => {
      this.#failure ??= error;
    });
  }
}
