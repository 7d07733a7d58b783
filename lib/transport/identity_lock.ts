/**
 * One server an identity: the kernel's lock on a file, which ends with its process however that ends.
 *
 * @module
 */
import { BusyError } from "../errors.ts";
import { join, writeAtomically } from "./state_folder.ts";

/** Takes the lock of an identity's folder. Disposing gives it back. Throws `BusyError`. */
export async function lockIdentity(name: string, folder: string): Promise<AsyncDisposable> {
  const file = await Deno.open(join(folder, "lock"), { write: true, create: true, mode: 0o600 });
  let held = false;
  try {
    held = await file.tryLock(true);
    if (!held) throw new BusyError(await busyMessage(name, folder), { hint: BUSY_HINT });
    await writeAtomically(join(folder, "pid"), `${Deno.pid}\n`);
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // The lock ends with its descriptor: also when this process is killed.
      await Deno.remove(join(folder, "pid")).catch(() => {});
      file.close();
    },
  };
}

const BUSY_HINT = "end that process, or serve under another --name";

async function busyMessage(name: string, folder: string): Promise<string> {
  const pid = (await Deno.readTextFile(join(folder, "pid")).catch(() => "")).trim();
  return /^[0-9]+$/.test(pid)
    ? `the identity ${name} is in use by process ${pid}`
    : `the identity ${name} is in use by another process`;
}
