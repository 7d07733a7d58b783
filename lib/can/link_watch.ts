/**
 * Hears of changes of interfaces, for any number of buses by one socket, and waits for descriptors
 * of all buses on one thread.
 *
 * @module
 */
import { POLL } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";
import { findLink, type LinkChange, LinkMonitor } from "../../ffi/rtnetlink.ts";

/** The one waiting thread of all CAN sockets. */
export const canPoller: Poller = new Poller();

/** Hears of a change. */
export type LinkListener = (change: LinkChange) => void;

const listeners = new Set<LinkListener>();
let running: AbortController | undefined;

/** Calls back on every change of an interface. Returns the unsubscriber. Throws `FfiError`. */
export function watchLinks(listener: LinkListener): () => void {
  if (running === undefined) {
    const monitor = new LinkMonitor();
    running = new AbortController();
    void run(monitor, running.signal);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    running?.abort();
    running = undefined;
  };
}

async function run(monitor: LinkMonitor, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted) {
      await canPoller.wait(monitor.fd, POLL.POLLIN, { signal });
      const changes = monitor.read();
      // Lost messages: nobody knows of whom, so each looks for itself.
      for (const change of changes ?? [LOST]) {
        for (const listener of [...listeners]) listener(change);
      }
    }
  } catch {
    // Aborted: nobody listens any more.
  } finally {
    await canPoller.close(monitor.fd);
  }
}

const LOST: LinkChange = {
  deleted: false,
  link: {
    index: 0,
    name: "",
    hardwareType: 0,
    kind: "",
    up: false,
    running: false,
    mtu: 0,
    queue: 0,
    can: undefined,
  },
};

/** Waits until an interface of this name is here. Rejects with the signal's reason. */
export async function linkAppears(name: string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const unwatch = watchLinks(({ link }) => {
    if (link.name === name || link.index === 0) look();
  });
  const look = () => {
    if (findLink(name) !== undefined) resolve();
  };
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    look();
    await promise;
  } finally {
    unwatch();
    signal?.removeEventListener("abort", abort);
  }
}
