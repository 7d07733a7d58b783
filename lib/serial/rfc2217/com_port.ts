/**
 * The COM-PORT-OPTION's commands (RFC 2217, section 3): pure encoding and decoding, no port.
 *
 * @module
 */
import type { LineFormat } from "../port.ts";

/** Commands of a client; a server's answer is 100 more. */
export const COMMAND = {
  SIGNATURE: 0,
  SET_BAUDRATE: 1,
  SET_DATASIZE: 2,
  SET_PARITY: 3,
  SET_STOPSIZE: 4,
  SET_CONTROL: 5,
  NOTIFY_LINESTATE: 6,
  NOTIFY_MODEMSTATE: 7,
  FLOWCONTROL_SUSPEND: 8,
  FLOWCONTROL_RESUME: 9,
  SET_LINESTATE_MASK: 10,
  SET_MODEMSTATE_MASK: 11,
  PURGE_DATA: 12,
} as const;

/** What is added to a command in the other direction. */
export const FROM_SERVER = 100;

/** Values of SET_CONTROL. */
export const CONTROL = {
  ASK_FLOW: 0,
  NO_FLOW: 1,
  XON_XOFF: 2,
  HARDWARE: 3,
  ASK_BREAK: 4,
  BREAK_ON: 5,
  BREAK_OFF: 6,
  ASK_DTR: 7,
  DTR_ON: 8,
  DTR_OFF: 9,
  ASK_RTS: 10,
  RTS_ON: 11,
  RTS_OFF: 12,
  ASK_FLOW_IN: 13,
  NO_FLOW_IN: 14,
  XON_XOFF_IN: 15,
  HARDWARE_IN: 16,
} as const;

/** Bits of NOTIFY_MODEMSTATE: states, and four below that tell of changes. */
export const MODEM_STATE = { DCD: 128, RI: 64, DSR: 32, CTS: 16 } as const;
/** Bits of NOTIFY_LINESTATE. */
export const LINE_STATE = { BREAK: 16, FRAMING: 8, PARITY: 4, OVERRUN: 2 } as const;

const PARITIES = [undefined, "none", "odd", "even", "mark", "space"] as const;

/** A command as it came. */
export type ComPortRequest =
  | { type: "signature"; text: string | undefined }
  /** `undefined` asks what it is. */
  | { type: "format"; command: number; changes: Partial<LineFormat> | undefined }
  | { type: "control"; value: number }
  | { type: "suspend" }
  | { type: "resume" }
  | { type: "line-mask"; mask: number }
  | { type: "modem-mask"; mask: number }
  | { type: "purge"; value: number }
  /** None of RFC 2217's, or none that makes sense. */
  | { type: "unknown"; command: number };

/** Reads the body of a COM-PORT subnegotiation from a client. Takes every sequence of bytes. */
export function decodeRequest(body: Uint8Array): ComPortRequest {
  const command = body[0];
  const value = body[1];
  if (command === undefined) return { type: "unknown", command: 255 };
  switch (command) {
    case COMMAND.SIGNATURE: {
      const text = body.subarray(1);
      return {
        type: "signature",
        text: text.length === 0 ? undefined : new TextDecoder("latin1").decode(text),
      };
    }
    case COMMAND.SET_BAUDRATE: {
      if (body.length < 5) break;
      const baudRate = new DataView(body.buffer, body.byteOffset + 1, 4).getUint32(0);
      return { type: "format", command, changes: baudRate === 0 ? undefined : { baudRate } };
    }
    case COMMAND.SET_DATASIZE:
      if (value === 0) return { type: "format", command, changes: undefined };
      if (value !== 5 && value !== 6 && value !== 7 && value !== 8) break;
      return { type: "format", command, changes: { dataBits: value } };
    case COMMAND.SET_PARITY: {
      if (value === 0) return { type: "format", command, changes: undefined };
      const parity = value === undefined ? undefined : PARITIES[value];
      if (parity === undefined) break;
      return { type: "format", command, changes: { parity } };
    }
    case COMMAND.SET_STOPSIZE:
      if (value === 0) return { type: "format", command, changes: undefined };
      // 3 is one and a half, which no driver here has.
      if (value !== 1 && value !== 2) break;
      return { type: "format", command, changes: { stopBits: value } };
    case COMMAND.SET_CONTROL:
      if (value === undefined) break;
      return { type: "control", value };
    case COMMAND.FLOWCONTROL_SUSPEND:
      return { type: "suspend" };
    case COMMAND.FLOWCONTROL_RESUME:
      return { type: "resume" };
    case COMMAND.SET_LINESTATE_MASK:
      if (value === undefined) break;
      return { type: "line-mask", mask: value };
    case COMMAND.SET_MODEMSTATE_MASK:
      if (value === undefined) break;
      return { type: "modem-mask", mask: value };
    case COMMAND.PURGE_DATA:
      if (value !== 1 && value !== 2 && value !== 3) break;
      return { type: "purge", value };
  }
  return { type: "unknown", command };
}

/** The body of an answer that tells the format's member the command is about. */
export function encodeFormat(command: number, format: LineFormat): Uint8Array {
  const body = new Uint8Array(command === COMMAND.SET_BAUDRATE ? 5 : 2);
  body[0] = command + FROM_SERVER;
  if (command === COMMAND.SET_BAUDRATE) {
    new DataView(body.buffer).setUint32(1, format.baudRate);
  } else if (command === COMMAND.SET_DATASIZE) body[1] = format.dataBits;
  else if (command === COMMAND.SET_PARITY) body[1] = PARITIES.indexOf(format.parity);
  else body[1] = format.stopBits;
  return body;
}

/** The body of an answer of one value. */
export function encodeValue(command: number, value: number): Uint8Array {
  return Uint8Array.of(command + FROM_SERVER, value);
}

/** The body of the server's signature. */
export function encodeSignature(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const body = new Uint8Array(bytes.length + 1);
  body[0] = COMMAND.SIGNATURE + FROM_SERVER;
  body.set(bytes, 1);
  return body;
}
