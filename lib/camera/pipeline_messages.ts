/**
 * What main thread and pipeline worker say to each other. Frames travel as they are, their bytes
 * transferred; counters lie in shared memory and send nothing.
 *
 * @module
 */
import type { EncodedFrame, StreamDescription } from "../media/frame.ts";
import type { PipelineConfig, PipelineEvent } from "./pipeline.ts";
import type { ErrorRecord } from "./pipeline_errors.ts";

/** Calls that are answered. */
export type PipelineCall = "prepare" | "start" | "stop" | "close";

/** To the worker. */
export type ToWorker =
  | { t: "init"; config: PipelineConfig; counters: SharedArrayBuffer }
  | { t: "call"; id: number; method: PipelineCall }
  | { t: "key" }
  | { t: "bitrate"; bitsPerSecond: number };

/** From the worker. */
export type FromWorker =
  | { t: "frame"; frame: EncodedFrame }
  | { t: "event"; event: PipelineEvent }
  | {
    t: "change";
    description: StreamDescription;
    device: { id: string; path: string; label: string };
  }
  | { t: "done"; id: number }
  | { t: "failed"; id: number; error: ErrorRecord }
  /** The worker can't go on. */
  | { t: "crash"; error: ErrorRecord };
