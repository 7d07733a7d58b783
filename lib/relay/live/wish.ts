/**
 * What a track's subscribers together want of its publishers.
 *
 * @module
 */
import type { Parameters } from "../../moqt/wire/parameters.ts";

const DEFAULT_PRIORITY = 128;

/** Who is sent a track. */
export interface Wisher {
  /** What it asks for. */
  readonly publication: { readonly parameters: Parameters };
  /** Whether it wants to be sent objects. */
  readonly forwards: boolean;
}

/**
 * The priority to ask publishers for: the highest of those who want objects. Group orders and delivery
 * timeouts are each subscriber's own: draft-18, sections 7.3 and 10.2.2.
 */
export function priorityFor(asking: Iterable<Parameters>, wishers: Iterable<Wisher>): number {
  let best = 255;
  let some = false;
  const wants = ({ priority = DEFAULT_PRIORITY }: Parameters) => {
    best = Math.min(best, priority);
    some = true;
  };
  for (const parameters of asking) wants(parameters);
  for (const { publication, forwards } of wishers) if (forwards) wants(publication.parameters);
  return some ? best : DEFAULT_PRIORITY;
}

/** Requests for new groups: draft-18, section 10.2.13. */
export class GroupRequests {
  #outstanding: { value: number; largest: number | undefined } | undefined;

  /** Whether one is to be passed on, where `largest` is the largest group that is known. */
  isNews(value: number, largest: number | undefined): boolean {
    if (value !== 0 && largest !== undefined && value <= largest) return false;
    const before = this.#outstanding;
    if (before !== undefined && before.largest === largest && before.value >= value) return false;
    this.#outstanding = { value, largest };
    return true;
  }

  /** The publisher that was asked for one told the largest group it has. */
  located(largest: number | undefined): void {
    if (this.#outstanding !== undefined) this.#outstanding.largest = largest;
  }
}
