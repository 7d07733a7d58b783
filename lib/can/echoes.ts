/**
 * Matches the echoes of a CAN socket's own frames with what was sent: an echo is the kernel's word
 * that the frame was on the bus.
 *
 * @module
 */
import type { CanFrame } from "./frame.ts";

/** Frames sent whose echoes are awaited, in order. */
export class Echoes {
  #waiting: CanFrame[] = [];
  #head = 0;

  /** Frames awaited. */
  get size(): number {
    return this.#waiting.length - this.#head;
  }

  /** A frame was given to the kernel. */
  add(frame: CanFrame): void {
    this.#waiting.push(frame);
  }

  /**
   * The frame this is the echo of. Controllers with several mailboxes may send by identifier, so
   * the oldest equal one is meant, nearly always the first.
   */
  take(echo: CanFrame): CanFrame | undefined {
    for (let i = this.#head; i < this.#waiting.length; i++) {
      const frame = this.#waiting[i]!;
      if (!isEqual(frame, echo)) continue;
      if (i === this.#head) {
        this.#head++;
        if (this.#head === this.#waiting.length) {
          this.#waiting = [];
          this.#head = 0;
        }
      } else this.#waiting.splice(i, 1);
      return frame;
    }
    return undefined;
  }

  /** Takes all that are awaited. */
  drain(): CanFrame[] {
    const rest = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    return rest;
  }
}

/** Same identifier, kind and data. An echo's data may be padded to a length FD has. */
function isEqual(sent: CanFrame, echo: CanFrame): boolean {
  if (sent.id !== echo.id || sent.kind !== echo.kind || sent.extended !== echo.extended) {
    return false;
  }
  if (sent.fd !== echo.fd || echo.length < sent.length) return false;
  for (let i = 0; i < sent.data.length; i++) if (sent.data[i] !== echo.data[i]) return false;
  return true;
}
