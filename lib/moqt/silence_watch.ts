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

  /** Watches nothing yet. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Looks until stopped; calls back, more than once, while the peer is silent. */
  start(onSilent: () => void): void {
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
    if (packetsReceived !== this.#received) {
      [this.#received, this.#sent] = [packetsReceived, packetsSent];
      this.#heardAt = performance.now();
      return false;
    }
    const asked = packetsReceived > 0 && packetsSent > this.#sent;
    return asked && performance.now() - this.#heardAt > SILENT_MS + 2 * rttMs;
  }
}
