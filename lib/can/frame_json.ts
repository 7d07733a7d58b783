/**
 * A frame in calls on the control stream: `{"id": 291, "data": "11 22", …}`.
 *
 * @module
 */
import * as v from "valibot";
import { UsageError } from "../errors.ts";
import { type CanFrame, dataFrame, MAX_EXTENDED_ID, remoteFrame } from "./frame.ts";

/** Shape of a frame in a call. */
export const FRAME_SCHEMA = v.object({
  /** Identifier. */
  id: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_EXTENDED_ID)),
  /** 29 bits; absent: where `id` needs it. */
  extended: v.optional(v.boolean()),
  /** Data in hexadecimal. */
  data: v.optional(v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/i), v.maxLength(128)), ""),
  /** CAN FD; absent: where there are more than 8 bytes. */
  fd: v.optional(v.boolean()),
  /** Bit rate switch. */
  brs: v.optional(v.boolean()),
  /** A remote request for this many bytes. */
  remote: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8))),
});

/** A frame in a call. */
export type FrameJson = v.InferInput<typeof FRAME_SCHEMA>;

/** The frame that is meant. Throws `UsageError`. */
export function frameFromJson(json: v.InferOutput<typeof FRAME_SCHEMA>): CanFrame {
  const { id, extended, data, fd, brs, remote } = json;
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
