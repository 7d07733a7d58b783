/**
 * libsocketcan 0.0.12 (libsocketcan.h): state, error counters, statistics and timings of a CAN
 * controller, and starting, stopping and restarting it. Linux only; Debian's package is
 * `libsocketcan2`.
 *
 * The library writes what the kernel refuses to standard error, and has no setter for the data bit
 * timing of CAN FD: what may be refused, and that, goes by `rtnetlink.ts`.
 *
 * @module
 */
import { FfiError } from "./errors.ts";
import { lazyLibrary } from "./library.ts";
import {
  can_berr_counter,
  can_bittiming,
  can_clock,
  can_ctrlmode,
  can_device_stats,
  CAN_STATE,
} from "./socketcan_layout.ts";

const library = lazyLibrary({
  name: "libsocketcan",
  override: "XOQ_LIBSOCKETCAN",
  candidates: () => Deno.build.os === "linux" ? ["libsocketcan.so.2", "libsocketcan.so"] : [],
}, {
  can_do_start: { parameters: ["buffer"], result: "i32" },
  can_do_stop: { parameters: ["buffer"], result: "i32" },
  can_do_restart: { parameters: ["buffer"], result: "i32" },
  can_set_restart_ms: { parameters: ["buffer", "u32"], result: "i32" },
  can_set_bitrate: { parameters: ["buffer", "u32"], result: "i32" },
  can_set_bitrate_samplepoint: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  can_set_bittiming: { parameters: ["buffer", "buffer"], result: "i32" },
  can_set_ctrlmode: { parameters: ["buffer", "buffer"], result: "i32" },
  can_get_restart_ms: { parameters: ["buffer", "buffer"], result: "i32" },
  can_get_bittiming: { parameters: ["buffer", "buffer"], result: "i32" },
  can_get_ctrlmode: { parameters: ["buffer", "buffer"], result: "i32" },
  can_get_state: { parameters: ["buffer", "buffer"], result: "i32" },
  can_get_clock: { parameters: ["buffer", "buffer"], result: "i32" },
  can_get_berr_counter: { parameters: ["buffer", "buffer"], result: "i32" },
  can_get_device_stats: { parameters: ["buffer", "buffer"], result: "i32" },
});

/** Whether the library is here. */
export function hasLibsocketcan(): boolean {
  try {
    library();
    return true;
  } catch {
    return false;
  }
}

function cString(name: string): Uint8Array<ArrayBuffer> {
  if (name.includes("\0")) throw new TypeError("an interface's name holds a NUL");
  return new TextEncoder().encode(name + "\0");
}

function done(result: number, operation: string, name: string): void {
  if (result < 0) throw new FfiError("libsocketcan", operation, result, name);
}

type Getter =
  | "can_get_restart_ms"
  | "can_get_bittiming"
  | "can_get_ctrlmode"
  | "can_get_state"
  | "can_get_clock"
  | "can_get_berr_counter"
  | "can_get_device_stats";

/** Fills a structure; `undefined` where the driver doesn't have it. */
function get(name: string, operation: Getter, size: number): DataView | undefined {
  const bytes = new Uint8Array(size);
  if (library().symbols[operation](cString(name), bytes) < 0) return undefined;
  return new DataView(bytes.buffer);
}

/** `struct can_bittiming`. */
export interface BitTiming {
  /** Bits per second. */
  bitrate: number;
  /** 0 to 1. */
  samplePoint: number;
  /** Time quantum in ns. */
  tq: number;
  /** Propagation segment in quanta. */
  propSeg: number;
  /** Phase segment 1 in quanta. */
  phaseSeg1: number;
  /** Phase segment 2 in quanta. */
  phaseSeg2: number;
  /** Synchronisation jump width in quanta. */
  sjw: number;
  /** Prescaler. */
  brp: number;
}

/** Starts the controller (`ip link set NAME up`). Throws {@link FfiError}. */
export function start(name: string): void {
  done(library().symbols.can_do_start(cString(name)), "can_do_start", name);
}

/** Stops the controller (`ip link set NAME down`). Throws {@link FfiError}. */
export function stop(name: string): void {
  done(library().symbols.can_do_stop(cString(name)), "can_do_stop", name);
}

/** Takes the controller out of bus-off. Throws {@link FfiError}, also where it is not bus-off. */
export function restart(name: string): void {
  done(library().symbols.can_do_restart(cString(name)), "can_do_restart", name);
}

/** Sets milliseconds until it leaves bus-off by itself; 0: never. The controller must be stopped. Throws {@link FfiError}. */
export function setRestartMs(name: string, milliseconds: number): void {
  done(
    library().symbols.can_set_restart_ms(cString(name), milliseconds),
    "can_set_restart_ms",
    name,
  );
}

/** Sets the bit rate and, where given, the sample point (0 to 1). The controller must be stopped. Throws {@link FfiError}. */
export function setBitrate(name: string, bitrate: number, samplePoint?: number): void {
  const { symbols } = library();
  const result = samplePoint === undefined
    ? symbols.can_set_bitrate(cString(name), bitrate)
    : symbols.can_set_bitrate_samplepoint(cString(name), bitrate, Math.round(samplePoint * 1000));
  done(result, "can_set_bitrate", name);
}

/** Sets the whole bit timing. The controller must be stopped. Throws {@link FfiError}. */
export function setBitTiming(name: string, timing: BitTiming): void {
  const bytes = new Uint8Array(can_bittiming.size);
  const view = new DataView(bytes.buffer);
  const { bitrate, samplePoint, tq, propSeg, phaseSeg1, phaseSeg2, sjw, brp } = timing;
  view.setUint32(can_bittiming.bitrate, bitrate, true);
  view.setUint32(can_bittiming.sample_point, Math.round(samplePoint * 1000), true);
  view.setUint32(can_bittiming.tq, tq, true);
  view.setUint32(can_bittiming.prop_seg, propSeg, true);
  view.setUint32(can_bittiming.phase_seg1, phaseSeg1, true);
  view.setUint32(can_bittiming.phase_seg2, phaseSeg2, true);
  view.setUint32(can_bittiming.sjw, sjw, true);
  view.setUint32(can_bittiming.brp, brp, true);
  done(library().symbols.can_set_bittiming(cString(name), bytes), "can_set_bittiming", name);
}

/** Switches control modes (CAN_CTRLMODE_…) in `mask` to their bits in `flags`. Throws {@link FfiError}. */
export function setControlMode(name: string, mask: number, flags: number): void {
  const bytes = new Uint8Array(can_ctrlmode.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(can_ctrlmode.mask, mask, true);
  view.setUint32(can_ctrlmode.flags, flags, true);
  done(library().symbols.can_set_ctrlmode(cString(name), bytes), "can_set_ctrlmode", name);
}

/** `enum can_state`; `undefined` where the driver doesn't say. */
export function getState(name: string): number | undefined {
  const state = get(name, "can_get_state", 4)?.getInt32(0, true);
  return state === undefined || state > CAN_STATE.CAN_STATE_SLEEPING ? undefined : state;
}

/** Milliseconds until it leaves bus-off by itself; `undefined` where the driver doesn't say. */
export function getRestartMs(name: string): number | undefined {
  return get(name, "can_get_restart_ms", 4)?.getUint32(0, true);
}

/** Control modes that are on (CAN_CTRLMODE_…); `undefined` where the driver doesn't say. */
export function getControlMode(name: string): number | undefined {
  return get(name, "can_get_ctrlmode", can_ctrlmode.size)?.getUint32(can_ctrlmode.flags, true);
}

/** The controller's clock in Hz; `undefined` where the driver doesn't say. */
export function getClock(name: string): number | undefined {
  return get(name, "can_get_clock", can_clock.size)?.getUint32(can_clock.freq, true);
}

/** The bit timing now; `undefined` where there is none. */
export function getBitTiming(name: string): BitTiming | undefined {
  const view = get(name, "can_get_bittiming", can_bittiming.size);
  if (view === undefined) return undefined;
  const at = (offset: number) => view.getUint32(offset, true);
  return {
    bitrate: at(can_bittiming.bitrate),
    samplePoint: at(can_bittiming.sample_point) / 1000,
    tq: at(can_bittiming.tq),
    propSeg: at(can_bittiming.prop_seg),
    phaseSeg1: at(can_bittiming.phase_seg1),
    phaseSeg2: at(can_bittiming.phase_seg2),
    sjw: at(can_bittiming.sjw),
    brp: at(can_bittiming.brp),
  };
}

/** Error counters; `undefined` where the driver doesn't have them. */
export function getErrorCounters(name: string): { tx: number; rx: number } | undefined {
  const view = get(name, "can_get_berr_counter", can_berr_counter.size);
  if (view === undefined) return undefined;
  return {
    tx: view.getUint16(can_berr_counter.txerr, true),
    rx: view.getUint16(can_berr_counter.rxerr, true),
  };
}

/** `struct can_device_stats`: how often each happened since the interface was made. */
export interface DeviceStats {
  /** Bus errors. */
  busErrors: number;
  /** Changes to error-warning. */
  errorWarning: number;
  /** Changes to error-passive. */
  errorPassive: number;
  /** Changes to bus-off. */
  busOff: number;
  /** Arbitrations lost. */
  arbitrationLost: number;
  /** Restarts. */
  restarts: number;
}

/** Statistics of the controller; `undefined` where the driver has none. */
export function getDeviceStats(name: string): DeviceStats | undefined {
  const view = get(name, "can_get_device_stats", can_device_stats.size);
  if (view === undefined) return undefined;
  const at = (offset: number) => view.getUint32(offset, true);
  return {
    busErrors: at(can_device_stats.bus_error),
    errorWarning: at(can_device_stats.error_warning),
    errorPassive: at(can_device_stats.error_passive),
    busOff: at(can_device_stats.bus_off),
    arbitrationLost: at(can_device_stats.arbitration_lost),
    restarts: at(can_device_stats.restarts),
  };
}
