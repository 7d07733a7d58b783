/**
 * What sinks of a remote port share: the port is read in one place, and what it says goes to each.
 *
 * @module
 */
import type { RemoteSerialPort } from "../remote_port.ts";

/** Takes what the port says. A promise: nothing more is read before it resolves. */
export type TakeBytes = (bytes: Uint8Array) => void | Promise<void>;

/** Something that happened in a sink, for people and `--json`. */
export type SinkEvent =
  | { type: "pty"; path: string; link?: string }
  | { type: "listening"; protocol: "rfc2217" | "tcp"; address: string }
  | { type: "notice"; message: string };

/** What a sink is given. */
export interface SinkContext {
  /** Ends it. */
  signal: AbortSignal;
  /** Tells people and programs. */
  onEvent: (event: SinkEvent) => void;
}

/** A port, and the sinks that share it. */
export class SharedPort {
  /** Bytes that came while no sink wanted any. */
  unwanted = 0;
  /** The port. */
  readonly port: RemoteSerialPort;
  readonly #sinks = new Set<TakeBytes>();

  /** Takes the port's input over. */
  constructor(port: RemoteSerialPort) {
    this.port = port;
  }

  /** Adds a sink until disposed. */
  attach(take: TakeBytes): Disposable {
    this.#sinks.add(take);
    return { [Symbol.dispose]: () => void this.#sinks.delete(take) };
  }

  /** Reads until the port ends; throws why. */
  async run(): Promise<never> {
    for (;;) {
      const bytes = await this.port.read();
      if (this.#sinks.size === 0) this.unwanted += bytes.length;
      let waits: Promise<void>[] | undefined;
      for (const take of this.#sinks) {
        const wait = take(bytes);
        if (wait !== undefined) (waits ??= []).push(wait);
      }
      if (waits !== undefined) await Promise.all(waits);
    }
  }
}

/** Settles as `promise`, or rejects with the signal's reason. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
