/**
 * Terminals and serial lines of this system: any speed, frames, modem lines, breaks, counters.
 * Descriptors come from `libc.ts`.
 *
 * @module
 */
import { darwinTermios } from "./termios_darwin.ts";
import { linuxTermios } from "./termios_linux.ts";
import type { TermiosSystem } from "./termios_system.ts";

export type {
  LineCounters,
  LineFormat,
  ModemLines,
  QueueName,
  TermiosSystem,
} from "./termios_system.ts";

/** This system's terminals. */
export const termios: TermiosSystem = Deno.build.os === "darwin" ? darwinTermios : linuxTermios;
