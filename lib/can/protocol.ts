/**
 * Names and shapes that both sides of a CAN bus on the network share.
 *
 * @module
 */
import * as v from "valibot";
import { FILTERS_SCHEMA } from "./filter.ts";
import { FRAME_SCHEMA } from "./frame_json.ts";

/** XoQ's ALPN for CAN buses and serial ports. */
export const XOQ_PROTOCOL = "xoq/p2p/0";

/** Age beyond which a command is dropped where nobody said, in milliseconds. */
export const DEFAULT_STALE_MS = 100;

/** Parameters of a CAN pipe. */
export const PIPE_PARAMS_SCHEMA = v.object({
  /** Frames wanted; none: all. */
  filters: v.optional(FILTERS_SCHEMA, []),
  /** Report each command that was on the bus. */
  confirm: v.optional(v.boolean(), false),
});

const key = v.pipe(v.string(), v.minLength(1), v.maxLength(64));

/** Calls on a bus by method, each with the shape of its parameters. */
export const CALL_SCHEMAS = {
  /** Changes the filters of a pipe. */
  filter: v.object({ pipe: v.number(), filters: FILTERS_SCHEMA }),
  /** Starts or replaces a cyclic frame. */
  cycle: v.object({
    key,
    frame: FRAME_SCHEMA,
    everyMicros: v.number(),
    count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  }),
  /** Changes the frame of a cycle; `once`: its next time only. */
  change: v.object({ key, frame: FRAME_SCHEMA, once: v.optional(v.boolean(), false) }),
  /** Ends a cycle. */
  stop: v.object({ key }),
  /** Lists the cycles. */
  cycles: v.object({}),
  /** Takes the controller out of bus-off. */
  restart: v.object({}),
  /** State, bit rates and counters of the bus. */
  bus: v.object({}),
} as const;

/** Names of the calls. */
export type CallMethod = keyof typeof CALL_SCHEMAS;
