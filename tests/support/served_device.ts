/**
 * Any device, served to everybody over a network in memory, and clients of it.
 *
 * @module
 */
import type { DeviceEvent, ServedDevice } from "../../lib/device.ts";
import type { RemoteDevice } from "../../lib/remote.ts";
import { remoteDeviceOf } from "../../lib/session/remote_device.ts";
import { SessionServer } from "../../lib/session/server.ts";
import { MemoryNetwork, type MemoryOptions } from "../../lib/transport/memory.ts";

/** How long a client waits for its server, and {@link until} for its condition, in milliseconds. */
const TIMEOUT_MS = { dial: 2_000, until: 5_000 } as const;

/** A served device. */
export interface ServedInMemory extends AsyncDisposable {
  /** The network. */
  network: MemoryNetwork;
  /** The serving endpoint's id. */
  id: string;
  /** A client with an endpoint of its own. */
  remote(options?: { reconnect?: boolean }): RemoteDevice & { id: string };
}

/**
 * Serves a device until disposed, which closes it.
 *
 * @param onEvent told of the device's events, beside the session.
 */
export function serveInMemory(
  device: ServedDevice & AsyncDisposable,
  memory: MemoryOptions | undefined,
  onEvent: (event: DeviceEvent) => void = () => {},
): ServedInMemory {
  const network = new MemoryNetwork(memory);
  const endpoint = network.endpoint(SessionServer.protocols([device]));
  const sessions = new SessionServer(endpoint, {
    devices: [device],
    agent: "test",
    policy: {
      public: true,
      allow: new Set(),
      verify: () => Promise.reject(new Error("no grants here")),
    },
  });
  device.onEvent = (event) => {
    onEvent(event);
    if (event.type === "lost") sessions.announce(device.name, "lost", event.reason);
    else if (event.type === "back") sessions.announce(device.name, "back");
  };
  return {
    network,
    id: endpoint.id,
    remote: ({ reconnect = false } = {}) => {
      const client = network.endpoint();
      const target = { address: endpoint.address(), agent: "test" };
      const policy = { timeoutMs: TIMEOUT_MS.dial, reconnect };
      return { ...remoteDeviceOf(client, target, policy), id: client.id, label: device.name };
    },
    [Symbol.asyncDispose]: async () => {
      await sessions.close();
      await device[Symbol.asyncDispose]();
      await endpoint.close();
    },
  };
}

/** Resolves when the condition holds; looks at every turn of the event loop. */
export async function until(condition: () => boolean, what = "the condition"): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS.until;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} never came to be`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
