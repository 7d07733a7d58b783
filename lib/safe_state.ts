/**
 * What a device does when whoever controls it falls silent: something a machine's maker has thought
 * of beforehand, done at the device itself, since the network is what may be gone.
 *
 * @module
 */

/** Why the safe state is taken. */
export type SafeStateReason =
  /** Nothing was heard for the deadline. */
  | "silent"
  /** The controller's connection or pipe ended. */
  | "gone";

/** How a device gets safe. */
export interface SafeStateOptions {
  /** Longest silence of a controller in milliseconds; `undefined`: only its end counts. */
  deadlineMs: number | undefined;
  /** Brings the device into its safe state. Must not throw. */
  act: (reason: SafeStateReason) => void;
  /** Monotonic milliseconds; for tests. */
  now?: () => number;
}

/**
 * Watches over one controller at a time. The state is taken once for each silence: a controller that
 * is heard again is watched again.
 */
export class SafeState implements Disposable {
  readonly #options: SafeStateOptions;
  readonly #now: () => number;
  #watched = false;
  #heardAt = 0;
  #taken = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Watches nobody yet. */
  constructor(options: SafeStateOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Times the safe state was taken. */
  get taken(): number {
    return this.#taken;
  }

  /** A controller begins: from now on its silence counts. */
  begin(): void {
    this.#watched = true;
    this.heard();
  }

  /** It was heard: a beat, or data. Cheap: to be called for each. */
  heard(): void {
    if (!this.#watched) return;
    this.#heardAt = this.#now();
    if (this.#timer === undefined) this.#arm();
  }

  /**
   * It is gone, in whatever way. With a deadline, that is silence, and one who comes back in time
   * changes nothing; without one it is what counts.
   */
  end(): void {
    if (!this.#watched || this.#options.deadlineMs !== undefined) return;
    this[Symbol.dispose]();
    this.#take("gone");
  }

  /** Watches nobody any more, and does nothing. */
  [Symbol.dispose](): void {
    this.#watched = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const { deadlineMs } = this.#options;
    if (deadlineMs === undefined) return;
    const left = this.#heardAt + deadlineMs - this.#now();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#now() < this.#heardAt + deadlineMs) this.#arm();
      else this.#take("silent");
    }, Math.max(1, Math.ceil(left)));
  }

  #take(reason: SafeStateReason): void {
    this.#taken++;
    this.#options.act(reason);
  }
}

/** How often a client says that it is alive, in milliseconds: a quarter of the server's deadline. */
export function beatInterval(deadlineMs: number): number {
  return Math.max(1, Math.floor(deadlineMs / 4));
}
