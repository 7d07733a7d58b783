/**
 * Raises a level tick by tick, and hears what its subscribers say to it.
 *
 * @module
 */
import type { Ramp, Verdict } from "./adaptive.ts";
import type { Audience } from "./audience.ts";
import { sleep } from "./pace.ts";
import { WallClock } from "./stamp.ts";
import type { Summary } from "./stats.ts";

/** What a level does. */
export interface Climber {
  /** Time between two judgements, in milliseconds. */
  tickMs: number;
  /** Sets the level; undefined: it is the number of subscribers. */
  apply?: (level: number) => Promise<void> | void;
  /** Where the level is a number of subscribers: what each is sent, in megabits a second. */
  subMbps?: number;
}

/** A tick as it is told. */
export interface Tick extends Summary {
  /** The level there was. */
  level: number;
  /** How much of it was there: megabits a second, or subscribers that got all of theirs. */
  delivered: number;
  /** What that says. */
  verdict: Verdict;
}

/** Climbs until the search is over or `signal` aborts; `onTick` is told of each tick. */
export async function climb(
  ramp: Ramp,
  audience: Audience,
  climber: Climber,
  signal: AbortSignal,
  onTick: (tick: Tick) => void,
): Promise<void> {
  const { tickMs, apply, subMbps } = climber;
  const clock = new WallClock();
  while (!ramp.over && !signal.aborted) {
    const { level } = ramp;
    await apply?.(level);
    audience.takeInterval(clock.now());
    await sleep(tickMs, signal);
    if (signal.aborted) return;
    const interval = audience.takeInterval(clock.now());
    const delivered = subMbps === undefined
      ? interval.mbps
      : Math.min(audience.active, audience.size, Math.round(10 * interval.mbps / subMbps) / 10);
    const verdict = ramp.judge({ ...interval, delivered });
    onTick({ ...interval, level, delivered, verdict });
  }
}

/** Makes an audience as large as it is told, one after the other; who was lost is replaced. */
export function growingAudience(
  audience: Audience,
  join: () => Promise<void>,
  { staggerMs, signal, onFailure }: {
    /** Time between two, in milliseconds; 0: all at once. */
    staggerMs: number;
    /** Ends it. */
    signal: AbortSignal;
    /** Somebody could not join. */
    onFailure: (error: unknown) => void;
  },
): (level: number) => Promise<void> {
  return async (level) => {
    await audience.leave(audience.size - level);
    const joining: Promise<void>[] = [];
    for (let more = level - audience.size; more > 0 && !signal.aborted; more--) {
      const joined = join().catch((error) => {
        if (!signal.aborted) onFailure(error);
      });
      joining.push(joined);
      if (staggerMs > 0 && more > 1) await sleep(staggerMs, signal);
    }
    await Promise.all(joining);
  };
}
