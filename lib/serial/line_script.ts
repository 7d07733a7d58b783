/**
 * Timed changes of DTR, RTS and break, run at the port itself: what a reset needs is exact time
 * between edges, and a network has none to give.
 *
 * Written `dtr=0,rts=1,100ms,dtr=1,rts=0,50ms,dtr=0`: changes between two pauses happen together, in
 * one request to the driver; 1 is asserted (which, on the usual converters, pulls the pin low).
 *
 * @module
 */
import * as v from "valibot";
import { runAhead } from "../../ffi/termios_timing.ts";
import { UsageError } from "../errors.ts";
import { pause } from "./pause.ts";
import type { LineLevels, SerialPort } from "./port.ts";

/** One change, and how long it is held before the next. */
export interface LineStep {
  /** Lines to set together. */
  levels: LineLevels;
  /** Milliseconds until the next step. */
  holdMs: number;
}

/** When a step was due and when it happened, in milliseconds from the script's start. */
export interface StepReport {
  /** Due. */
  dueMs: number;
  /** Directly before the request to the driver. */
  fromMs: number;
  /** Directly after it. */
  toMs: number;
}

/** Most steps of a script. */
export const MAX_STEPS = 64;
/** Longest script, in milliseconds. */
export const MAX_SCRIPT_MS = 10_000;
/** Timers are late by about this much, in milliseconds: the rest of a wait is spent awake. */
const AWAKE_MS = 2.5;

/** Scripts with names, and what each is for. */
export const LINE_SCRIPTS: Readonly<Record<string, { script: string; does: string }>> = {
  esp32: {
    script: "dtr=0,rts=0,1ms,dtr=1,rts=1,1ms,dtr=0,rts=1,100ms,dtr=1,rts=0,50ms,dtr=0,rts=0",
    does: "ESP chips with the two-transistor circuit (EN by RTS, IO0 by DTR): into the boot loader",
  },
  "esp32-run": {
    script: "dtr=0,rts=1,100ms,rts=0",
    does: "the same circuit: restart the program",
  },
  arduino: {
    script: "dtr=0,rts=0,250ms,dtr=1,rts=1,50ms",
    does: "AVR boards that reset on a falling DTR: into the boot loader, for about a second",
  },
  stm32: {
    script: "rts=1,dtr=1,100ms,dtr=0,200ms",
    does: "NRST by DTR, BOOT0 by RTS through an inverter: into the boot loader",
  },
  "stm32-run": {
    script: "rts=0,dtr=1,100ms,dtr=0",
    does: "the same wiring: restart the program",
  },
};

/** The script of that name, or written out. Throws `UsageError`. */
export function parseLineScript(text: string): LineStep[] {
  const named = LINE_SCRIPTS[text];
  const steps: LineStep[] = [];
  let open: LineStep | undefined;
  for (const word of (named?.script ?? text).split(",").map((word) => word.trim())) {
    const pause = /^(\d+(?:\.\d+)?)ms$/.exec(word);
    const level = /^(dtr|rts|brk)=([01])$/.exec(word);
    if (level !== null) {
      if (open === undefined) steps.push(open = { levels: {}, holdMs: 0 });
      open.levels[level[1] as keyof LineLevels] = level[2] === "1";
    } else if (pause !== null) {
      if (steps.length === 0) steps.push({ levels: {}, holdMs: 0 });
      steps.at(-1)!.holdMs += Number(pause[1]);
      open = undefined;
    } else {
      throw new UsageError(`"${text}" is no line script: "${word}" is neither change nor pause`, {
        hint: `write like dtr=0,rts=1,100ms,rts=0, or one of ${
          Object.keys(LINE_SCRIPTS).join(", ")
        }`,
      });
    }
  }
  return checkLimits(steps);
}

const stepsSchema = v.pipe(
  v.array(v.object({
    levels: v.object({
      dtr: v.exactOptional(v.boolean()),
      rts: v.exactOptional(v.boolean()),
      brk: v.exactOptional(v.boolean()),
    }),
    holdMs: v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_SCRIPT_MS)),
  })),
  v.maxLength(MAX_STEPS),
);

/** Checks a script that came over the network: a name, a text, or steps. Throws `UsageError`. */
export function checkLineScript(value: unknown): LineStep[] {
  if (typeof value === "string") return parseLineScript(value);
  const result = v.safeParse(stepsSchema, value);
  if (!result.success) throw new UsageError(`bad line script: ${result.issues[0].message}`);
  return checkLimits(result.output);
}

function checkLimits(steps: LineStep[]): LineStep[] {
  const total = steps.reduce((sum, step) => sum + step.holdMs, 0);
  if (steps.length > MAX_STEPS || total > MAX_SCRIPT_MS) {
    throw new UsageError(
      `a line script has at most ${MAX_STEPS} steps and takes at most ${MAX_SCRIPT_MS} ms`,
    );
  }
  return steps;
}

/**
 * Runs a script. Each step is due by the clock, not by the step before, so that lateness doesn't add
 * up. Rejects with the signal's reason between steps.
 */
export async function runLineScript(
  port: SerialPort,
  steps: readonly LineStep[],
  options: { signal?: AbortSignal } = {},
): Promise<StepReport[]> {
  using _ahead = runAhead();
  // Once around for what is slow the first time: code that was never run, timers.
  await untilExactly(performance.now() + AWAKE_MS + 1, options.signal);
  const reports: StepReport[] = [];
  const start = performance.now();
  let dueMs = 0;
  for (const { levels, holdMs } of steps) {
    await untilExactly(start + dueMs, options.signal);
    const fromMs = performance.now() - start;
    const pending = port.setLines(levels);
    if (pending !== undefined) await pending;
    reports.push({ dueMs, fromMs, toMs: performance.now() - start });
    dueMs += holdMs;
  }
  await untilExactly(start + dueMs, options.signal);
  return reports;
}

/** Waits for an instant of `performance.now()`, the last moments of it awake. */
export async function untilExactly(instant: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const asleep = instant - AWAKE_MS - performance.now();
  if (asleep > 0) {
    await pause(asleep, signal);
    signal?.throwIfAborted();
  }
  while (performance.now() < instant);
}
