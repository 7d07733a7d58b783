/**
 * Which frames somebody wants, as `struct can_filter` of linux/can.h says it, without its flags'
 * bit tricks: identifier and mask, standard or extended, and the opposite.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { type CanFrame, MAX_EXTENDED_ID } from "./frame.ts";

/** One filter: a frame passes where `(frame.id & mask) === (id & mask)`. */
export interface CanFilter {
  /** Identifier. */
  readonly id: number;
  /** Bits of it that count. */
  readonly mask: number;
  /** Only 29-bit (true) or 11-bit (false) identifiers; absent: both. */
  readonly extended?: boolean | undefined;
  /** The opposite passes. */
  readonly inverted?: boolean | undefined;
}

/** Most filters of one client; SocketCAN's own limit (CAN_RAW_FILTER_MAX). */
export const MAX_FILTERS = 512;

/** Whether any of the filters lets the frame pass; no filter lets all pass. Error frames always pass. */
export function passes(frame: CanFrame, filters: readonly CanFilter[]): boolean {
  if (filters.length === 0 || frame.kind === "error") return true;
  for (const { id, mask, extended, inverted } of filters) {
    const fits = (extended === undefined || extended === frame.extended) &&
      (frame.id & mask) === (id & mask);
    if (fits !== (inverted === true)) return true;
  }
  return false;
}

/**
 * Reads a filter as candump writes it: `ID:MASK` lets pass, `ID~MASK` the opposite, hexadecimal; an
 * identifier of 8 digits is extended, of fewer standard. Throws `UsageError`.
 */
export function parseFilter(text: string): CanFilter {
  const match = /^([0-9a-fA-F]{1,8})([:~])([0-9a-fA-F]{1,8})$/.exec(text);
  const id = parseInt(match?.[1] ?? "", 16);
  const mask = parseInt(match?.[3] ?? "", 16) & MAX_EXTENDED_ID;
  if (match === null || id > MAX_EXTENDED_ID) {
    throw new UsageError(`"${text}" is no CAN filter`, {
      hint: "write ID:MASK or ID~MASK in hexadecimal: 123:7FF, 00000100~1FFFFF00",
    });
  }
  return { id, mask, extended: match[1]!.length === 8, inverted: match[2] === "~" };
}
