/**
 * Requests that wait for a track's publisher.
 *
 * @module
 */
import type { RequestError } from "../../moqt/errors.ts";
import { RequestError as Refusal } from "../../moqt/errors.ts";

interface Waiter {
  readonly patient: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/** Those who wait. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /**
   * Waits until a publisher agrees. Who has no `rendezvousMs` fails as soon as there is none; others
   * after that time (RENDEZVOUS_TIMEOUT: draft-18, section 10.2.4).
   */
  wait({ signal, rendezvousMs }: { signal: AbortSignal; rendezvousMs: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (work: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#waiting.delete(waiter);
        work();
      };
      const abort = () => settle(() => reject(signal.reason));
      const waiter: Waiter = {
        patient: rendezvousMs > 0,
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      const timer = rendezvousMs > 0
        ? setTimeout(
          () => waiter.reject(new Refusal("timeout", "no publisher came in time")),
          rendezvousMs,
        )
        : undefined;
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", abort);
      this.#waiting.add(waiter);
    });
  }

  /** A publisher agreed. */
  succeed(): void {
    for (const waiter of [...this.#waiting]) waiter.resolve();
  }

  /** There is no publisher, or none agreed. */
  fail(error: RequestError): void {
    for (const waiter of [...this.#waiting]) if (!waiter.patient) waiter.reject(error);
  }
}
