/**
 * What a CAN bus on this machine is, whatever drives it: SocketCAN, or a bus inside this process.
 *
 * Contract, checked by `tests/compliance/can_bus.ts` against every implementation:
 * - Frames of other nodes are handed to `onReceive` in the order they were on the bus, in batches,
 *   each with its time. Frames sent here are not among them.
 * - `send()` takes frames in order and at once, as many as there is room for, and says how many;
 *   after a short count `onRoom` is called when it is worth trying again. Each frame taken comes
 *   back through `onSent` once it was on the bus, in the order of sending; frames taken that never
 *   were (the bus went down) come back through `onUnsent`.
 * - A bus that is down or off is still open: `onState` says so, `send()` takes nothing (0), and what
 *   was under way is unsent. A bus that is gone (unplugged, deleted) ends it: `onGone`, with a
 *   `LostError`, once, and nothing after it.
 * - Callbacks run synchronously, never inside `send()`, and must not throw. After `close()` none is
 *   called.
 *
 * @module
 */
import type { LostError } from "../errors.ts";
import type { CanFilter } from "./filter.ts";
import type { CanFrame } from "./frame.ts";

/** State of a CAN controller (`enum can_state` of linux/can/netlink.h). */
export type ControllerState =
  | "error-active"
  | "error-warning"
  | "error-passive"
  | "bus-off"
  | "stopped"
  | "sleeping";

/** How a bus is. */
export interface BusState {
  /** The interface is up. */
  up: boolean;
  /** What the controller says; `undefined` where there is none (vcan, test). */
  controller: ControllerState | undefined;
  /** Transmit error counter; 0 where unknown. */
  txErrors: number;
  /** Receive error counter; 0 where unknown. */
  rxErrors: number;
}

/** Bit rates of a bus. */
export interface BitRates {
  /** Bits per second in the arbitration phase. */
  bitrate?: number;
  /** Sample point of it, 0 to 1. */
  samplePoint?: number;
  /** Bits per second in the data phase of FD frames with BRS. */
  dataBitrate?: number;
  /** Sample point of it, 0 to 1. */
  dataSamplePoint?: number;
}

/** A bus that could be opened. */
export interface CanBusInfo {
  /** Stable name: the interface's, `test` for the one in this process. */
  id: string;
  /** Name for people. */
  label: string;
  /** `can`, `vcan`, `vxcan`, `slcan`, …; `test`. */
  type: string;
  /** Driver, where there is one. */
  driver: string | undefined;
  /** It takes FD frames as it is now. */
  fd: boolean;
  /** State now. */
  state: BusState;
  /** Bit rates now; `undefined` where the bus has none. */
  rates: BitRates | undefined;
}

/** What is wished of a bus. */
export interface CanBusWish {
  /** FD frames too. Default false. */
  fd?: boolean;
  /** Bit rates to set, and the interface brought up with them. */
  rates?: BitRates;
  /** Milliseconds after which the controller restarts from bus-off by itself; 0 never. */
  restartMs?: number;
  /** Bytes of the kernel's receive buffer. */
  receiveBuffer?: number;
  /** Frames wanted, filtered where the bus is read; none: all. */
  filters?: readonly CanFilter[];
}

/** Counters of an open bus since it was opened. */
export interface CanBusStats {
  /** Frames of other nodes. */
  received: number;
  /** Frames sent and confirmed. */
  sent: number;
  /** Frames taken that never were on the bus. */
  unsent: number;
  /** Frames of other nodes that were lost before they could be read (the kernel's buffer was full). */
  missed: number;
  /** Error frames. */
  errors: number;
  /** Times the controller went bus-off. */
  busOff: number;
}

/** An open bus. */
export interface OpenCanBus extends AsyncDisposable {
  /** What was opened; kept up to date. */
  readonly info: CanBusInfo;
  /** FD frames go here. */
  readonly fd: boolean;
  /** State now. */
  readonly state: BusState;
  /** Frames of other nodes, in the order they were on the bus. */
  onReceive: ((frames: CanFrame[]) => void) | undefined;
  /** A frame sent here was on the bus at this time (µs since the epoch). */
  onSent: ((frame: CanFrame, time: number) => void) | undefined;
  /** A frame that was taken will not be on the bus. */
  onUnsent: ((frame: CanFrame) => void) | undefined;
  /** There may be room again. */
  onRoom: (() => void) | undefined;
  /** The state changed. */
  onState: ((state: BusState) => void) | undefined;
  /** The bus is gone. */
  onGone: ((reason: LostError) => void) | undefined;
  /** Takes frames in order; answers how many. Throws `RangeError` for a frame the bus can't carry. */
  send(frames: readonly CanFrame[]): number;
  /** Takes the controller out of bus-off. Throws `DeniedError`, `UnsupportedError`. */
  restart(): void;
  /** Counters now. */
  stats(): CanBusStats;
  /** Closes it. Idempotent. */
  close(): Promise<void>;
}

/** A way to reach buses. */
export interface CanBusDriver {
  /** `"socketcan"`, `"test"`. */
  readonly name: string;
  /** Buses here now. */
  list(): Promise<CanBusInfo[]>;
  /** Opens one. Throws `NotFoundError`, `DeniedError` (each with a hint), `UnsupportedError`, `UsageError`. */
  open(id: string, wish?: CanBusWish): Promise<OpenCanBus>;
  /** Waits until the bus is here. Rejects with the signal's reason. */
  reappears(id: string, options?: { signal?: AbortSignal }): Promise<void>;
}

/** State of a bus without a controller. */
export const PLAIN_STATE: Readonly<BusState> = {
  up: true,
  controller: undefined,
  txErrors: 0,
  rxErrors: 0,
};

/** Frames can be on the bus. */
export function isUsable(state: BusState): boolean {
  return state.up && state.controller !== "bus-off" && state.controller !== "stopped";
}
