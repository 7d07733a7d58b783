/**
 * What a controller (or, for what only looks, anybody) may ask of a served port by calls on `xoq/1`.
 *
 * | method | params | result |
 * | --- | --- | --- |
 * | `configure` | `format`: what changes; `after` | `format` |
 * | `setLines` | `dtr`, `rts`, `brk`; `at`; `after` | |
 * | `script` | `script`: name, text or steps; `after` | `steps`: when each was due and made |
 * | `drain` | `after` | |
 * | `flush` | `queue`; `after`: drops the output sent before | `sent`: position in the input |
 * | `lines` | | `lines` or nothing |
 * | `counters` | | `counters` or nothing |
 *
 * `after` is how many bytes the client had sent on its pipe; `at` is its clock in milliseconds: the
 * gap between two changes of lines is never shorter here than it was there.
 *
 * @module
 */
import * as v from "valibot";
import { UnsupportedError, UsageError } from "../errors.ts";
import { checkChanges } from "./format.ts";
import type { Holder } from "./holder.ts";
import type { PortKeeper } from "./keeper.ts";
import { checkLineScript, runLineScript, untilExactly } from "./line_script.ts";
import type { LineLevels } from "./port.ts";

/** A gap between changes of lines longer than this is nobody's protocol, in milliseconds. */
const MAX_GAP_MS = 2_000;

const position = v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0);
const level = v.exactOptional(v.boolean());
const SCHEMAS = {
  configure: v.object({ format: v.unknown(), after: position }),
  setLines: v.object({
    dtr: level,
    rts: level,
    brk: level,
    at: v.exactOptional(v.pipe(v.number(), v.finite())),
    after: position,
  }),
  script: v.object({ script: v.unknown(), after: position }),
  drain: v.object({ after: position }),
  flush: v.object({ queue: v.picklist(["input", "output", "both"]), after: position }),
} as const;

/** Methods that need no control. */
const LOOKING = new Set(["lines", "counters"]);

/** Whether a method only looks. */
export function onlyLooks(method: string): boolean {
  return LOOKING.has(method);
}

/** Answers a call that only looks. */
export async function look(method: string, keeper: PortKeeper): Promise<Record<string, unknown>> {
  if (method === "lines") {
    const lines = await keeper.present().lines();
    return lines === undefined ? {} : { lines };
  }
  const counters = await keeper.present().counters();
  return counters === undefined ? {} : { counters };
}

/** Carries a controller's call out, in its turn. Throws `XoqError` for a refusal. */
export function control(
  method: string,
  params: Record<string, unknown>,
  holder: Holder,
  keeper: PortKeeper,
): Promise<Record<string, unknown>> {
  const { signal } = holder.lease;
  switch (method) {
    case "configure": {
      const { format, after } = check(SCHEMAS.configure, params);
      const changes = checkChanges(format);
      return holder.inTurn(async () => {
        await holder.reached(after);
        signal.throwIfAborted();
        return { format: await keeper.configure(changes, signal) };
      });
    }
    case "setLines": {
      const { after, at, ...levels } = check(SCHEMAS.setLines, params);
      return holder.inTurn(async () => {
        await holder.reached(after);
        await keepGap(holder, at, signal);
        signal.throwIfAborted();
        await setLines(keeper, levels);
        return {};
      });
    }
    case "script": {
      const { script, after } = check(SCHEMAS.script, params);
      const steps = checkLineScript(script);
      return holder.inTurn(async () => {
        await holder.reached(after);
        signal.throwIfAborted();
        const reports = await runLineScript(keeper.present(), steps, { signal });
        for (const step of steps) keeper.remember(step.levels);
        return { steps: reports };
      });
    }
    case "drain": {
      const { after } = check(SCHEMAS.drain, params);
      return holder.inTurn(async () => {
        await holder.reached(after);
        await keeper.present().drain({ signal });
        return {};
      });
    }
    case "flush": {
      const { queue, after } = check(SCHEMAS.flush, params);
      // Not in its turn: what waits for the port to take bytes is what a flush cuts short.
      if (queue !== "input") holder.discard(after);
      return Promise.resolve(queue === "output" ? {} : { sent: flushInput(holder, keeper) });
    }
    default:
      return Promise.reject(new UnsupportedError(`a serial port has no "${method}"`));
  }
}

/** Sets lines, and remembers them for when the port has been away. */
export async function setLines(keeper: PortKeeper, levels: LineLevels): Promise<void> {
  const pending = keeper.present().setLines(levels);
  if (pending !== undefined) await pending;
  keeper.remember(levels);
}

/** Drops everything received up to now; answers how far the client has to drop by itself. */
function flushInput(holder: Holder, keeper: PortKeeper): number {
  void keeper.port?.flush("input");
  holder.outlet.clear();
  return holder.outlet.sent;
}

/** Networks squeeze the time between two requests; a reset circuit needs all of it. */
async function keepGap(holder: Holder, at: number | undefined, signal: AbortSignal): Promise<void> {
  const last = holder.lastEdge;
  if (at === undefined) return;
  const gap = last === undefined ? 0 : at - last.there;
  if (last !== undefined && gap > 0 && gap <= MAX_GAP_MS) {
    await untilExactly(last.here + gap, signal);
  }
  holder.lastEdge = { here: performance.now(), there: at };
}

function check<S extends v.GenericSchema>(
  schema: S,
  params: Record<string, unknown>,
): v.InferOutput<S> {
  const result = v.safeParse(schema, params);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const where = issue.path?.map((part) => String(part.key)).join(".") ?? "params";
  throw new UsageError(`bad ${where}: ${issue.message}`);
}
