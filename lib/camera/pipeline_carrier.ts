/**
 * The pipeline as the main thread holds it: a worker does the work, encoded pictures arrive with
 * their bytes transferred, not copied.
 *
 * @module
 */
import { XoqError } from "../errors.ts";
import type { EncodedFrame, StreamDescription } from "../media/frame.ts";
import type { Pipeline, PipelineConfig, PipelineEvent, PipelineStats } from "./pipeline.ts";
import { PipelineCounters } from "./pipeline_counters.ts";
import { fromRecord } from "./pipeline_errors.ts";
import type { FromWorker, PipelineCall, ToWorker } from "./pipeline_messages.ts";

/** How long the worker may take to close device and encoder before it is ended as it is, ms. */
const CLOSE_TIMEOUT_MS = 1500;

/**
 * Makes a pipeline in a worker of its own, which starts to load at once.
 * @param options.worker another worker's module, for tests.
 */
export function createPipeline(config: PipelineConfig, options: { worker?: URL } = {}): Pipeline {
  return new WorkerPipeline(
    config,
    options.worker ?? new URL("./pipeline_worker.ts", import.meta.url),
  );
}

class WorkerPipeline implements Pipeline {
  onFrame: ((frame: EncodedFrame) => void) | undefined;
  onEvent: ((event: PipelineEvent) => void) | undefined;
  description: StreamDescription;
  device: { id: string; path: string; label: string };
  readonly #counters = new PipelineCounters();
  readonly #calls = new Map<number, PromiseWithResolvers<void>>();
  readonly #worker: Worker;
  #nextId = 0;
  #closing: Promise<void> | undefined;
  /** Why the worker is no more. */
  #ended: Error | undefined;

  constructor(config: PipelineConfig, worker: URL) {
    this.description = {
      codec: config.codec === "auto" ? "h264" : config.codec,
      width: config.width ?? 0,
      height: config.height ?? 0,
      fps: config.fps,
      encoder: "",
    };
    this.device = { id: config.camera, path: "", label: config.camera };
    this.#worker = new Worker(worker.href, {
      type: "module",
      name: `camera ${config.camera}`,
    });
    this.#worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#crash(event.message);
    };
    this.#worker.onmessageerror = () => this.#crash("a message could not be read");
    this.#post({ t: "init", config, counters: this.#counters.buffer });
  }

  prepare(): Promise<void> {
    return this.#call("prepare");
  }

  start(): Promise<void> {
    return this.#call("start");
  }

  stop(): Promise<void> {
    return this.#call("stop");
  }

  requestKeyFrame(): void {
    this.#post({ t: "key" });
  }

  setBitrate(bitsPerSecond: number): void {
    if (!(bitsPerSecond > 0)) throw new RangeError("a bit rate is a positive number of bits/s");
    this.#post({ t: "bitrate", bitsPerSecond });
  }

  stats(): PipelineStats {
    return this.#counters.read();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    try {
      await Promise.race([this.#call("close"), late]);
    } catch {
      // A worker that crashed meanwhile has nothing left to close.
    }
    clearTimeout(timer);
    this.#end(new DOMException("the pipeline is closed", "AbortError"));
  }

  #call(method: PipelineCall): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const call = Promise.withResolvers<void>();
    this.#calls.set(id, call);
    this.#post({ t: "call", id, method });
    return call.promise;
  }

  #post(message: ToWorker): void {
    if (this.#ended === undefined) this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.t) {
      case "frame":
        if (this.#closing === undefined) this.onFrame?.(message.frame);
        return;
      case "event":
        this.onEvent?.(message.event);
        return;
      case "change":
        this.description = message.description;
        this.device = message.device;
        return;
      case "done":
        this.#settle(message.id)?.resolve();
        return;
      case "failed":
        this.#settle(message.id)?.reject(fromRecord(message.error));
        return;
      case "crash":
        this.#crash(message.error.message);
    }
  }

  #settle(id: number): PromiseWithResolvers<void> | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  /** Ends everything because the worker failed. */
  #crash(reason: string): void {
    if (this.#ended !== undefined) return;
    const error = new XoqError("failed", `the camera's worker failed: ${reason}`);
    this.#end(error);
    this.onEvent?.({ type: "error", code: error.code, message: error.message });
  }

  #end(reason: Error): void {
    this.#ended = reason;
    this.#worker.terminate();
    for (const call of this.#calls.values()) call.reject(reason);
    this.#calls.clear();
  }
}
