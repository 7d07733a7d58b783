/**
 * Notices that a peer has fallen silent before the transport gives it up.
 *
 * @module
 */
import type { Connection } from "../transport/connection.ts";

/**
 * A peer that was silent so long, and two round trips, while it was asked (QUIC's keep-alive asks each
 * half second) has perhaps been restarted: another session is tried beside this one. Milliseconds.
 */
const SILENT_MS = 1_500;
/** How often it is looked at, in milliseconds. */
const LOOK_MS = 250;

/** Looks whether a connection's peer is heard, where the connection tells. */
export class SilenceWatch {
  readonly #connection: Connection;
  #timer: ReturnType<typeof setInterval> | undefined;
  #received = 0;
  #sent = 0;
  #heardAt = performance.now();
  #lookedAt = this.#heardAt;

  /** Watches nothing yet. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Looks until stopped; calls back, more than once, while the peer is silent. */
  start(onSilent: () => void): void {
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => {
      this.#look().then((silent) => silent && onSilent(), () => this.stop());
    }, LOOK_MS);
  }

  /** Looks no more. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<boolean> {
    const { packetsReceived, packetsSent, rttMs } = await this.#connection.getStats();
    const now = performance.now();
    // A process that stood still itself heard nobody.
    const stoodStill = now - this.#lookedAt > SILENT_MS / 2;
    this.#lookedAt = now;
    if (packetsReceived !== this.#received || stoodStill) {
      [this.#received, this.#sent] = [packetsReceived, packetsSent];
      this.#heardAt = now;
      return false;
    }
    const asked = packetsReceived > 0 && packetsSent > this.#sent;
    return asked && now - this.#heardAt > SILENT_MS + 2 * rttMs;
  }
}
