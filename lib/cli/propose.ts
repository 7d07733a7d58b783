/**
 * Values for the shells' completions.
 *
 * @module
 */
import type { KindEntry } from "../registry.ts";

/** Time a kind has for saying what devices are here, milliseconds: someone is waiting at a prompt. */
const LIMIT_MS = 1_000;

/** Devices of a kind that are here and begin so. */
export async function proposeDevices(kind: KindEntry, partial: string): Promise<readonly string[]> {
  const devices = await (await kind.load()).list({ signal: AbortSignal.timeout(LIMIT_MS) });
  return devices.map((device) => device.selector).filter((name) => name.startsWith(partial));
}
