import assert from "node:assert/strict";
import { close, POLL } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";
import {
  localAddress,
  openUdp,
  RECEIVE_BYTES,
  receiveUdp,
  sendUdp,
  SocketAddress,
} from "../../ffi/udp.ts";
import { BadPath, noBadPath, type PathOptions } from "./bad_path.ts";
import { requires } from "./requires.ts";

const HOST = "127.0.0.1";

/** Sends `count` numbered packets through a path to an echo, until `enough` of them are back. */
async function echoed(
  options: PathOptions,
  { count, enough, bytes = 100 }: { count: number; enough: number; bytes?: number },
): Promise<{ order: number[]; times: number[]; path: BadPath }> {
  const poller = new Poller();
  const [server, client] = [openUdp(new SocketAddress(HOST)), openUdp(new SocketAddress(HOST))];
  await using path = new BadPath(String(localAddress(server)), options);
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), 10_000);
  const read = async (
    fd: number,
    take: (packet: Uint8Array<ArrayBuffer>, from: SocketAddress) => void,
  ) => {
    const [buffer, from] = [new Uint8Array(RECEIVE_BYTES), new SocketAddress()];
    while (!over.signal.aborted) {
      await poller.wait(fd, POLL.POLLIN, { signal: over.signal }).catch(() => {});
      for (let size; (size = receiveUdp(fd, buffer, from)) >= 0;) take(buffer.slice(0, size), from);
    }
    await poller.close(fd);
  };
  const order: number[] = [];
  const times: number[] = [];
  const begun = performance.now();
  const reading = [
    read(server, (packet, from) => sendUdp(server, packet, from)),
    read(client, (packet) => {
      order.push(new DataView(packet.buffer).getUint32(0));
      times.push(performance.now() - begun);
      if (order.length === enough) over.abort();
    }),
  ];
  const to = new SocketAddress(HOST, Number(path.address.split(":")[1]));
  for (let i = 0; i < count; i++) {
    const packet = new Uint8Array(bytes);
    new DataView(packet.buffer).setUint32(0, i);
    sendUdp(client, packet, to);
  }
  await Promise.all(reading);
  clearTimeout(timer);
  return { order, times, path };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ...requires(noBadPath), fn });
}

test("a path delays both ways, and keeps the order", async () => {
  const { order, times } = await echoed({ delayMs: 20 }, { count: 20, enough: 20 });
  assert.deepEqual(order, Array.from({ length: 20 }, (_, i) => i));
  assert.ok(times[0]! >= 40, `${times[0]} ms`);
});

test("a path loses the share it is told, the same packets each time", async () => {
  // 64 of 100 are due, 66 it is with this seed.
  const [first, again] = [
    await echoed({ loss: 0.2, seed: 7 }, { count: 100, enough: 66 }),
    await echoed({ loss: 0.2, seed: 7 }, { count: 100, enough: 66 }),
  ];
  assert.equal(first.order.length, 66);
  assert.deepEqual(again.order, first.order);
  assert.notDeepEqual(first.order, first.order.map((_, i) => i));
});

test("a path with jitter lets packets overtake each other", async () => {
  const { order } = await echoed({ jitterMs: 30 }, { count: 50, enough: 50 });
  const sorted = order.toSorted((a, b) => a - b);
  assert.deepEqual(sorted, Array.from({ length: 50 }, (_, i) => i));
  assert.notDeepEqual(order, sorted);
});

test("a path with a rate sends no faster, and loses what its queue does not hold", async () => {
  // 1,250 bytes at 1 Mbit/s are 10 ms; 20 of them wait.
  const options = { mbps: 1, queueBytes: 25_000 };
  const { times, path } = await echoed(options, { count: 60, enough: 20, bytes: 1_250 });
  assert.equal(times.length, 20);
  assert.ok(times.at(-1)! - times[0]! >= 180, `${times}`);
  assert.ok(path.counters.overflowed > 0);
});

test("a path loses packets that are too large for it", async () => {
  const small = await echoed({}, { count: 3, enough: 3, bytes: 1_472 });
  assert.equal(small.order.length, 3);
  await using path = new BadPath("127.0.0.1:9");
  const socket = openUdp(new SocketAddress(HOST));
  const to = new SocketAddress(HOST, Number(path.address.split(":")[1]));
  sendUdp(socket, new Uint8Array(1_473), to);
  while (path.counters.lost === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  close(socket);
  assert.deepEqual(path.counters, { passed: 0, lost: 1, overflowed: 0 });
});
