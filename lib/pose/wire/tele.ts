/**
 * The dialect `TELE`, version 1: little-endian, what the published app speaks
 * (Mana-Robotics/televoodoo-python, docs/WIFI_API.md).
 *
 * @module
 */
import {
  begin,
  type Datagram,
  type PoseFields,
  readPlacement,
  readU64,
  scratch,
  TELE_TOKEN_BYTES,
  type Verdict,
  VERSION,
  writePlacement,
  writeU64,
} from "./datagram.ts";

const TYPE = { hello: 1, ack: 2, pose: 3, bye: 4, command: 5, haptic: 7 } as const;
const BYTES = { hello: 18, ack: 8, pose: 46, bye: 10, command: 8, haptic: 12 } as const;

/** Commands by name. */
export const COMMANDS: Readonly<Record<"recording" | "keep_recording", number>> = {
  recording: 1,
  keep_recording: 2,
};

/** Bit of `flags`: a new origin for movements. */
export const MOVEMENT_START = 1;

/** Reads what {@link scratch} holds, magic checked. Exact lengths only; reserved bytes are not looked at. */
export function decodeTele(length: number, into: Datagram): Verdict {
  const { bytes, view } = scratch;
  into.dialect = "TELE";
  into.version = bytes[5]!;
  const type = bytes[4];
  if (into.version !== VERSION) {
    into.type = "hello";
    return type === TYPE.hello ? "version" : "invalid";
  }
  switch (type) {
    case TYPE.hello:
      if (length !== BYTES.hello) return "invalid";
      into.type = "hello";
      into.sessionId = view.getUint32(6, true);
      into.tokenLength = TELE_TOKEN_BYTES;
      for (let i = 0; i < TELE_TOKEN_BYTES; i++) into.token[i] = bytes[10 + i]!;
      return "valid";
    case TYPE.ack:
      if (length !== BYTES.ack) return "invalid";
      into.type = "ack";
      into.status = bytes[6]!;
      return "valid";
    case TYPE.pose:
      if (length !== BYTES.pose) return "invalid";
      into.type = "pose";
      into.seq = view.getUint16(6, true);
      into.timestampUs = readU64(8, true);
      into.flags = bytes[16]!;
      into.confidence = NaN;
      into.frameId = -1;
      return readPlacement(18, true, into) ? "valid" : "invalid";
    case TYPE.bye:
      if (length !== BYTES.bye) return "invalid";
      into.type = "bye";
      into.sessionId = view.getUint32(6, true);
      return "valid";
    case TYPE.command:
      if (length !== BYTES.command) return "invalid";
      into.type = "command";
      into.command = bytes[6]!;
      into.value = bytes[7]!;
      return "valid";
    case TYPE.haptic:
      if (length !== BYTES.haptic) return "invalid";
      into.type = "haptic";
      into.intensity = view.getFloat32(6, true);
      into.channel = bytes[10]!;
      return into.intensity >= 0 && into.intensity <= 1 ? "valid" : "invalid";
    default:
      return "invalid";
  }
}

/** HELLO, phone to server. Throws `RangeError` for a code that has not six bytes. */
export function encodeTeleHello(
  hello: { sessionId: number; code: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const { sessionId, code } = hello;
  if (code.length !== TELE_TOKEN_BYTES) {
    throw new RangeError(`a code of ${code.length} bytes: ${TELE_TOKEN_BYTES} are wanted`);
  }
  const { bytes, view } = begin("TELE", TYPE.hello, BYTES.hello);
  view.setUint32(6, sessionId, true);
  bytes.set(code, 10);
  return bytes;
}

/** An ACK, its status at {@link TELE_ACK_STATUS}. */
export function newTeleAck(): Uint8Array<ArrayBuffer> {
  return begin("TELE", TYPE.ack, BYTES.ack).bytes;
}

/** Where an ACK's status stands. */
export const TELE_ACK_STATUS = 6;

/** POSE, phone to server. */
export function encodeTelePose(pose: PoseFields & { flags?: number }): Uint8Array<ArrayBuffer> {
  const { bytes, view } = begin("TELE", TYPE.pose, BYTES.pose);
  view.setUint16(6, pose.seq, true);
  writeU64(view, 8, pose.timestampUs, true);
  bytes[16] = pose.flags ?? 0;
  writePlacement(view, 18, pose, true);
  return bytes;
}

/** BYE. */
export function encodeTeleBye(sessionId: number): Uint8Array<ArrayBuffer> {
  const { bytes, view } = begin("TELE", TYPE.bye, BYTES.bye);
  view.setUint32(6, sessionId, true);
  return bytes;
}

/** CMD, phone to server. */
export function encodeTeleCommand(command: number, value: number): Uint8Array<ArrayBuffer> {
  const { bytes } = begin("TELE", TYPE.command, BYTES.command);
  bytes[6] = command;
  bytes[7] = value;
  return bytes;
}

/** HAPTIC, server to phone. Throws `RangeError` for an intensity outside 0 to 1. */
export function encodeTeleHaptic(intensity: number, channel = 0): Uint8Array<ArrayBuffer> {
  if (!(intensity >= 0 && intensity <= 1)) {
    throw new RangeError(`an intensity of ${intensity}: 0 to 1 is wanted`);
  }
  const { bytes, view } = begin("TELE", TYPE.haptic, BYTES.haptic);
  view.setFloat32(6, intensity, true);
  bytes[10] = channel;
  return bytes;
}
