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
import type { MemoryOptions } from "../../lib/transport/memory.ts";
import { type ServedInMemory, serveInMemory } from "../support/served_device.ts";

export { until } from "../support/served_device.ts";

/** A served bus. */
export interface ServedBus extends ServedInMemory {
  /** The bus behind the server. */
  bus: TestBus;
  /** Its driver, to make the bus again. */
  driver: TestBusDriver;
  /** The server. */
  server: CanServer;
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
  return { bus, driver, server, ...serveInMemory(server, memory) };
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
