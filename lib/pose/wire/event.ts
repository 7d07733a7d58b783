/**
 * Poses and commands as JSON lines, in the form that the app's own Python package hands them on
 * (Mana-Robotics/televoodoo-python, docs/DATA_FORMAT.md). Beside the published members stand `seq`,
 * `timestamp_us` (the phone's clock) and `received_us` (this machine's, since the epoch).
 *
 * @module
 */
import type { Datagram } from "./datagram.ts";
import { COMMANDS, MOVEMENT_START } from "./tele.ts";

/** Where the phone is. */
export interface PoseEvent {
  /** What it is. */
  type: "pose";
  /** As published. */
  data: {
    /** As the phone measured it. */
    absolute_input: {
      /** A new origin for movements. */
      movement_start: boolean;
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
    };
  };
  /** u16 of the phone; rolls over. */
  seq: number;
  /** The phone's clock, µs. */
  timestamp_us: number;
  /** When the server received it, µs since the epoch by its clock. */
  received_us: number;
  /** Bits, where the dialect has them. */
  flags?: number;
  /** How sure the phone is, where it says so. */
  confidence?: number;
  /** Frame of reference, where the phone says so. */
  frame_id?: number;
}

/** A button: `recording` true starts, false stops; `keep_recording` true keeps, false discards. */
export interface CommandEvent {
  /** What it is. */
  type: "command";
  /** `recording`, `keep_recording`, or `command_N` for one this version doesn't know. */
  name: string;
  /** Its value; a number for an unknown command. */
  value: boolean | number;
}

/** A phone came. */
export interface ConnectedEvent {
  /** What it is. */
  type: "wifi_connected";
  /** `IP:PORT`. */
  client: string;
}

/** The phone went. */
export interface DisconnectedEvent {
  /** What it is. */
  type: "wifi_disconnected";
  /** `bye`, `timeout`, or `server`. */
  reason: string;
}

/** Any of them. */
export type PhoneEvent = PoseEvent | CommandEvent | ConnectedEvent | DisconnectedEvent;

/** What goes to the phone: only the newest of each type is kept on the way. */
export type ReverseMessage =
  | { type: "haptic"; intensity: number; channel?: number }
  /** Bytes as they are, at most {@link MAX_REVERSE_BYTES}, in base64. */
  | { type: "message"; data: string };

/** Longest reverse message. */
export const MAX_REVERSE_BYTES = 512;
/** Longest line of a reverse message, in characters. */
export const MAX_REVERSE_LINE = 1_024;

/** Whether a movement begins: as the flags say, or, in a stream without flags, with its first pose. */
export function beginsMovement(pose: Datagram, first: boolean): boolean {
  return pose.flags < 0 ? first : (pose.flags & MOVEMENT_START) !== 0;
}

/** The line of a pose, without its end. */
export function poseLine(pose: Datagram, receivedUs: number, movementStart: boolean): string {
  const { x, y, z, qx, qy, qz, qw, seq, timestampUs, flags, confidence, frameId } = pose;
  let line = `{"type":"pose","data":{"absolute_input":{"movement_start":${movementStart},` +
    `"x":${x},"y":${y},"z":${z},"qx":${qx},"qy":${qy},"qz":${qz},"qw":${qw}}},` +
    `"seq":${seq},"timestamp_us":${timestampUs},"received_us":${receivedUs}`;
  if (flags >= 0) line += `,"flags":${flags}`;
  if (confidence === confidence) line += `,"confidence":${confidence}`;
  if (frameId >= 0) line += `,"frame_id":${frameId}`;
  return line + "}";
}

/** The event of a pose: what {@link poseLine} writes. */
export function poseEvent(
  pose: Datagram,
  receivedUs: number,
  movementStart: boolean,
): PoseEvent {
  const { x, y, z, qx, qy, qz, qw, seq, timestampUs, flags, confidence, frameId } = pose;
  return {
    type: "pose",
    data: { absolute_input: { movement_start: movementStart, x, y, z, qx, qy, qz, qw } },
    seq,
    timestamp_us: timestampUs,
    received_us: receivedUs,
    ...(flags >= 0 ? { flags } : {}),
    ...(Number.isNaN(confidence) ? {} : { confidence }),
    ...(frameId >= 0 ? { frame_id: frameId } : {}),
  };
}

/** The event of a command. */
export function commandEvent(command: number, value: number): CommandEvent {
  for (const [name, number] of Object.entries(COMMANDS)) {
    if (number === command) return { type: "command", name, value: value !== 0 };
  }
  return { type: "command", name: `command_${command}`, value };
}

/** A {@link ReverseMessage} from one line of JSON. Throws `TypeError` saying what is wrong with it. */
export function parseReverse(line: string): ReverseMessage {
  if (line.length > MAX_REVERSE_LINE) {
    throw new TypeError(`a line of ${line.length} characters, at most ${MAX_REVERSE_LINE}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new TypeError("no JSON");
  }
  const { type, intensity, channel, data } = (value ?? {}) as Record<string, unknown>;
  if (type === "haptic") {
    if (typeof intensity !== "number" || !(intensity >= 0 && intensity <= 1)) {
      throw new TypeError(`"intensity" from 0 to 1 is wanted`);
    }
    if (channel === undefined) return { type, intensity };
    if (
      typeof channel !== "number" || !(Number.isInteger(channel) && channel >= 0 && channel < 256)
    ) {
      throw new TypeError(`"channel" from 0 to 255 is wanted`);
    }
    return { type, intensity, channel };
  }
  if (type === "message") {
    if (typeof data !== "string") throw new TypeError(`"data" in base64 is wanted`);
    const bytes = reverseBytes(data);
    if (bytes.length === 0 || bytes.length > MAX_REVERSE_BYTES) {
      throw new TypeError(`${bytes.length} bytes; 1 to ${MAX_REVERSE_BYTES} are wanted`);
    }
    return { type, data };
  }
  throw new TypeError(`"type" is neither haptic nor message`);
}

/** Bytes of a reverse message's base64. Throws `TypeError`. */
export function reverseBytes(data: string): Uint8Array<ArrayBuffer> {
  let text: string;
  try {
    text = atob(data);
  } catch {
    throw new TypeError(`"data" is no base64`);
  }
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
