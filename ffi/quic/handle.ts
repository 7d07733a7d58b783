/**
 * What a handle of the library is held by.
 *
 * @module
 */
import { quicLibrary } from "./library.ts";

/** Frees the handles of objects that were dropped without being freed. */
const dropped = new FinalizationRegistry<number>((handle) => {
  quicLibrary().symbols.xoq_quic_free(handle);
});

/** The owner of a handle: it is freed once, also when its owner is collected. */
export class HandleOwner {
  /** The handle. */
  protected readonly handle: number;
  #freed = false;

  /** Takes over a handle. */
  constructor(handle: number) {
    this.handle = handle;
    dropped.register(this, handle, this);
  }

  /** Whether the handle is gone. */
  protected get freed(): boolean {
    return this.#freed;
  }

  /**
   * Frees the handle. What was not ended ends by it: a stream half with code 0, somebody who wants in
   * is kept out. Idempotent.
   */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    dropped.unregister(this);
    quicLibrary().symbols.xoq_quic_free(this.handle);
  }
}
