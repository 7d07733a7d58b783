/**
 * From a ticket to the device that the clients of every kind attach to.
 *
 * @module
 */
import type { RemoteDevice } from "../remote.ts";
import { remoteDeviceOf } from "../session/remote_device.ts";
import type { Endpoint } from "../transport/connection.ts";
import { parseTicket } from "../transport/ticket.ts";

/** How to dial; what every kind of client takes beside its own options. */
export interface RemoteOptions {
  /** Milliseconds until a peer never reached counts as unreachable. Default 15,000. */
  timeoutMs?: number | undefined;
  /** Whether to go on after a loss. Default true. */
  reconnect?: boolean | undefined;
  /** Program and version, for the server's people. */
  agent?: string | undefined;
}

/** The device of a ticket, dialled from an endpoint that stays the caller's. Throws `UsageError` for a ticket that is none. */
export function remoteDevice(
  ticket: string,
  endpoint: Endpoint,
  options: RemoteOptions,
): RemoteDevice {
  const { address, device, grant } = parseTicket(ticket);
  const { timeoutMs = 15_000, reconnect = true, agent = "xoq-client" } = options;
  const target = {
    address,
    agent,
    ...(device === undefined ? {} : { device }),
    ...(grant === undefined ? {} : { grant }),
  };
  return remoteDeviceOf(endpoint, target, { timeoutMs, reconnect });
}
