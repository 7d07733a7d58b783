/**
 * A frame in calls on the control stream: `{"id": 291, "data": "11 22", …}`.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { type CanFrame, dataFrame, remoteFrame } from "./frame.ts";

/** A frame in a call. */
export interface FrameJson {
  /** Identifier. */
  id: number;
  /** 29 bits; absent: where `id` needs it. */
  extended?: boolean | undefined;
  /** Data in hexadecimal; absent: none. */
  data?: string | undefined;
  /** CAN FD; absent: where there are more than 8 bytes. */
  fd?: boolean | undefined;
  /** Bit rate switch. */
  brs?: boolean | undefined;
  /** A remote request for this many bytes. */
  remote?: number | undefined;
}

/** The frame that is meant. Throws `UsageError`. */
export function frameFromJson(json: FrameJson): CanFrame {
  const { id, extended, data = "", fd, brs, remote } = json;
  const options = {
    ...(extended === undefined ? {} : { extended }),
    ...(fd === undefined ? {} : { fd }),
    ...(brs === undefined ? {} : { brs }),
  };
  try {
    if (remote !== undefined) return remoteFrame(id, remote, options);
    return dataFrame(id, bytesOfHex(data), options);
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

/** The frame for a call. */
export function frameToJson(frame: CanFrame): FrameJson {
  return {
    id: frame.id,
    extended: frame.extended,
    ...(frame.kind === "remote" ? { remote: frame.length } : { data: hexOf(frame.data) }),
    ...(frame.fd ? { fd: true, brs: frame.brs } : {}),
  };
}

/** Bytes of an even number of hexadecimal digits. */
export function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0").toUpperCase());

/** Upper-case hexadecimal digits of bytes. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i]!];
  return text;
}
