/**
 * A serial port on a ticket, for TypeScript programs: in Deno, Node, Bun or a browser, over any
 * {@link Endpoint}.
 *
 *     const port = await openSerialPort(ticket, endpoint, { format: { baudRate: 1_000_000 } });
 *     await port.write(new Uint8Array([0xff, 0xff, 1, 2, 1, 0xfb]));
 *     const answer = await port.read();
 *
 * For what is built on npm serialport, {@link ticketBinding} is a binding whose paths are tickets.
 *
 * @module
 */
import { SerialBinding } from "../serial/binding.ts";
import { type RemotePortOptions, RemoteSerialPort } from "../serial/remote_port.ts";
import type { Endpoint } from "../transport/connection.ts";
import { remoteDevice } from "./remote.ts";

export { SerialBinding, SerialBindingPort } from "../serial/binding.ts";
export { RemoteSerialPort };
export type { RemotePortEvent, RemotePortOptions, RemotePortStats } from "../serial/remote_port.ts";
export type { LineFormat, LineLevels, ModemLines, SerialPort } from "../serial/port.ts";

/** How to open a port. */
export interface ClientSerialOptions extends RemotePortOptions {
  /** Gives up, and later closes the port. */
  signal?: AbortSignal;
  /** Milliseconds until a server never reached counts as unreachable. Default 15,000. */
  timeoutMs?: number;
  /** Reconnect by itself. Default true. */
  reconnect?: boolean;
  /** Program and version, for the server's information. */
  agent?: string;
}

/**
 * Opens the port of a ticket and holds it until closed. The endpoint stays the caller's. Throws
 * `UsageError` for a ticket that is none, `UnreachableError`, `DeniedError`, `BusyError` (with who
 * holds the port), `NotFoundError`.
 */
export async function openSerialPort(
  ticket: string,
  endpoint: Endpoint,
  options: ClientSerialOptions = {},
): Promise<RemoteSerialPort> {
  const { signal, timeoutMs, reconnect, agent, ...port } = options;
  const remote = remoteDevice(ticket, endpoint, { timeoutMs, reconnect, agent });
  const opened = new RemoteSerialPort(remote, port);
  const running = opened.run(signal ?? new AbortController().signal);
  // How it ends is told by the port's own calls.
  running.catch(() => {});
  try {
    await opened.ready();
  } catch (error) {
    await running;
    throw error;
  }
  return opened;
}

/** A binding for `@serialport/stream` whose paths are tickets. It lists nothing. */
export function ticketBinding(
  endpoint: Endpoint,
  options: Omit<ClientSerialOptions, "format" | "role"> = {},
): SerialBinding {
  return new SerialBinding({
    list: () => Promise.resolve([]),
    open: (ticket, { format }) => openSerialPort(ticket, endpoint, { ...options, format }),
  });
}
