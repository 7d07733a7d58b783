/**
 * A served port and clients of it, over a network in memory.
 *
 * @module
 */
import type { ClientEvent, DeviceEvent } from "../../lib/device.ts";
import { BusyError } from "../../lib/errors.ts";
import type { Attachment, RemoteDevice } from "../../lib/remote.ts";
import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import type { SerialDriver, SerialPortInfo } from "../../lib/serial/port.ts";
import { type RemotePortOptions, RemoteSerialPort } from "../../lib/serial/remote_port.ts";
import { SerialServer, type SerialServerOptions } from "../../lib/serial/serve.ts";
import { TEST_PORT, TestSerialPort } from "../../lib/serial/test_port.ts";
import { attach } from "../../lib/session/attach.ts";
import { SessionServer } from "../../lib/session/server.ts";
import { MemoryNetwork, type MemoryOptions } from "../../lib/transport/memory.ts";

/** A port that can be unplugged and comes back. */
export class FakeDriver implements SerialDriver {
  readonly name = "fake";
  /** The port that is open now. */
  port: TestSerialPort = new TestSerialPort();
  /** Whether it is plugged in. */
  present = true;
  #plugged = Promise.withResolvers<void>();

  list() {
    return Promise.resolve(this.present ? [TEST_PORT] : []);
  }

  open(_info: unknown, options: ConstructorParameters<typeof TestSerialPort>[0]) {
    if (!this.present) return Promise.reject(new BusyError("not there"));
    this.port = new TestSerialPort(options);
    return Promise.resolve(this.port);
  }

  async reappears() {
    if (!this.present) await this.#plugged.promise;
    return TEST_PORT;
  }

  unplug(): void {
    this.present = false;
    this.port.unplug();
  }

  plug(): void {
    this.present = true;
    this.#plugged.resolve();
    this.#plugged = Promise.withResolvers();
  }
}

/** A served port. */
export interface ServedPort extends AsyncDisposable {
  driver: FakeDriver;
  server: SerialServer;
  network: MemoryNetwork;
  /** The serving endpoint's id. */
  id: string;
  /** What the server told. */
  events: (DeviceEvent | ClientEvent)[];
  /** A client with an endpoint of its own. */
  remote(options?: { reconnect?: boolean }): RemoteDevice & { id: string };
}

/** Serves the echo port, or another, open to everybody. */
export async function servePort(
  options: Partial<SerialServerOptions> & {
    network?: MemoryOptions;
    /** Another port than the echo. */
    port?: { driver: SerialDriver; info: SerialPortInfo };
  } = {},
): Promise<ServedPort> {
  const { network: memory, port, ...rest } = options;
  const driver = new FakeDriver();
  const server = await SerialServer.open(port?.driver ?? driver, port?.info ?? TEST_PORT, {
    name: "test",
    open: { format: { ...DEFAULT_FORMAT }, exclusive: true },
    scrollbackBytes: 1_024,
    onLost: [],
    ...rest,
  });
  const network = new MemoryNetwork(memory);
  const endpoint = network.endpoint(SessionServer.protocols([server]));
  const sessions = new SessionServer(endpoint, {
    devices: [server],
    agent: "test",
    policy: {
      public: true,
      allow: new Set(),
      verify: () => Promise.reject(new Error("no grants here")),
    },
  });
  const events: (DeviceEvent | ClientEvent)[] = [];
  server.onClient = (event) => events.push(event);
  server.onEvent = (event) => {
    events.push(event);
    if (event.type === "lost") sessions.announce("test", "lost", event.reason);
    else if (event.type === "back") sessions.announce("test", "back");
  };
  return {
    driver,
    server,
    network,
    id: endpoint.id,
    events,
    remote: ({ reconnect = false } = {}) => {
      const client = network.endpoint();
      return {
        id: client.id,
        label: "test",
        policy: { timeoutMs: 2_000, reconnect },
        attach: ({ signal, hint }): Promise<Attachment> =>
          attach(client, { address: endpoint.address(), agent: "test" }, {
            signal,
            timeoutMs: 2_000,
            ...(hint === undefined ? {} : { hint }),
          }),
      };
    },
    [Symbol.asyncDispose]: async () => {
      await sessions.close();
      await server.close();
      await endpoint.close();
    },
  };
}

/** An attached client; disposing detaches it. */
export interface Client extends AsyncDisposable {
  port: RemoteSerialPort;
  events: string[];
  /** Why it ended; `undefined` in peace. */
  ended: Promise<unknown>;
}

/** Attaches. Throws what the port's `run` throws. */
export async function openPort(
  remote: RemoteDevice,
  options: RemotePortOptions = {},
): Promise<Client> {
  const port = new RemoteSerialPort(remote, options);
  const events: string[] = [];
  port.onEvent = (event) => events.push(event.type);
  const stop = new AbortController();
  const ended = port.run(stop.signal).then(() => undefined, (error) => error);
  await port.ready();
  return {
    port,
    events,
    ended,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
}

/** Polls until a condition holds. */
export async function until(condition: () => boolean, what = "the condition"): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} never came to be`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Text as bytes. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Bytes as text. */
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);
