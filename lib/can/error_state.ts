/**
 * What a controller's error report says of its state (linux/can/error.h).
 *
 * @module
 */
import type { BusState, ControllerState } from "./bus.ts";
import type { CanFrame } from "./frame.ts";

const ERR_CRTL = 0x004;
const ERR_BUSOFF = 0x040;
const ERR_RESTARTED = 0x100;
const ERR_CNT = 0x200;
/** Bits of `data[1]` where ERR_CRTL is set. */
const WARNING = 0x04 | 0x08;
const PASSIVE = 0x10 | 0x20;
const ACTIVE = 0x40;

/** The state after an error report. */
export function stateAfterError(state: BusState, report: CanFrame): BusState {
  const { id: classes, data } = report;
  let { controller, txErrors, rxErrors } = state;
  if ((classes & ERR_CRTL) !== 0) controller = controllerState(data[1] ?? 0) ?? controller;
  if ((classes & ERR_RESTARTED) !== 0) controller = "error-active";
  if ((classes & ERR_BUSOFF) !== 0) controller = "bus-off";
  if ((classes & ERR_CNT) !== 0) {
    txErrors = data[6] ?? txErrors;
    rxErrors = data[7] ?? rxErrors;
  }
  return { up: state.up, controller, txErrors, rxErrors };
}

function controllerState(bits: number): ControllerState | undefined {
  if ((bits & ACTIVE) !== 0) return "error-active";
  if ((bits & PASSIVE) !== 0) return "error-passive";
  if ((bits & WARNING) !== 0) return "error-warning";
  return undefined;
}
