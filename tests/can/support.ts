/**
 * A served test bus and clients of it, over a network in memory.
 *
 * @module
 */
import fc from "fast-check";
import { CanServer, type CanServerOptions } from "../../lib/can/serve.ts";
import type { CanFrame } from "../../lib/can/frame.ts";
import { dataFrame, errorFrame, remoteFrame } from "../../lib/can/frame.ts";
import { TestBus, TestBusDriver } from "../../lib/can/test_bus.ts";
import type { RemoteDevice } from "../../lib/remote.ts";
import { attach } from "../../lib/session/attach.ts";
import { SessionServer } from "../../lib/session/server.ts";
import { MemoryNetwork, type MemoryOptions } from "../../lib/transport/memory.ts";

/** A served bus. */
export interface ServedBus extends AsyncDisposable {
  /** The bus behind the server. */
  bus: TestBus;
  /** Its driver, to make the bus again. */
  driver: TestBusDriver;
  /** The server. */
  server: CanServer;
  /** The network. */
  network: MemoryNetwork;
  /** The serving endpoint's id. */
  id: string;
  /** A client with an endpoint of its own. */
  remote(options?: { reconnect?: boolean }): RemoteDevice & { id: string };
}

/** Serves a test bus, open to everybody. */
export async function serveBus(
  options: Partial<CanServerOptions> & { fd?: boolean; network?: MemoryOptions } = {},
): Promise<ServedBus> {
  const { fd = true, network: memory, ...rest } = options;
  const driver = new TestBusDriver({ fd, rates: { bitrate: 1_000_000, dataBitrate: 5_000_000 } });
  const bus = driver.bus();
  const server = new CanServer(driver, {
    name: "test",
    bus: "test",
    wish: { fd },
    ...rest,
  });
  await server.start();
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
  server.onEvent = (event) => {
    if (event.type === "lost") sessions.announce("test", "lost", event.reason);
    else if (event.type === "back") sessions.announce("test", "back");
  };
  return {
    bus,
    driver,
    server,
    network,
    id: endpoint.id,
    remote: ({ reconnect = false } = {}) => {
      const client = network.endpoint();
      return {
        id: client.id,
        label: "test",
        policy: { timeoutMs: 2_000, reconnect },
        attach: ({ signal, hint }) =>
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

/** Any frame there can be on a bus, and error reports. Times are 0. */
export const anyFrame: fc.Arbitrary<CanFrame> = fc.oneof(
  anyOf(fc.constant(false)),
  anyOf(fc.constant(true)),
  fc.tuple(anyId(), fc.nat(8)).map(([{ id, extended }, length]) =>
    remoteFrame(id, length, { extended })
  ),
  fc.tuple(fc.nat(0x1fff_ffff), bytes(8)).map(([classes, data]) => errorFrame(classes, data)),
);

/** Frames a controller can send. */
export const sendableFrame: fc.Arbitrary<CanFrame> = anyFrame.filter(({ kind }) =>
  kind !== "error"
);

function anyId(): fc.Arbitrary<{ id: number; extended: boolean }> {
  return fc.oneof(
    fc.nat(0x7ff).map((id) => ({ id, extended: false })),
    fc.nat(0x1fff_ffff).map((id) => ({ id, extended: true })),
  );
}

function anyOf(fd: fc.Arbitrary<boolean>): fc.Arbitrary<CanFrame> {
  return fd.chain((fd) =>
    fc.tuple(anyId(), bytes(fd ? 64 : 8), fc.boolean(), fc.boolean()).map((
      [{ id, extended }, data, brs, esi],
    ) => dataFrame(id, data, { extended, fd, brs: fd && brs, esi: fd && esi }))
  );
}

function bytes(most: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength: most }).map((each) => new Uint8Array(each));
}

/** A frame as plain values, for comparisons. */
export function plain(frame: CanFrame): Record<string, unknown> {
  return { ...frame, data: [...frame.data] };
}

/** Resolves when the test becomes true; looks after every turn of the event loop. */
export async function until(test: () => boolean, what = "the condition"): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!test()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true in 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
