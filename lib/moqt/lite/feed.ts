/**
 * Tells a peer of broadcasts below a prefix.
 *
 * @module
 */
import type { SendStream } from "../../transport/connection.ts";
import { resetReason } from "./errors.ts";
import { encodeAnnounce, encodeAnnounceInit } from "./messages/announce.ts";
import { pathSuffix } from "./path.ts";
import type { StreamInput } from "./stream_input.ts";
import type { LiteResetName } from "./versions.ts";

/** Bytes of news that may wait for a peer that does not read; then it is told no more. */
const MAX_PENDING_BYTES = 1 << 20;

/** Broadcasts that are told at once, so that their paths fit, however long they are. */
const INIT_BROADCASTS = 250;

/** One announce stream. Each broadcast is told once, however often it is added. */
export class LiteFeed {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #input: StreamInput;
  readonly #active = new Set<string>();
  #begun = false;
  #over = false;
  #pending = 0;
  /** Below which path. */
  readonly prefix: string;

  /** Made by its session. */
  constructor(prefix: string, writable: SendStream, input: StreamInput) {
    this.prefix = prefix;
    this.#input = input;
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {});
  }

  /** Sends ANNOUNCE_INIT with what was added, and what comes and goes from now on. Idempotent. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const suffixes = [...this.#active];
    this.#send(encodeAnnounceInit(suffixes.slice(0, INIT_BROADCASTS)), 0);
    for (const suffix of suffixes.slice(INIT_BROADCASTS)) {
      this.#send(encodeAnnounce({ active: true, suffix }), 0);
    }
  }

  /** A broadcast is there; one that is not below the prefix is not told. */
  add(path: string): void {
    const suffix = pathSuffix(this.prefix, path);
    if (suffix === undefined || this.#active.has(suffix)) return;
    this.#active.add(suffix);
    if (this.#begun) this.#send(encodeAnnounce({ active: true, suffix }));
  }

  /** A broadcast is gone. */
  remove(path: string): void {
    const suffix = pathSuffix(this.prefix, path);
    if (suffix === undefined || !this.#active.delete(suffix)) return;
    if (this.#begun) this.#send(encodeAnnounce({ active: false, suffix }));
  }

  #send(message: Uint8Array, cost = message.length): void {
    if (this.#over) return;
    this.#pending += cost;
    if (this.#pending > MAX_PENDING_BYTES) return this.refuse("too-far-behind");
    this.#writer.write(message).then(() => this.#pending -= cost, () => {});
  }

  /** Tells no more. Idempotent. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#writer.close().catch(() => {});
  }

  /** Cuts it off, with a reason. Idempotent. */
  refuse(name: LiteResetName): void {
    if (this.#over) return;
    this.#over = true;
    this.#writer.abort(resetReason(name)).catch(() => {});
    this.#input.stop(name);
  }
}
