/**
 * What both dialects of the pose stream have in common: a magic, u8 type, u8 version, and one
 * {@link Datagram} that decoders fill again and again, so that receiving allocates nothing.
 *
 * @module
 */

/** `POSE` is the specification's (big-endian), `TELE` today's app's (little-endian). */
export type Dialect = "POSE" | "TELE";

/** What a datagram says. `command` and `haptic` are TELE's alone. */
export type DatagramType = "hello" | "ack" | "pose" | "bye" | "command" | "haptic";

/** Version of both dialects. */
export const VERSION = 1;
/** Bytes of magic, type and version. */
export const HEADER_BYTES = 6;
/** Longest datagram of either dialect: a POSE with every optional field. */
export const MAX_DATAGRAM_BYTES = 51;
/** Longest token, in bytes. */
export const MAX_TOKEN_BYTES = 32;
/** Token bytes of TELE, exactly. */
export const TELE_TOKEN_BYTES = 6;

/** Statuses of an ACK by dialect. */
export const STATUS: Readonly<
  Record<Dialect, Readonly<Record<"ok" | "badToken" | "busy" | "version", number>>>
> = {
  POSE: { ok: 0, badToken: 1, version: 2, busy: 3 },
  TELE: { ok: 0, badToken: 1, busy: 2, version: 3 },
};

/** One datagram, decoded. Fields that the type doesn't have keep what they had. */
export class Datagram {
  /** Whose datagram. */
  dialect: Dialect = "POSE";
  /** What it is. */
  type: DatagramType = "bye";
  /** Version byte: {@link VERSION}, or another on a `hello` that only asks to be refused. */
  version: number = VERSION;
  /** HELLO of POSE: UDP port the phone says it has. */
  clientPort = 0;
  /** HELLO: the token's bytes, the first {@link tokenLength} of these. */
  readonly token: Uint8Array<ArrayBuffer> = new Uint8Array(MAX_TOKEN_BYTES);
  /** HELLO: bytes of the token. */
  tokenLength = 0;
  /** HELLO and BYE of TELE: the phone's choice, u32. */
  sessionId = 0;
  /** ACK: see {@link STATUS}. */
  status = 0;
  /** ACK of POSE: the server's clock in ms, modulo 2^32. */
  serverTimeMs = 0;
  /** ACK of POSE: where poses are wanted. */
  streamPort = 0;
  /** POSE: u16, rolls over. */
  seq = 0;
  /** POSE: the phone's clock in µs. Beyond 2^53 it loses its last bits. */
  timestampUs = 0;
  /** POSE: position in metres. */
  x = 0;
  /** Position. */
  y = 0;
  /** Position. */
  z = 0;
  /** POSE: orientation, a quaternion. */
  qx = 0;
  /** Orientation. */
  qy = 0;
  /** Orientation. */
  qz = 0;
  /** Orientation. */
  qw = 1;
  /** POSE: bits; bit 0 says that a movement begins here. -1 where the datagram has none. */
  flags: number = -1;
  /** POSE of POSE: how sure the phone is; NaN where the datagram doesn't say. */
  confidence: number = NaN;
  /** POSE of POSE: which frame of reference; -1 where the datagram doesn't say. */
  frameId: number = -1;
  /** CMD: 1 recording, 2 keep recording; others are passed on as numbers. */
  command = 0;
  /** CMD. */
  value = 0;
  /** HAPTIC: 0 to 1. */
  intensity = 0;
  /** HAPTIC. */
  channel = 0;
}

/** What reading a datagram came to: `version` is a HELLO of another version, which is owed an answer. */
export type Verdict = "valid" | "version" | "invalid";

const buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
const view = new DataView(buffer.buffer);

/** The bytes of the datagram being read: decoders share one buffer, since they never wait. */
export interface Scratch {
  /** Bytes. */
  readonly bytes: Uint8Array;
  /** The same. */
  readonly view: DataView;
}
/** See {@link Scratch}. */
export const scratch: Scratch = { bytes: buffer, view };

/** Copies a datagram of at most {@link MAX_DATAGRAM_BYTES} into {@link scratch}. */
export function load(bytes: Uint8Array, length: number): void {
  for (let at = 0; at < length; at++) buffer[at] = bytes[at]!;
}

/** Reads the seven floats of a pose. Whether all are finite. */
export function readPlacement(at: number, little: boolean, into: Datagram): boolean {
  into.x = view.getFloat32(at, little);
  into.y = view.getFloat32(at + 4, little);
  into.z = view.getFloat32(at + 8, little);
  into.qx = view.getFloat32(at + 12, little);
  into.qy = view.getFloat32(at + 16, little);
  into.qz = view.getFloat32(at + 20, little);
  into.qw = view.getFloat32(at + 24, little);
  const sum = into.x + into.y + into.z + into.qx + into.qy + into.qz + into.qw;
  // Seven finite f32 can't overflow a double: the sum is finite exactly when all of them are.
  return Number.isFinite(sum);
}

/** A u64 as a number. */
export function readU64(at: number, little: boolean): number {
  const first = view.getUint32(at, little);
  const second = view.getUint32(at + 4, little);
  return little ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
}

/** Writes a number as a u64. Throws `RangeError` for what is none. */
export function writeU64(into: DataView, at: number, value: number, little: boolean): void {
  if (!(value >= 0 && value < 2 ** 64)) throw new RangeError(`${value} is no u64`);
  const high = Math.floor(value / 0x1_0000_0000);
  const low = value % 0x1_0000_0000;
  into.setUint32(at, little ? low : high, little);
  into.setUint32(at + 4, little ? high : low, little);
}

/** What an encoder needs of a pose. */
export interface PoseFields {
  /** u16. */
  seq: number;
  /** µs. */
  timestampUs: number;
  /** Metres. */
  x: number;
  /** Metres. */
  y: number;
  /** Metres. */
  z: number;
  /** Quaternion. */
  qx: number;
  /** Quaternion. */
  qy: number;
  /** Quaternion. */
  qz: number;
  /** Quaternion. */
  qw: number;
}

/** Writes the seven floats. */
export function writePlacement(
  into: DataView,
  at: number,
  pose: PoseFields,
  little: boolean,
): void {
  const { x, y, z, qx, qy, qz, qw } = pose;
  for (const [index, value] of [x, y, z, qx, qy, qz, qw].entries()) {
    into.setFloat32(at + 4 * index, value, little);
  }
}

/** A datagram of this length with its header written. */
export function begin(magic: Dialect, type: number, length: number): {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
} {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < 4; i++) bytes[i] = magic.charCodeAt(i);
  bytes[4] = type;
  bytes[5] = VERSION;
  return { bytes, view: new DataView(bytes.buffer) };
}
