/**
 * Waiting for descriptors: any number of waits on ONE thread of Deno's blocking pool (the pool has
 * 32, and file I/O needs them too). The thread is held only while somebody waits.
 *
 * @module
 */
import { close, createWakeUp, POLL, pollBlocking, pollfd, type WakeUp } from "./libc.ts";

interface Wait {
  fd: number;
  events: number;
  settle: PromiseWithResolvers<number>;
}

/** Waits for events on descriptors; share one for all of a subsystem. */
export class Poller {
  readonly #waits = new Set<Wait>();
  /** Kept for the poller's life: one descriptor. */
  #wakeUp: WakeUp | undefined;
  #running = false;
  /** Resolves when the poll in flight ends; absent while there is none. */
  #pass: PromiseWithResolvers<void> | undefined;

  /**
   * Waits until the descriptor has one of the events (or POLLERR, POLLHUP, POLLNVAL, which always
   * count) and answers those it has. One wait, one answer. Rejects with the signal's reason.
   */
  wait(fd: number, events: number, options: { signal?: AbortSignal } = {}): Promise<number> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const wait: Wait = { fd, events, settle: Promise.withResolvers<number>() };
    const abort = () => {
      this.#waits.delete(wait);
      this.#wakeUp?.signal();
      wait.settle.reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#waits.add(wait);
    if (this.#pass !== undefined) this.#wakeUp?.signal();
    if (!this.#running) void this.#run();
    return wait.settle.promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  /**
   * Closes a descriptor that nobody waits for any more, once no poll in flight knows it: its number
   * is used anew as soon as it is free.
   */
  async close(fd: number): Promise<void> {
    if (this.#pass !== undefined) {
      this.#wakeUp?.signal();
      await this.#pass.promise;
    }
    close(fd);
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      const wakeUp = this.#wakeUp ??= createWakeUp();
      while (this.#waits.size > 0) await this.#poll(wakeUp);
    } catch (error) {
      for (const wait of this.#waits) wait.settle.reject(error);
      this.#waits.clear();
    } finally {
      this.#running = false;
    }
  }

  async #poll(wakeUp: WakeUp): Promise<void> {
    const waits = [...this.#waits];
    const fds = new Uint8Array((waits.length + 1) * pollfd.size);
    const view = new DataView(fds.buffer);
    for (const [index, wait] of [{ fd: wakeUp.fd, events: POLL.POLLIN }, ...waits].entries()) {
      view.setInt32(index * pollfd.size + pollfd.fd, wait.fd, true);
      view.setInt16(index * pollfd.size + pollfd.events, wait.events, true);
    }
    this.#pass = Promise.withResolvers<void>();
    try {
      const count = await pollBlocking(fds);
      // A signal interrupts it; there is nothing else that a poll of open descriptors fails for.
      if (count < 0) return;
    } finally {
      this.#pass.resolve();
      this.#pass = undefined;
    }
    if (view.getInt16(pollfd.revents, true) !== 0) wakeUp.clear();
    for (const [index, wait] of waits.entries()) {
      const events = view.getInt16((index + 1) * pollfd.size + pollfd.revents, true);
      if (events !== 0 && this.#waits.delete(wait)) wait.settle.resolve(events);
    }
  }
}
