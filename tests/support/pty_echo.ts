/**
 * A pseudo-terminal whose far end is ours: an echo, or whatever a test makes of it.
 *
 * @module
 */
import { write } from "../../ffi/libc.ts";
import { POLL } from "../../ffi/libc.ts";
import { PtyMaster } from "../../ffi/pty.ts";
import { serialPoller } from "../../lib/serial/tty_port.ts";

/** Whether pseudo-terminals can be made here. */
export function hasPty(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    new PtyMaster().close();
    return true;
  } catch {
    return false;
  }
}

/** A terminal with a program behind it. */
export class PtyDevice implements AsyncDisposable {
  readonly master: PtyMaster = new PtyMaster();
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;

  /** `answer` gets what was written to the terminal; what it returns is to be read there. */
  constructor(
    answer: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | undefined = (bytes) => bytes,
  ) {
    this.#running = this.#run(answer);
  }

  /** The terminal to open. */
  get path(): string {
    return this.master.path;
  }

  /** Writes to whoever has the terminal open. */
  send(bytes: Uint8Array): void {
    let rest = bytes as Uint8Array<ArrayBuffer>;
    while (rest.length > 0) {
      const count = write(this.master.fd, rest);
      if (count > 0) rest = rest.subarray(count);
    }
  }

  /** Unplugs it. */
  async unplug(): Promise<void> {
    this.#ended.abort();
    await this.#running;
    this.master.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unplug();
  }

  async #run(answer: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | undefined): Promise<void> {
    const { signal } = this.#ended;
    try {
      for (;;) {
        signal.throwIfAborted();
        const bytes = this.master.read();
        if (bytes === "closed") {
          await serialPoller.wait(this.master.openings, POLL.POLLIN, { signal });
          this.master.opened();
        } else if (bytes === undefined) {
          await serialPoller.wait(this.master.fd, POLL.POLLIN, { signal });
        } else {
          const back = answer(bytes);
          if (back !== undefined) await this.#sendAll(back, signal);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #sendAll(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    let rest = bytes as Uint8Array<ArrayBuffer>;
    while (rest.length > 0) {
      const count = write(this.master.fd, rest);
      if (count > 0) rest = rest.subarray(count);
      else await serialPoller.wait(this.master.fd, POLL.POLLOUT, { signal });
    }
  }
}
