/**
 * How long frames occupy a bus (ISO 11898-1), for the load of one and for pacing.
 *
 * @module
 */
import type { BitRates } from "./bus.ts";
import { type CanFrame, paddedLength } from "./frame.ts";

/** Bits of a classic frame without data: SOF to CRC, which are stuffed. */
const CLASSIC_STUFFED = { standard: 34, extended: 54 };
/** CRC delimiter, ACK, ACK delimiter, end of frame, intermission: not stuffed. */
const TRAILER_BITS = 13;
/** FD: SOF to BRS, at the arbitration bit rate. */
const FD_ARBITRATION = { standard: 17, extended: 36 };
/** FD: ESI and DLC, at the data bit rate. */
const FD_CONTROL_BITS = 5;

/**
 * Bits of a frame at the arbitration and at the data bit rate, with the most stuff bits there can
 * be: a bus is never busier than this says.
 */
export function frameBits(frame: CanFrame): { arbitration: number; data: number } {
  if (frame.kind === "error") return { arbitration: 0, data: 0 };
  const form = frame.extended ? "extended" : "standard";
  if (!frame.fd) {
    const bytes = frame.kind === "remote" ? 0 : frame.length;
    const stuffed = CLASSIC_STUFFED[form] + bytes * 8;
    return { arbitration: stuffed + Math.floor((stuffed - 1) / 4) + TRAILER_BITS, data: 0 };
  }
  const bytes = paddedLength(frame.length);
  const head = FD_ARBITRATION[form];
  const crc = bytes > 16 ? 21 : 17;
  // The stuff count (4 bits) and the CRC have a fixed stuff bit before each four bits.
  const tail = 4 + crc + Math.ceil((4 + crc) / 4);
  const body = FD_CONTROL_BITS + bytes * 8;
  const data = body + Math.floor(body / 4) + tail;
  const arbitration = head + Math.floor((head - 1) / 4) + TRAILER_BITS;
  return frame.brs ? { arbitration, data } : { arbitration: arbitration + data, data: 0 };
}

/** How long a frame occupies a bus of these rates, in µs; 0 where the bit rate is not known. */
export function frameMicros(frame: CanFrame, rates: BitRates): number {
  const { bitrate, dataBitrate } = rates;
  if (bitrate === undefined || bitrate === 0) return 0;
  const { arbitration, data } = frameBits(frame);
  return (arbitration / bitrate + data / (dataBitrate ?? bitrate)) * 1e6;
}
