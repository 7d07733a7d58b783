/**
 * A served port and clients of it, over a network in memory.
 *
 * @module
 */
import type { ClientEvent, DeviceEvent } from "../../lib/device.ts";
import { BusyError } from "../../lib/errors.ts";
import type { RemoteDevice } from "../../lib/remote.ts";
import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import type { SerialDriver, SerialPortInfo } from "../../lib/serial/port.ts";
import { type RemotePortOptions, RemoteSerialPort } from "../../lib/serial/remote_port.ts";
import { SerialServer, type SerialServerOptions } from "../../lib/serial/serve.ts";
import { TEST_PORT, TestSerialPort } from "../../lib/serial/test_port.ts";
import type { MemoryOptions } from "../../lib/transport/memory.ts";
import { type ServedInMemory, serveInMemory } from "../support/served_device.ts";

export { until } from "../support/served_device.ts";

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
export interface ServedPort extends ServedInMemory {
  /** Its driver. */
  driver: FakeDriver;
  /** The server. */
  server: SerialServer;
  /** What the server told. */
  events: (DeviceEvent | ClientEvent)[];
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
  const events: (DeviceEvent | ClientEvent)[] = [];
  server.onClient = (event) => events.push(event);
  return {
    driver,
    server,
    events,
    ...serveInMemory(server, memory, (event) => events.push(event)),
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

/** Text as bytes. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Bytes as text. */
export const text = (data: Uint8Array): string => new TextDecoder().decode(data);
