/**
 * Waiting for devices to come: the kernel's and udev's uevents where there is a netlink socket,
 * changes of /dev otherwise (containers).
 *
 * @module
 */
import { type DeviceChanges, folderChanges, ueventChanges } from "./device_changes.ts";

/**
 * How often to look without an event, in ms. Some changes send none: a loopback device that starts to
 * capture when a program feeds it, permissions set by hand.
 */
const LOOK_AGAIN_MS = 2000;

/** Ends a wait after a time, without an error. */
async function orAfter(
  wait: (signal: AbortSignal) => Promise<void>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), ms);
  try {
    await wait(signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]));
  } catch (error) {
    signal?.throwIfAborted();
    if (!timeout.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Looks until `find` answers something: at once, at every event of the subsystem, and every two
 * seconds besides. Rejects with the signal's reason, or with what `find` throws.
 *
 * @param options.subsystem the kernel's name: `video4linux`, `tty`, `net`.
 * @param options.folder where its nodes appear, for systems without uevents.
 * @param options.changes what to listen to instead.
 * @param options.lookAgainMs how long to wait for an event before looking all the same.
 */
export async function waitForDevice<T>(
  find: () => Promise<T | undefined>,
  options: {
    subsystem: string;
    folder?: string;
    lookAgainMs?: number;
    changes?: () => DeviceChanges;
    signal?: AbortSignal;
  },
): Promise<T> {
  const { signal, subsystem, folder = "/dev", lookAgainMs = LOOK_AGAIN_MS } = options;
  signal?.throwIfAborted();
  // Listening begins before the first look: what comes between the two is heard.
  await using changes = options.changes?.() ?? ueventChanges(subsystem) ?? folderChanges(folder);
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    signal?.throwIfAborted();
    await orAfter((until) => changes.next(until), lookAgainMs, signal);
  }
}
