/**
 * Calls on a served bus (`lib/can/protocol.ts`).
 *
 * @module
 */
import * as v from "valibot";
import { NotFoundError, UnsupportedError, UsageError } from "../errors.ts";
import type { OpenCanBus } from "./bus.ts";
import type { Cycles } from "./cycles.ts";
import { frameFromJson, frameToJson } from "./frame_json.ts";
import { CALL_SCHEMAS, type CallMethod } from "./protocol.ts";
import type { CanSession } from "./session.ts";

/** What calls work on. */
export interface CallTarget {
  /** Throws where the caller does not control the bus. */
  requireControl: () => void;
  /** The caller's pipe of this number. */
  session: (pipe: number) => CanSession | undefined;
  /** The controller's cycles. */
  cycles: Cycles;
  /** The bus, while it is there. */
  bus: () => OpenCanBus | undefined;
  /** All there is to say about it. */
  describe: () => Record<string, unknown>;
}

/** Answers a call. Throws `XoqError`. */
// deno-lint-ignore require-await
export async function callBus(
  method: string,
  params: Record<string, unknown>,
  target: CallTarget,
): Promise<Record<string, unknown>> {
  if (!Object.hasOwn(CALL_SCHEMAS, method)) {
    throw new UnsupportedError(`a CAN bus has no call "${method}"`);
  }
  const { cycles } = target;
  switch (method as CallMethod) {
    case "filter": {
      const { pipe, filters } = check("filter", params);
      const session = target.session(pipe);
      if (session === undefined) throw new NotFoundError(`no pipe ${pipe}`);
      session.filters = filters;
      return {};
    }
    case "cycle": {
      const { key, frame, everyMicros, count } = check("cycle", params);
      target.requireControl();
      cycles.set({ key, frame: frameFromJson(frame), everyMicros, count });
      return {};
    }
    case "change": {
      const { key, frame, once } = check("change", params);
      target.requireControl();
      cycles.change(key, frameFromJson(frame), { once });
      return {};
    }
    case "stop":
      target.requireControl();
      cycles.stop(check("stop", params).key);
      return {};
    case "cycles":
      return {
        cycles: cycles.list().map((each) => ({ ...each, frame: frameToJson(each.frame) })),
      };
    case "restart": {
      target.requireControl();
      const bus = target.bus();
      if (bus === undefined) throw new NotFoundError("the bus is gone");
      bus.restart();
      return {};
    }
    case "bus":
      return target.describe();
  }
}

function check<M extends CallMethod>(
  method: M,
  params: Record<string, unknown>,
): v.InferOutput<(typeof CALL_SCHEMAS)[M]> {
  const result = v.safeParse(CALL_SCHEMAS[method], params);
  if (result.success) return result.output as v.InferOutput<(typeof CALL_SCHEMAS)[M]>;
  const [issue] = result.issues;
  const where = issue.path?.map((each) => String(each.key)).join(".") ?? "";
  throw new UsageError(`call "${method}": ${where}: ${issue.message}`);
}
