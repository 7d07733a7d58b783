/**
 * Ctrl-C, SIGTERM and SIGHUP as one AbortSignal. Commands get two seconds to clean up; a second
 * Ctrl-C doesn't wait.
 *
 * @module
 */
import { EXIT_CODES, XoqError } from "../errors.ts";

/** Time a command has for closing devices and connections, milliseconds. */
export const CLEAN_UP_MS = 2_000;

/** What is being listened for. */
export interface SignalWatch extends Disposable {
  /** Aborts at the first SIGINT or SIGTERM (the reason is an `XoqError` with code `interrupted`), or at {@link stop}. */
  readonly signal: AbortSignal;
  /** Whether a signal came. */
  readonly interrupted: boolean;
  /** Ends the command without an interruption: stdout's reader is gone. */
  stop(reason: unknown): void;
  /** Calls back at SIGHUP (not on Windows). Returns the unsubscriber. */
  onReload(listener: () => void): () => void;
}

/**
 * Listens until disposed.
 * @param exit ends the process; replaced in tests.
 */
export function watchSignals(exit: (code: number) => void = Deno.exit): SignalWatch {
  const controller = new AbortController();
  const reloads = new Set<() => void>();
  let interrupted = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = () => {
    timer ??= setTimeout(() => exit(EXIT_CODES.interrupted), CLEAN_UP_MS);
    Deno.unrefTimer(timer);
  };
  const interrupt = () => {
    if (interrupted) return exit(EXIT_CODES.interrupted);
    interrupted = true;
    limit();
    controller.abort(new XoqError("interrupted", "interrupted"));
  };
  const reload = () => {
    for (const listener of reloads) listener();
  };
  const heard: [Deno.Signal, () => void][] = [["SIGINT", interrupt]];
  if (Deno.build.os !== "windows") heard.push(["SIGTERM", interrupt]);
  else heard.push(["SIGBREAK", interrupt]);
  for (const [name, listener] of heard) Deno.addSignalListener(name, listener);
  return {
    signal: controller.signal,
    get interrupted() {
      return interrupted;
    },
    stop: (reason) => controller.abort(reason),
    onReload: (listener) => {
      // Without a listener SIGHUP ends the process, as a closed terminal should.
      if (reloads.size === 0 && Deno.build.os !== "windows") {
        Deno.addSignalListener("SIGHUP", reload);
      }
      reloads.add(listener);
      return () => {
        if (reloads.delete(listener) && reloads.size === 0 && Deno.build.os !== "windows") {
          Deno.removeSignalListener("SIGHUP", reload);
        }
      };
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      for (const [name, listener] of heard) Deno.removeSignalListener(name, listener);
      if (reloads.size > 0 && Deno.build.os !== "windows") {
        Deno.removeSignalListener("SIGHUP", reload);
      }
      reloads.clear();
    },
  };
}
