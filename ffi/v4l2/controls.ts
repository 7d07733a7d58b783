/**
 * Controls of a V4L2 node: VIDIOC_QUERY_EXT_CTRL, VIDIOC_QUERYMENU, VIDIOC_G_CTRL, VIDIOC_S_CTRL.
 * Those of 32 bits: strings, 64-bit integers and arrays are passed over.
 *
 * @module
 */
import { structure, textField, type V4l2Device } from "./device.ts";
import { CTRL, v4l2_control, v4l2_query_ext_ctrl, v4l2_querymenu } from "./layout.ts";

/** One control as the driver describes it. */
export interface ControlDescription {
  /** V4L2_CID_*. */
  id: number;
  /** In the driver's words. */
  name: string;
  /** V4L2_CTRL_TYPE_*. */
  type: number;
  /** Smallest value. */
  minimum: number;
  /** Largest value. */
  maximum: number;
  /** Step. */
  step: number;
  /** Default value. */
  defaultValue: number;
  /** V4L2_CTRL_FLAG_*. */
  flags: number;
}

const TYPES: readonly number[] = [
  CTRL.V4L2_CTRL_TYPE_INTEGER,
  CTRL.V4L2_CTRL_TYPE_BOOLEAN,
  CTRL.V4L2_CTRL_TYPE_MENU,
  CTRL.V4L2_CTRL_TYPE_INTEGER_MENU,
  CTRL.V4L2_CTRL_TYPE_BUTTON,
  CTRL.V4L2_CTRL_TYPE_BITMASK,
];
/** A driver with more controls than this is broken. */
const MAX_CONTROLS = 1024;

/** Every control of 32 bits, in the driver's order. */
export function queryControls(device: V4l2Device): ControlDescription[] {
  const found: ControlDescription[] = [];
  const { bytes, view } = structure(v4l2_query_ext_ctrl.size);
  let id = 0;
  for (let count = 0; count < MAX_CONTROLS; count++) {
    bytes.fill(0);
    view.setUint32(v4l2_query_ext_ctrl.id, (id | CTRL.V4L2_CTRL_FLAG_NEXT_CTRL) >>> 0, true);
    if (device.tryRequest("VIDIOC_QUERY_EXT_CTRL", bytes) < 0) break;
    id = view.getUint32(v4l2_query_ext_ctrl.id, true);
    const type = view.getUint32(v4l2_query_ext_ctrl.type, true);
    const flags = view.getUint32(v4l2_query_ext_ctrl.flags, true);
    if (!TYPES.includes(type) || flags & CTRL.V4L2_CTRL_FLAG_DISABLED) continue;
    if (view.getUint32(v4l2_query_ext_ctrl.nr_of_dims, true) > 0) continue;
    const number = (offset: number) => Number(view.getBigInt64(offset, true));
    found.push({
      id,
      name: textField(bytes, v4l2_query_ext_ctrl.name, 32),
      type,
      minimum: number(v4l2_query_ext_ctrl.minimum),
      maximum: number(v4l2_query_ext_ctrl.maximum),
      step: number(v4l2_query_ext_ctrl.step),
      defaultValue: number(v4l2_query_ext_ctrl.default_value),
      flags,
    });
  }
  return found;
}

/** A menu's items by value: names, or the numbers of an integer menu as text. */
export function queryMenu(
  device: V4l2Device,
  control: ControlDescription,
): Record<number, string> {
  const items: Record<number, string> = {};
  const last = Math.min(control.maximum, control.minimum + MAX_CONTROLS);
  for (let index = control.minimum; index <= last; index++) {
    const { bytes, view } = structure(v4l2_querymenu.size);
    view.setUint32(v4l2_querymenu.id, control.id, true);
    view.setUint32(v4l2_querymenu.index, index, true);
    // Menus have holes: an item that isn't there fails, the next one may be.
    if (device.tryRequest("VIDIOC_QUERYMENU", bytes) < 0) continue;
    items[index] = control.type === CTRL.V4L2_CTRL_TYPE_INTEGER_MENU
      ? view.getBigInt64(v4l2_querymenu.value, true).toString()
      : textField(bytes, v4l2_querymenu.name, 32);
  }
  return items;
}

/** The control's value now; `undefined` where it can't be read. */
export function getControl(device: V4l2Device, id: number): number | undefined {
  const { bytes, view } = structure(v4l2_control.size);
  view.setUint32(v4l2_control.id, id, true);
  return device.tryRequest("VIDIOC_G_CTRL", bytes) < 0
    ? undefined
    : view.getInt32(v4l2_control.value, true);
}

/** Sets a control. FfiError with ERANGE or EINVAL for a bad value, EBUSY while it is grabbed. */
export function setControl(device: V4l2Device, id: number, value: number): void {
  const { bytes, view } = structure(v4l2_control.size);
  view.setUint32(v4l2_control.id, id, true);
  view.setInt32(v4l2_control.value, value, true);
  device.request("VIDIOC_S_CTRL", bytes);
}
