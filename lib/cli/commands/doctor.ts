/**
 * `xoq doctor`: asks every room what this machine can do.
 *
 * @module
 */
import type { Check } from "../../checks.ts";
import { CHECK_PROVIDERS } from "../../registry.ts";
import { type Command, defineCommand } from "../command.ts";
import { ENDPOINT_OPTIONS } from "../common_options.ts";
import { palette } from "../terminal.ts";
import { stdoutPalette } from "../environment.ts";

/** Time one room's checks may take, milliseconds. */
const ROOM_LIMIT_MS = 10_000;

/** The command. */
export const doctorCommand: Command = defineCommand({
  positionals: [],
  options: ENDPOINT_OPTIONS,
  description: "Ends with 1 when something that was promised can't work here.",
  examples: [
    ["xoq doctor", "devices, permissions, encoders, libraries, UDP, relay"],
    ["xoq doctor --json", "one object a check: room, name, status, detail, fix"],
  ],
  run: async (_args, _values, { output, signal }) => {
    const paint = output.json ? palette(false) : stdoutPalette();
    let failed = false;
    for (const { room, load } of CHECK_PROVIDERS) {
      const checks = await look(load, signal);
      signal.throwIfAborted();
      if (!output.json) output.print(paint.strong(room));
      for (const check of checks) {
        failed ||= check.status === "fail";
        if (output.json) output.record({ room, ...check });
        else output.print(line(check, paint));
      }
    }
    return failed ? 1 : 0;
  },
});

async function look(
  load: (typeof CHECK_PROVIDERS)[number]["load"],
  signal: AbortSignal,
): Promise<Check[]> {
  const limit = AbortSignal.timeout(ROOM_LIMIT_MS);
  const either = AbortSignal.any([signal, limit]);
  const ended = Promise.withResolvers<never>();
  const onAbort = () => ended.reject(either.reason);
  either.addEventListener("abort", onAbort);
  ended.promise.catch(() => {});
  try {
    return await Promise.race([load().then((checks) => checks({ signal: either })), ended.promise]);
  } catch (error) {
    const detail = limit.aborted
      ? `no answer within ${ROOM_LIMIT_MS / 1000} s`
      : error instanceof Error
      ? error.message
      : String(error);
    return [{ name: "checks", status: "warn", detail: `could not look: ${detail}` }];
  } finally {
    either.removeEventListener("abort", onAbort);
  }
}

function line(check: Check, paint: ReturnType<typeof palette>): string {
  const mark = { ok: "ok  ", warn: paint.warn("warn"), fail: paint.bad("FAIL") }[check.status];
  const text = `  ${mark}  ${check.name}: ${check.detail}`;
  return check.fix === undefined ? text : `${text}\n        ${paint.dim(`fix: ${check.fix}`)}`;
}
