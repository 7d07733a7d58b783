/**
 * Frames as text, as can-utils' `candump -l` writes them and `canplayer` and `cansend` read them:
 *
 * ```
 * (1436509052.249713) can0 123#1122334455667788
 * (1436509052.249713) can0 123##1<FD data>      one digit of flags: 1 BRS, 2 ESI
 * (1436509052.249713) can0 123#R4               remote, 4 bytes asked for
 * (1436509052.249713) can0 20000040#0000000000000000   error report, 8 digits, bit 29
 * ```
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import {
  CAN_ERR_FLAG,
  CANFD_BRS,
  CANFD_ESI,
  type CanFrame,
  dataFrame,
  errorFrame,
  MAX_EXTENDED_ID,
  remoteFrame,
} from "./frame.ts";
import { bytesOfHex, hexOf } from "./frame_json.ts";

/** A frame without time and bus: what `cansend` takes. */
export function formatFrame(frame: CanFrame): string {
  const { id, kind } = frame;
  if (kind === "error") return `${hex(id + CAN_ERR_FLAG, 8)}#${hexOf(frame.data)}`;
  const name = hex(id, frame.extended ? 8 : 3);
  if (kind === "remote") return `${name}#R${frame.length === 0 ? "" : frame.length}`;
  if (!frame.fd) return `${name}#${hexOf(frame.data)}`;
  const flags = (frame.brs ? CANFD_BRS : 0) | (frame.esi ? CANFD_ESI : 0);
  return `${name}##${flags}${hexOf(frame.data)}`;
}

/** A line of the log, without its end. */
export function formatLogLine(frame: CanFrame, bus: string): string {
  const seconds = Math.floor(frame.time / 1e6);
  const micros = String(frame.time - seconds * 1e6).padStart(6, "0");
  return `(${String(seconds).padStart(10, "0")}.${micros}) ${bus} ${formatFrame(frame)}`;
}

/** Reads what `cansend` takes. Throws `UsageError`. */
export function parseFrame(text: string, time = 0): CanFrame {
  const match = /^([0-9a-f]{3}|[0-9a-f]{8})#(.*)$/i.exec(text);
  if (match === null) throw wrong(text, "expected ID#DATA, with 3 or 8 digits of identifier");
  const raw = parseInt(match[1]!, 16);
  const long = match[1]!.length === 8;
  const body = match[2]!.replaceAll(".", "");
  if (long && Math.floor(raw / CAN_ERR_FLAG) === 1) {
    if (!isHex(body) || body.length > 16) throw wrong(text, "an error report has up to 8 bytes");
    return errorFrame(raw - CAN_ERR_FLAG, bytesOfHex(body), time);
  }
  if (raw > (long ? MAX_EXTENDED_ID : 0x7ff)) {
    throw wrong(text, long ? "29 bits end at 1FFFFFFF" : "11 bits end at 7FF");
  }
  const remote = /^R([0-8])?$/i.exec(body);
  if (remote !== null) return remoteFrame(raw, Number(remote[1] ?? 0), { extended: long, time });
  const fd = /^#([0-9a-f])(.*)$/i.exec(body);
  const flags = parseInt(fd?.[1] ?? "0", 16);
  const data = fd === null ? body : fd[2]!;
  const most = fd === null ? 8 : 64;
  if (!isHex(data)) throw wrong(text, "data is pairs of hexadecimal digits");
  if (data.length > most * 2) throw wrong(text, `at most ${most} bytes of data`);
  return dataFrame(raw, bytesOfHex(data), {
    extended: long,
    fd: fd !== null,
    brs: (flags & CANFD_BRS) !== 0,
    esi: (flags & CANFD_ESI) !== 0,
    time,
  });
}

/** A line read from a log, or from somebody who types: the time and the bus may be left out. */
export interface LogLine {
  /** The frame; `time` is 0 where the line has none. */
  frame: CanFrame;
  /** Name of the bus; `undefined` where the line has none. */
  bus: string | undefined;
}

/** Reads a line of a log, or what `cansend` takes. Throws `UsageError`. */
export function parseLogLine(line: string): LogLine {
  const match = /^(?:\((\d{1,11})\.(\d{6})\)\s+)?(?:([^\s#]{1,64})\s+)?(\S+)(?:\s+[RT])?$/.exec(
    line.trim(),
  );
  if (match === null) throw wrong(line, "expected (SECONDS.MICROS) BUS ID#DATA, or ID#DATA");
  const time = match[1] === undefined ? 0 : Number(match[1]) * 1e6 + Number(match[2]);
  return { frame: parseFrame(match[4]!, time), bus: match[3] };
}

function isHex(text: string): boolean {
  return /^([0-9a-f]{2})*$/i.test(text);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

function wrong(text: string, why: string): UsageError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new UsageError(`"${shown}" is no CAN frame: ${why}`, {
    hint: "123#1122, 12345678#R4, 123##1AABB: as candump -l writes and cansend takes them",
  });
}
