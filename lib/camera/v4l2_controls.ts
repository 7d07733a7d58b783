/**
 * A V4L2 node's controls under the names that v4l2-ctl gives them.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { ERRNO } from "../../ffi/libc.ts";
import {
  type ControlDescription,
  getControl,
  queryControls,
  queryMenu,
  setControl,
} from "../../ffi/v4l2/controls.ts";
import type { V4l2Device } from "../../ffi/v4l2/device.ts";
import { CTRL } from "../../ffi/v4l2/layout.ts";
import { BusyError, UnsupportedError, UsageError } from "../errors.ts";
import type { CameraControl } from "./camera.ts";

const UNSETTABLE = CTRL.V4L2_CTRL_FLAG_INACTIVE | CTRL.V4L2_CTRL_FLAG_GRABBED |
  CTRL.V4L2_CTRL_FLAG_READ_ONLY;

/** `White Balance, Automatic` is `white_balance_automatic`. */
export function controlName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_|_$/g, "");
}

function kind(type: number): CameraControl["type"] {
  switch (type) {
    case CTRL.V4L2_CTRL_TYPE_BOOLEAN:
      return "boolean";
    case CTRL.V4L2_CTRL_TYPE_MENU:
    case CTRL.V4L2_CTRL_TYPE_INTEGER_MENU:
      return "menu";
    case CTRL.V4L2_CTRL_TYPE_BUTTON:
      return "button";
    default:
      return "integer";
  }
}

function describe(device: V4l2Device, control: ControlDescription): CameraControl {
  const type = kind(control.type);
  return {
    name: controlName(control.name),
    type,
    min: control.minimum,
    max: control.maximum,
    step: control.step,
    default: control.defaultValue,
    value: type === "button" ? 0 : getControl(device, control.id) ?? control.defaultValue,
    ...(type === "menu" ? { items: queryMenu(device, control) } : {}),
    inactive: (control.flags & UNSETTABLE) !== 0,
  };
}

/** Every control with its value now. */
export function listControls(device: V4l2Device): CameraControl[] {
  return queryControls(device).map((control) => describe(device, control));
}

/**
 * Sets a control by name.
 *
 * @throws UsageError for an unknown name, RangeError for a bad value, BusyError while another
 *   program streams, UnsupportedError for one that can't be set.
 */
export function setControlByName(device: V4l2Device, name: string, value: number): void {
  const all = queryControls(device);
  const control = all.find((each) => controlName(each.name) === name);
  if (control === undefined) {
    const names = all.map((each) => controlName(each.name)).join(", ");
    throw new UsageError(`${device.capability.card} has no control "${name}"`, {
      hint: names === "" ? "it has none at all" : `it has ${names}`,
    });
  }
  if (!Number.isInteger(value) || value < control.minimum || value > control.maximum) {
    throw new RangeError(
      `${name} is ${value}, but must be from ${control.minimum} to ${control.maximum}`,
    );
  }
  try {
    setControl(device, control.id, value);
  } catch (error) {
    if (!(error instanceof FfiError)) throw error;
    switch (error.code) {
      case ERRNO.EINVAL:
      case ERRNO.ERANGE:
        throw new RangeError(`${name} can't be ${value}`, { cause: error });
      case ERRNO.EBUSY:
        throw new BusyError(`${name} can't be set now`, { cause: error });
      default:
        throw new UnsupportedError(`${name} can't be set: ${error.message}`, { cause: error });
    }
  }
}
