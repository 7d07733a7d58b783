/**
 * Hearing of devices that come and go.
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
const poller = new Poller();

/** A source of "something changed". */
export interface DeviceChanges extends AsyncDisposable {
  /** Resolves at the next change since it was made or since the last; rejects with the signal's reason. */
  next(signal: AbortSignal): Promise<void>;
}

/** Listens to uevents of a subsystem; `undefined` where there is no such socket. */
export function ueventChanges(subsystem: string): DeviceChanges | undefined {
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

/** Listens to changes of a folder of device nodes. Reading and writing the nodes is no change. */
export function folderChanges(folder: string): DeviceChanges {
  const watcher = Deno.watchFs(folder, { recursive: false });
  const events = watcher[Symbol.asyncIterator]();
  /** Outlives a `next()` that was given up: what it hears is the next one's. */
  let pending: Promise<void> | undefined;
  const listen = async () => {
    for (;;) {
      const { done, value } = await events.next();
      if (done || value.kind !== "access") return;
    }
  };
  return {
    async next(signal) {
      signal.throwIfAborted();
      pending ??= listen();
      const aborted = Promise.withResolvers<never>();
      const abort = () => aborted.reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      try {
        await Promise.race([pending, aborted.promise]);
        pending = undefined;
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
    async [Symbol.asyncDispose]() {
      watcher.close();
      await pending;
    },
  };
}
