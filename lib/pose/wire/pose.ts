/**
 * The dialect `POSE`, version 1: big-endian, as the specification has it.
 *
 * @module
 */
import {
  begin,
  type Datagram,
  HEADER_BYTES,
  MAX_TOKEN_BYTES,
  type PoseFields,
  readPlacement,
  readU64,
  scratch,
  type Verdict,
  VERSION,
  writePlacement,
  writeU64,
} from "./datagram.ts";

const TYPE = { hello: 1, ack: 2, pose: 3, bye: 4 } as const;
/** HELLO without its token. */
const HELLO_BYTES = 9;
/** ACK. */
export const POSE_ACK_BYTES = 13;
const POSE_BYTES = 44;
const WITH_FLAGS = 46;
const WITH_CONFIDENCE = 50;
const WITH_FRAME = 51;

/** Reads what {@link scratch} holds, magic checked. Exact lengths only. */
export function decodePose(length: number, into: Datagram): Verdict {
  const { bytes, view } = scratch;
  into.dialect = "POSE";
  const type = bytes[4];
  into.version = bytes[5]!;
  if (into.version !== VERSION) {
    into.type = "hello";
    return type === TYPE.hello ? "version" : "invalid";
  }
  switch (type) {
    case TYPE.hello:
      return decodeHello(length, into);
    case TYPE.ack:
      if (length !== POSE_ACK_BYTES) return "invalid";
      into.type = "ack";
      into.serverTimeMs = view.getUint32(6);
      into.streamPort = view.getUint16(10);
      into.status = bytes[12]!;
      return "valid";
    case TYPE.pose:
      return decodePlacement(length, into);
    case TYPE.bye:
      into.type = "bye";
      return length === HEADER_BYTES ? "valid" : "invalid";
    default:
      return "invalid";
  }
}

function decodeHello(length: number, into: Datagram): Verdict {
  const { bytes, view } = scratch;
  if (length < HELLO_BYTES) return "invalid";
  const tokenLength = bytes[8]!;
  if (tokenLength > MAX_TOKEN_BYTES || length !== HELLO_BYTES + tokenLength) return "invalid";
  into.type = "hello";
  into.clientPort = view.getUint16(6);
  into.tokenLength = tokenLength;
  for (let i = 0; i < tokenLength; i++) into.token[i] = bytes[HELLO_BYTES + i]!;
  return "valid";
}

function decodePlacement(length: number, into: Datagram): Verdict {
  const { bytes, view } = scratch;
  if (
    length !== POSE_BYTES && length !== WITH_FLAGS && length !== WITH_CONFIDENCE &&
    length !== WITH_FRAME
  ) return "invalid";
  into.type = "pose";
  into.seq = view.getUint16(6);
  into.timestampUs = readU64(8, false);
  if (!readPlacement(16, false, into)) return "invalid";
  into.flags = length >= WITH_FLAGS ? view.getUint16(44) : -1;
  into.confidence = length >= WITH_CONFIDENCE ? view.getFloat32(46) : NaN;
  into.frameId = length >= WITH_FRAME ? bytes[50]! : -1;
  // JSON has no number for a confidence that is none.
  return length >= WITH_CONFIDENCE && !Number.isFinite(into.confidence) ? "invalid" : "valid";
}

/** HELLO, phone to server. Throws `RangeError` for a token of more than 32 bytes. */
export function encodePoseHello(
  hello: { clientPort: number; token: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const { clientPort, token } = hello;
  if (token.length > MAX_TOKEN_BYTES) {
    throw new RangeError(`a token of ${token.length} bytes, at most ${MAX_TOKEN_BYTES}`);
  }
  const { bytes, view } = begin("POSE", TYPE.hello, HELLO_BYTES + token.length);
  view.setUint16(6, clientPort);
  bytes[8] = token.length;
  bytes.set(token, HELLO_BYTES);
  return bytes;
}

/** An ACK to be filled by {@link fillPoseAck}. */
export function newPoseAck(): Uint8Array<ArrayBuffer> {
  return begin("POSE", TYPE.ack, POSE_ACK_BYTES).bytes;
}

/** Fills an ACK, server to phone. */
export function fillPoseAck(
  ack: Uint8Array,
  serverTimeMs: number,
  streamPort: number,
  status: number,
): void {
  const time = serverTimeMs >>> 0;
  ack[6] = time >>> 24;
  ack[7] = time >>> 16;
  ack[8] = time >>> 8;
  ack[9] = time;
  ack[10] = streamPort >>> 8;
  ack[11] = streamPort;
  ack[12] = status;
}

/** POSE, phone to server: optional fields in order, each only with those before it. */
export function encodePosePose(
  pose: PoseFields & { flags?: number; confidence?: number; frameId?: number },
): Uint8Array<ArrayBuffer> {
  const { flags, confidence, frameId } = pose;
  if (confidence !== undefined && flags === undefined) {
    throw new TypeError("a confidence comes behind flags only");
  }
  if (frameId !== undefined && confidence === undefined) {
    throw new TypeError("a frame id comes behind a confidence only");
  }
  const length = frameId !== undefined
    ? WITH_FRAME
    : confidence !== undefined
    ? WITH_CONFIDENCE
    : flags !== undefined
    ? WITH_FLAGS
    : POSE_BYTES;
  const { bytes, view } = begin("POSE", TYPE.pose, length);
  view.setUint16(6, pose.seq);
  writeU64(view, 8, pose.timestampUs, false);
  writePlacement(view, 16, pose, false);
  if (flags !== undefined) view.setUint16(44, flags);
  if (confidence !== undefined) view.setFloat32(46, confidence);
  if (frameId !== undefined) bytes[50] = frameId;
  return bytes;
}

/** BYE. */
export function encodePoseBye(): Uint8Array<ArrayBuffer> {
  return begin("POSE", TYPE.bye, HEADER_BYTES).bytes;
}
