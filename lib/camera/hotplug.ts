/**
 * Waiting for devices to come: the kernel's and udev's uevents where there is a netlink socket,
 * changes of /dev otherwise (containers).
 *
 * @module
 */
import * as libc from "../../ffi/libc.ts";
import { sockaddr_nl, SOCKET } from "../../ffi/libc_layout.ts";
import { Poller } from "../../ffi/poller.ts";

/** The multicast groups of NETLINK_KOBJECT_UEVENT: 1 is the kernel's, 2 is udev's, sent when its rules have run. */
const GROUPS = 3;
/** A uevent is at most 2 KiB from the kernel and 8 KiB from udev. */
const MESSAGE_BYTES = 16 * 1024;
/**
 * How often to look without an event, in ms. Some changes send none: a loopback device that starts to
 * capture when a program feeds it, permissions set by hand.
 */
const LOOK_AGAIN_MS = 2000;

const poller = new Poller();

/** A source of "something changed". */
interface Changes extends AsyncDisposable {
  /** Resolves at the next change, rejects with the signal's reason. */
  next(signal: AbortSignal): Promise<void>;
}

/** A socket that hears uevents; `undefined` where there is none. */
function openUevents(subsystem: string): Changes | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const fd = libc.socket(
    SOCKET.AF_NETLINK,
    SOCKET.SOCK_RAW | SOCKET.SOCK_CLOEXEC | SOCKET.SOCK_NONBLOCK,
    SOCKET.NETLINK_KOBJECT_UEVENT,
  );
  if (fd < 0) return undefined;
  const address = new Uint8Array(sockaddr_nl.size);
  const view = new DataView(address.buffer);
  view.setUint16(sockaddr_nl.nl_family, SOCKET.AF_NETLINK, true);
  view.setUint32(sockaddr_nl.nl_groups, GROUPS, true);
  if (libc.bind(fd, address) < 0) {
    libc.close(fd);
    return undefined;
  }
  const message = new Uint8Array(MESSAGE_BYTES);
  const decoder = new TextDecoder("latin1");
  return {
    async next(signal) {
      for (;;) {
        await poller.wait(fd, libc.POLL.POLLIN, { signal });
        const length = libc.read(fd, message);
        // ENOBUFS: events were lost, which is reason enough to look.
        if (length === -libc.ERRNO.ENOBUFS) return;
        if (length < 0) continue;
        if (decoder.decode(message.subarray(0, length)).includes(subsystem)) return;
      }
    },
    [Symbol.asyncDispose]: () => poller.close(fd),
  };
}

/** Watches a folder of device nodes. */
function watchFolder(folder: string, signal: AbortSignal): Changes {
  const watcher = Deno.watchFs(folder, { recursive: false });
  const events = watcher[Symbol.asyncIterator]();
  const close = () => {
    try {
      watcher.close();
    } catch {
      // Closed already.
    }
  };
  signal.addEventListener("abort", close, { once: true });
  return {
    async next() {
      for (;;) {
        const { done, value } = await events.next();
        signal.throwIfAborted();
        if (done) throw new DOMException("the watcher was closed", "AbortError");
        if (value.kind !== "access") return;
      }
    },
    [Symbol.asyncDispose]: () => {
      signal.removeEventListener("abort", close);
      close();
      return Promise.resolve();
    },
  };
}

/** Ends a wait after a time, without an error. */
async function orAfter(wait: (signal: AbortSignal) => Promise<void>, ms: number, by: AbortSignal) {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), ms);
  try {
    await wait(AbortSignal.any([by, timeout.signal]));
  } catch (error) {
    by.throwIfAborted();
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
 * @param options.lookAgainMs how long to wait for an event before looking all the same.
 */
export async function waitForDevice<T>(
  find: () => Promise<T | undefined>,
  options: { subsystem: string; folder?: string; lookAgainMs?: number; signal?: AbortSignal },
): Promise<T> {
  const controller = new AbortController();
  const signal = options.signal === undefined
    ? controller.signal
    : AbortSignal.any([options.signal, controller.signal]);
  signal.throwIfAborted();
  // Listening begins before the first look: what comes between the two is heard.
  await using changes = openUevents(options.subsystem) ??
    watchFolder(options.folder ?? "/dev", signal);
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    signal.throwIfAborted();
    await orAfter((until) => changes.next(until), options.lookAgainMs ?? LOOK_AGAIN_MS, signal);
  }
}
