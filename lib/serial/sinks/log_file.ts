/**
 * The file of `--log`.
 *
 * @module
 */
import { DeniedError, UsageError } from "../../errors.ts";
import { LineLog } from "./line_log.ts";

/** Opens a log to append to. Throws `DeniedError`, `UsageError`. */
export async function openLog(path: string): Promise<LineLog> {
  try {
    const file = await Deno.open(path, { append: true, create: true });
    return new LineLog(async (bytes) => {
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    });
  } catch (cause) {
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new DeniedError(`no permission to write ${path}`, { cause });
    }
    throw new UsageError(`${path} can't be written: ${(cause as Error).message}`, { cause });
  }
}
