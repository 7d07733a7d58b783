/**
 * The worker that holds the camera and its encoder. It only carries: {@link PipelineCore} does the
 * work.
 *
 * @module
 */
import type { FromWorker, ToWorker } from "./pipeline_messages.ts";
import { PipelineCore } from "./pipeline_core.ts";
import { PipelineCounters } from "./pipeline_counters.ts";
import { toRecord } from "./pipeline_errors.ts";

/** The part of a worker's global scope that is used. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
let core: PipelineCore | undefined;

scope.onmessage = ({ data: message }) => {
  switch (message.t) {
    case "init":
      core = makeCore(message);
      return;
    case "key":
      core?.requestKeyFrame();
      return;
    case "bitrate":
      core?.setBitrate(message.bitsPerSecond);
      return;
    case "call": {
      const { id, method } = message;
      core![method]().then(
        () => scope.postMessage({ t: "done", id }),
        (error) => scope.postMessage({ t: "failed", id, error: toRecord(error) }),
      );
    }
  }
};

// Reported here, since the runtime would print what it reports itself.
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  scope.postMessage({ t: "crash", error: toRecord(event.reason) });
});
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  scope.postMessage({ t: "crash", error: toRecord(event.error ?? event.message) });
});

function makeCore(init: Extract<ToWorker, { t: "init" }>): PipelineCore {
  const made = new PipelineCore(init.config, { counters: new PipelineCounters(init.counters) });
  // Encoders give arrays that own their whole buffer, so nothing else is transferred with it.
  made.onFrame = (frame) =>
    scope.postMessage({ t: "frame", frame }, [frame.data.buffer as ArrayBuffer]);
  made.onEvent = (event) => scope.postMessage({ t: "event", event });
  made.onChange = () =>
    scope.postMessage({ t: "change", description: made.description, device: made.device });
  return made;
}
