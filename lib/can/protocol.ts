/**
 * Names and shapes that both sides of a CAN bus on the network share (docs/xoq-1.md).
 *
 * @module
 */
import * as v from "valibot";
import { UnsupportedError, UsageError } from "../errors.ts";
import { type CanFilter, MAX_FILTERS } from "./filter.ts";
import { MAX_EXTENDED_ID } from "./frame.ts";
import type { FrameJson } from "./frame_json.ts";

/** XoQ's ALPN for CAN buses and serial ports. */
export const XOQ_PROTOCOL = "xoq/p2p/0";

/** Age beyond which a command is dropped where nobody said, in milliseconds. */
export const DEFAULT_STALE_MS = 100;

const identifier = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_EXTENDED_ID));

const filters: v.GenericSchema<CanFilter[]> = v.pipe(
  v.array(v.object({
    id: identifier,
    mask: identifier,
    extended: v.optional(v.boolean()),
    inverted: v.optional(v.boolean()),
  })),
  v.maxLength(MAX_FILTERS),
);

const frame: v.GenericSchema<FrameJson> = v.object({
  id: identifier,
  extended: v.optional(v.boolean()),
  data: v.optional(v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/i), v.maxLength(128))),
  fd: v.optional(v.boolean()),
  brs: v.optional(v.boolean()),
  remote: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8))),
});

/** Parameters of a CAN pipe. */
export interface PipeParams {
  /** Frames wanted; none: all. */
  filters: CanFilter[];
  /** Report each command that was on the bus. */
  confirm: boolean;
}

const pipeParams: v.GenericSchema<unknown, PipeParams> = v.object({
  filters: v.optional(filters, []),
  confirm: v.optional(v.boolean(), false),
});

/** Reads a pipe's parameters; what is not known is ignored. Throws `UsageError`. */
export function parsePipeParams(params: Readonly<Record<string, unknown>>): PipeParams {
  return parse("CAN pipe", pipeParams, params);
}

/** A call on a bus. */
export type CanCall =
  /** Changes the filters of a pipe. */
  | { method: "filter"; pipe: number; filters: CanFilter[] }
  /** Starts or replaces a cyclic frame. */
  | {
    method: "cycle";
    key: string;
    frame: FrameJson;
    everyMicros: number;
    count?: number | undefined;
  }
  /** Changes the frame of a cycle; `once`: its next time only. */
  | { method: "change"; key: string; frame: FrameJson; once?: boolean | undefined }
  /** Ends a cycle. */
  | { method: "stop"; key: string }
  /** Lists the cycles; takes the controller out of bus-off; tells state, bit rates and counters. */
  | { method: "cycles" | "restart" | "bus" };

const key = v.pipe(v.string(), v.minLength(1), v.maxLength(64));

const calls: Readonly<Record<CanCall["method"], v.GenericSchema<unknown, object>>> = {
  filter: v.object({ pipe: v.number(), filters }),
  cycle: v.object({
    key,
    frame,
    everyMicros: v.number(),
    count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  }),
  change: v.object({ key, frame, once: v.optional(v.boolean()) }),
  stop: v.object({ key }),
  cycles: v.object({}),
  restart: v.object({}),
  bus: v.object({}),
};

/** Reads a call. Throws `UnsupportedError` for an unknown method, `UsageError` for its parameters. */
export function parseCall(method: string, params: Record<string, unknown>): CanCall {
  if (!Object.hasOwn(calls, method)) {
    throw new UnsupportedError(`a CAN bus has no call "${method}"`);
  }
  const known = method as CanCall["method"];
  return { ...parse(`call "${method}"`, calls[known], params), method: known } as CanCall;
}

function parse<T>(what: string, schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = issue.path?.map((each) => String(each.key)).join(".") ?? "";
  throw new UsageError(`${what}: ${where === "" ? "" : `${where}: `}${issue.message}`);
}
