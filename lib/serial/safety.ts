/**
 * Makes a port safe when nobody is in control of it any more.
 *
 * @module
 */
import { SafeState, type SafeStateReason } from "../safe_state.ts";
import { runLineScript } from "./line_script.ts";
import type { SerialPort } from "./port.ts";
import type { SafeAction } from "./safe_action.ts";

/** What safety needs of the server. */
export interface SafetyHost {
  /** The port; `undefined` while it is unplugged. */
  port(): SerialPort | undefined;
  /** Cuts the present controller off: what it has under way is old by now. */
  cutOff(reason: string): void;
  /** The port is being made safe. */
  onSafe(reason: string): void;
  /** That failed. */
  onTrouble(error: unknown): void;
}

const WHY: Readonly<Record<SafeStateReason, string>> = {
  silent: "nothing was heard of the controller in time",
  gone: "the controller is gone",
};

/** See the module. */
export class PortSafety implements Disposable {
  /** Milliseconds of silence allowed a controller; `undefined` where nothing is done, or only at its end. */
  readonly deadlineMs: number | undefined;
  readonly #host: SafetyHost;
  readonly #actions: readonly SafeAction[];
  readonly #state: SafeState;
  /** It came to that while the port was unplugged. */
  #owed = false;

  /** Watches nobody yet. Without actions it never does anything. */
  constructor(
    host: SafetyHost,
    actions: readonly SafeAction[],
    deadlineMs: number | undefined,
  ) {
    this.#host = host;
    this.#actions = actions;
    this.deadlineMs = actions.length > 0 ? deadlineMs : undefined;
    this.#state = new SafeState({
      deadlineMs: this.deadlineMs,
      act: (reason) => void this.#act(WHY[reason]),
    });
  }

  /** Times the port was made safe. */
  get taken(): number {
    return this.#state.taken;
  }

  /** A controller begins. */
  begin(): void {
    if (this.#actions.length > 0) this.#state.begin();
  }

  /** It was heard. */
  heard(): void {
    this.#state.heard();
  }

  /** It is gone, and no other took its place. */
  end(): void {
    this.#state.end();
  }

  /** The port is back: what is owed to it is done. */
  back(): void {
    if (!this.#owed) return;
    this.#owed = false;
    void this.#act("the port came back after its controller was gone");
  }

  /** Watches nobody any more. */
  [Symbol.dispose](): void {
    this.#state[Symbol.dispose]();
  }

  async #act(reason: string): Promise<void> {
    this.#host.cutOff(reason);
    const port = this.#host.port();
    if (port === undefined) {
      this.#owed = true;
      return;
    }
    this.#host.onSafe(reason);
    try {
      for (const action of this.#actions) {
        if (action.type === "bytes") await port.write(action.bytes);
        else await runLineScript(port, action.steps);
      }
    } catch (error) {
      this.#host.onTrouble(error);
    }
  }
}
