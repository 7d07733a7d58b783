/**
 * One frame on a CAN bus (ISO 11898-1), as everything in this room hands it on.
 *
 * @module
 */

/** A frame. Never changed once made; `data` may be shared. */
export interface CanFrame {
  /** Identifier: 11 bits, 29 where `extended`; the error classes (linux/can/error.h) of an error frame. */
  readonly id: number;
  /** Data, remote request, or the controller's report of an error (never on the wire of a bus). */
  readonly kind: "data" | "remote" | "error";
  /** 29-bit identifier. */
  readonly extended: boolean;
  /** CAN FD format. */
  readonly fd: boolean;
  /** Bit rate switch: the data went at the data bit rate. FD only. */
  readonly brs: boolean;
  /** Error state indicator: the sender is error passive. FD only. */
  readonly esi: boolean;
  /** Bytes of data; of a remote frame, the bytes it asks for. */
  readonly length: number;
  /** `length` bytes; none in a remote frame. */
  readonly data: Uint8Array;
  /** When it was on the bus, µs since the Unix epoch; 0 where unknown. */
  readonly time: number;
}

/** Largest 11-bit identifier. */
export const MAX_STANDARD_ID = 0x7ff;
/** Largest 29-bit identifier. */
export const MAX_EXTENDED_ID = 0x1fff_ffff;
/** Most bytes in a classic frame. */
export const MAX_CLASSIC_BYTES = 8;
/** Most bytes in an FD frame. */
export const MAX_FD_BYTES = 64;

/** Bits of `can_id` in linux/can.h. */
export const CAN_EFF_FLAG = 0x8000_0000;
/** Remote request. */
export const CAN_RTR_FLAG = 0x4000_0000;
/** Error report. */
export const CAN_ERR_FLAG = 0x2000_0000;
/** Bits of `flags` of `struct canfd_frame`. */
export const CANFD_BRS = 0x01;
/** Error state indicator. */
export const CANFD_ESI = 0x02;
/** It is an FD frame, whatever its length. */
export const CANFD_FDF = 0x04;

const NO_DATA = new Uint8Array(0);

/** What a data frame may be beside identifier and data. */
export interface FrameOptions {
  /** 29-bit identifier. Default: where `id` needs it. */
  extended?: boolean;
  /** CAN FD. Default: where there are more than 8 bytes. */
  fd?: boolean;
  /** Bit rate switch. Default false. */
  brs?: boolean;
  /** Error state indicator. Default false. */
  esi?: boolean;
  /** µs since the epoch. Default 0: unknown. */
  time?: number;
}

/** Makes a data frame. Throws `RangeError`. */
export function dataFrame(
  id: number,
  data: Uint8Array = NO_DATA,
  options: FrameOptions = {},
): CanFrame {
  return checked({
    id,
    kind: "data",
    extended: options.extended ?? id > MAX_STANDARD_ID,
    fd: options.fd ?? data.length > MAX_CLASSIC_BYTES,
    brs: options.brs ?? false,
    esi: options.esi ?? false,
    length: data.length,
    data,
    time: options.time ?? 0,
  });
}

/** Makes a remote request for `length` bytes. Throws `RangeError`. */
export function remoteFrame(
  id: number,
  length = 0,
  options: Pick<FrameOptions, "extended" | "time"> = {},
): CanFrame {
  return checked({
    id,
    kind: "remote",
    extended: options.extended ?? id > MAX_STANDARD_ID,
    fd: false,
    brs: false,
    esi: false,
    length,
    data: NO_DATA,
    time: options.time ?? 0,
  });
}

/** Makes a controller's error report: `classes` and `detail` as in linux/can/error.h. */
export function errorFrame(classes: number, detail: Uint8Array, time = 0): CanFrame {
  return {
    id: classes & MAX_EXTENDED_ID,
    kind: "error",
    extended: false,
    fd: false,
    brs: false,
    esi: false,
    length: detail.length,
    data: detail,
    time,
  };
}

/**
 * The frame of a `can_id` and `flags` of linux/can.h. Identifier bits that a standard frame doesn't
 * have are left out, and flags that only CAN FD has count there alone. Checks nothing.
 */
export function linuxFrame(
  rawId: number,
  flags: number,
  fd: boolean,
  length: number,
  data: Uint8Array,
  time: number,
): CanFrame {
  const error = (rawId & CAN_ERR_FLAG) !== 0;
  const extended = !error && (rawId & CAN_EFF_FLAG) !== 0;
  return {
    id: rawId & (extended || error ? MAX_EXTENDED_ID : MAX_STANDARD_ID),
    kind: error ? "error" : (rawId & CAN_RTR_FLAG) !== 0 ? "remote" : "data",
    extended,
    fd,
    brs: fd && (flags & CANFD_BRS) !== 0,
    esi: fd && (flags & CANFD_ESI) !== 0,
    length,
    data,
    time,
  };
}

/** The frame, where a bus could carry it; else throws `RangeError` that says what is wrong. */
export function checked(frame: CanFrame): CanFrame {
  const { id, kind, extended, fd, length, data } = frame;
  const most = extended ? MAX_EXTENDED_ID : MAX_STANDARD_ID;
  if (!Number.isInteger(id) || id < 0 || id > most) {
    throw new RangeError(
      `CAN identifier ${id}: ${extended ? "29" : "11"} bits are 0 to 0x${most.toString(16)}`,
    );
  }
  const longest = fd ? MAX_FD_BYTES : MAX_CLASSIC_BYTES;
  if (!Number.isInteger(length) || length < 0 || length > longest) {
    throw new RangeError(
      `${length} bytes in a ${fd ? "CAN FD" : "classic CAN"} frame: at most ${longest}`,
    );
  }
  if (data.length !== (kind === "remote" ? 0 : length)) {
    throw new RangeError(`${data.length} bytes of data where length says ${length}`);
  }
  if (kind === "remote" && fd) throw new RangeError("CAN FD has no remote frames");
  if (!fd && (frame.brs || frame.esi)) throw new RangeError("BRS and ESI are CAN FD's");
  return frame;
}

/** The frame with another time. */
export function withTime(frame: CanFrame, time: number): CanFrame {
  const { id, kind, extended, fd, brs, esi, length, data } = frame;
  return { id, kind, extended, fd, brs, esi, length, data, time };
}

/** `can_id` of linux/can.h: the identifier and its three flags, unsigned. */
export function linuxId(frame: CanFrame): number {
  let id = frame.id;
  if (frame.extended) id += CAN_EFF_FLAG;
  if (frame.kind === "remote") id += CAN_RTR_FLAG;
  else if (frame.kind === "error") id += CAN_ERR_FLAG;
  return id;
}

/** `flags` of `struct canfd_frame`. */
export function linuxFlags(frame: CanFrame): number {
  if (!frame.fd) return 0;
  return CANFD_FDF | (frame.brs ? CANFD_BRS : 0) | (frame.esi ? CANFD_ESI : 0);
}

/**
 * Where the frame stands in arbitration, as a number: of two that begin at the same time the lower
 * one wins the bus. The bits are those a bus compares: base identifier, RTR or SRR, IDE, identifier
 * extension, RTR. Error reports come before everything.
 */
export function arbitrationOf(frame: CanFrame): number {
  if (frame.kind === "error") return -1;
  const remote = frame.kind === "remote" ? 1 : 0;
  if (!frame.extended) return frame.id * 0x20_0000 + remote * 0x10_0000;
  const base = frame.id >>> 18;
  const extension = frame.id & 0x3_ffff;
  return base * 0x20_0000 + 0x18_0000 + extension * 2 + remote;
}

/** Lengths an FD frame can have; between them, data is padded on the bus. */
export const FD_LENGTHS: readonly number[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8],
  ...[12, 16, 20, 24, 32, 48, 64],
];

/** Bytes that a frame of this many takes on the bus. */
export function paddedLength(length: number): number {
  for (const each of FD_LENGTHS) if (each >= length) return each;
  return MAX_FD_BYTES;
}
