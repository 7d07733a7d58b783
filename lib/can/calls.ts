/**
 * Calls on a served bus (`lib/can/protocol.ts`).
 *
 * @module
 */
import { NotFoundError } from "../errors.ts";
import type { OpenCanBus } from "./bus.ts";
import type { Cycles } from "./cycles.ts";
import { frameFromJson, frameToJson } from "./frame_json.ts";
import { parseCall } from "./protocol.ts";
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
  const call = parseCall(method, params);
  const { cycles } = target;
  switch (call.method) {
    case "filter": {
      const session = target.session(call.pipe);
      if (session === undefined) throw new NotFoundError(`no pipe ${call.pipe}`);
      session.filters = call.filters;
      return {};
    }
    case "cycle": {
      const { key, frame, everyMicros, count } = call;
      target.requireControl();
      cycles.set({ key, frame: frameFromJson(frame), everyMicros, count });
      return {};
    }
    case "change":
      target.requireControl();
      cycles.change(call.key, frameFromJson(call.frame), { once: call.once === true });
      return {};
    case "stop":
      target.requireControl();
      cycles.stop(call.key);
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
