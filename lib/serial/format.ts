/**
 * Line formats as people write them (`115200`, `8N1`) and as they come from elsewhere.
 *
 * @module
 */
import * as v from "valibot";
import { UsageError } from "../errors.ts";
import type { LineFormat } from "./port.ts";

/** Highest rate that is asked of a driver: no hardware is near it. */
export const MAX_BAUD_RATE = 100_000_000;

/** What a port is opened with when nothing else is said. */
export const DEFAULT_FORMAT: Readonly<LineFormat> = {
  baudRate: 115_200,
  dataBits: 8,
  parity: "none",
  stopBits: 1,
  rtscts: false,
  xonxoff: false,
};

const PARITIES = { N: "none", E: "even", O: "odd", M: "mark", S: "space" } as const;

/** Reads `8N1`, `7E2`, … Throws `UsageError`. */
export function parseFrame(text: string): Pick<LineFormat, "dataBits" | "parity" | "stopBits"> {
  const match = /^([5-8])([NEOMS])([12])$/i.exec(text);
  if (match === null) {
    throw new UsageError(`"${text}" is no frame`, {
      hint: "write data bits, parity (N E O M S) and stop bits: 8N1, 7E1, 8N2",
    });
  }
  return {
    dataBits: Number(match[1]) as LineFormat["dataBits"],
    parity: PARITIES[match[2]!.toUpperCase() as keyof typeof PARITIES],
    stopBits: Number(match[3]) as LineFormat["stopBits"],
  };
}

/** `8N1`. */
export function frameText({ dataBits, parity, stopBits }: LineFormat): string {
  return `${dataBits}${parity[0]!.toUpperCase()}${stopBits}`;
}

/** `115200 8N1 rtscts`. */
export function formatText(format: LineFormat): string {
  const flow = [format.rtscts && "rtscts", format.xonxoff && "xonxoff"].filter(Boolean);
  return [format.baudRate, frameText(format), ...flow].join(" ");
}

const baudRate = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_BAUD_RATE));
const changesSchema = v.object({
  baudRate: v.exactOptional(baudRate),
  dataBits: v.exactOptional(v.picklist([5, 6, 7, 8])),
  parity: v.exactOptional(v.picklist(["none", "even", "odd", "mark", "space"])),
  stopBits: v.exactOptional(v.picklist([1, 2])),
  rtscts: v.exactOptional(v.boolean()),
  xonxoff: v.exactOptional(v.boolean()),
});

/** Checks changes that came from elsewhere; members it doesn't know are left out. Throws `UsageError`. */
export function checkChanges(changes: unknown): Partial<LineFormat> {
  const result = v.safeParse(changesSchema, changes);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const where = issue.path?.map((part) => String(part.key)).join(".") ?? "format";
  throw new UsageError(`bad ${where} for a serial port: ${issue.message}`);
}

/** Whether two formats are the same. */
export function sameFormat(a: LineFormat, b: LineFormat): boolean {
  return a.baudRate === b.baudRate && a.dataBits === b.dataBits && a.parity === b.parity &&
    a.stopBits === b.stopBits && a.rtscts === b.rtscts && a.xonxoff === b.xonxoff;
}

/** How long so many characters take on the line, in milliseconds. */
export function lineMilliseconds(format: LineFormat, characters: number): number {
  const bits = 1 + format.dataBits + (format.parity === "none" ? 0 : 1) + format.stopBits;
  return characters * bits * 1000 / format.baudRate;
}
