/**
 * A request of ours that stands until one of both sides ends it.
 *
 * @module
 */
import { RequestError } from "../errors.ts";
import type { Channel } from "./channel.ts";

/** A request about namespaces, asked of the peer. Closing it takes it back. */
export abstract class StandingRequest implements AsyncDisposable {
  readonly #ready = Promise.withResolvers<void>();
  #channel: Channel | undefined;
  #over = false;

  /** Made by the session. */
  constructor() {
    this.#ready.promise.catch(() => {});
  }

  /** Resolves once the peer agreed; rejects with a {@link RequestError} where it did not. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Where it was asked; there once {@link ready} has resolved. */
  protected get channel(): Channel | undefined {
    return this.#channel;
  }

  /** What is done once when it is over; returns the error of {@link ready} where it was not yet. */
  protected abstract ended(): RequestError;

  /** Takes it back. Idempotent. */
  close(): Promise<void> {
    if (!this.#over) this.#channel?.cancel();
    this.canceled();
    return Promise.resolve();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The request was made. For the session. */
  started(channel: Channel): void {
    this.#channel = channel;
    if (this.#over) channel.cancel();
  }

  /** The peer agreed. For the session. */
  established(): void {
    this.#ready.resolve();
  }

  /** The request failed. For the session. */
  refused(error: unknown): void {
    this.#ready.reject(error);
    this.canceled();
  }

  /** It is over. For the session. */
  canceled(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ready.reject(this.ended());
  }
}
