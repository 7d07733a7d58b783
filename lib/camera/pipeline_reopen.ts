/**
 * Taking a lost camera again: waits until the same one (by its stable id) is here, and opens it;
 * a node that just appeared may still lack its permissions, or be held by whoever probes it.
 *
 * @module
 */
import { BusyError, DeniedError, LostError, NotFoundError } from "../errors.ts";
import type { CameraDriver, CameraInfo, CameraWish, OpenCamera } from "./camera.ts";

/** Waits between attempts, ms; the last one repeats. */
const BACKOFF_MS = [50, 100, 250, 500, 1000, 2000];

/**
 * Waits for the camera and opens it. Rejects with the signal's reason, or with the error that
 * another attempt would not mend.
 */
export async function reopen(
  driver: CameraDriver,
  info: CameraInfo,
  wish: CameraWish,
  signal: AbortSignal,
): Promise<{ camera: OpenCamera; info: CameraInfo }> {
  for (let attempt = 0;; attempt++) {
    const found = await driver.reappears(info, { signal });
    try {
      const camera = await driver.open(found, wish);
      if (!signal.aborted) return { camera, info: found };
      await camera.close();
      signal.throwIfAborted();
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error;
    }
    await pause(BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)]!, signal);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof NotFoundError || error instanceof BusyError ||
    error instanceof DeniedError || error instanceof LostError;
}

/** Waits; rejects with the signal's reason. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
