/**
 * A remote bus and the local programs on it, as nodes of one bus: what one sends goes to the remote
 * bus and to the other local ones, what the remote bus has goes to all.
 *
 * @module
 */
import { nowMicros } from "../media/clock.ts";
import type { BusState } from "./bus.ts";
import { type CanFrame, withTime } from "./frame.ts";
import type { RemoteCanBus } from "./remote_bus.ts";

/** A local node. */
export interface HubNode extends Disposable {
  /** Sends frames. Throws `RangeError` for one that no bus carries. */
  send(frames: readonly CanFrame[]): void;
}

/** What a local node hears. */
export interface HubListener {
  /** Frames of others, in order. */
  onFrames?: (frames: readonly CanFrame[]) => void;
  /** The remote bus's state. */
  onState?: (state: BusState) => void;
}

/** See the module. */
export class BusHub {
  /** The remote bus. */
  readonly remote: RemoteCanBus;
  readonly #nodes = new Set<HubListener>();

  /** Takes the bus's frames and states over. */
  constructor(remote: RemoteCanBus) {
    this.remote = remote;
    remote.onReceive = (frames) => {
      for (const node of this.#nodes) node.onFrames?.(frames);
    };
    remote.onState = (state) => {
      for (const node of this.#nodes) node.onState?.(state);
    };
  }

  /** Adds a node. */
  join(listener: HubListener): HubNode {
    this.#nodes.add(listener);
    return {
      send: (frames) => {
        this.remote.send(frames);
        if (this.#nodes.size === 1) return;
        const time = nowMicros();
        const stamped = frames.map((frame) => withTime(frame, time));
        for (const node of this.#nodes) if (node !== listener) node.onFrames?.(stamped);
      },
      [Symbol.dispose]: () => {
        this.#nodes.delete(listener);
      },
    };
  }
}
