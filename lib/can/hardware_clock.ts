/**
 * Brings a CAN controller's own clock, which may begin anywhere, to the system's.
 *
 * @module
 */

/** How fast the memory of the smallest difference fades, in µs a µs: two clocks' drift (100 ppm). */
const FADE = 1e-4;
/** A difference that jumps by more than this is another clock's, in µs. */
const JUMP_MICROS = 1_000_000;

/**
 * A frame's hardware time is right but for its origin; its software time is late by an interrupt,
 * more or less. The smallest difference seen is nearest to the truth.
 */
export class HardwareClock {
  #difference: number | undefined;
  #at = 0;

  /**
   * The hardware time in µs since the epoch.
   * @param hardware µs by the controller's clock.
   * @param software µs since the epoch, when the kernel took the frame.
   */
  toEpoch(hardware: number, software: number): number {
    const seen = software - hardware;
    const known = this.#difference;
    if (known === undefined || Math.abs(seen - known) > JUMP_MICROS) this.#difference = seen;
    else {
      const faded = known + Math.max(0, software - this.#at) * FADE;
      this.#difference = Math.min(faded, seen);
    }
    this.#at = software;
    return Math.round(hardware + this.#difference!);
  }
}
