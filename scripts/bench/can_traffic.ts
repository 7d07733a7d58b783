/**
 * Frames that say their number and when they were sent, for the CAN benchmark.
 *
 * @module
 */
import { monotonicMicros } from "../../ffi/libc.ts";
import type { OpenCanBus } from "../../lib/can/bus.ts";
import { type CanFrame, dataFrame } from "../../lib/can/frame.ts";

/** What is sent. */
export interface Traffic {
  /** `down`: from the served bus to the client's; `up`: commands. */
  direction: "down" | "up";
  /** Bytes a frame, at least 8: classic up to 8, else CAN FD. */
  bytes: number;
  /** Frames a second. */
  rate: number;
  /** Seconds of it. */
  seconds: number;
}

/** What arrived. */
export interface Arrived {
  /** Frames. */
  count: number;
  /** Frames that came out of order. */
  disordered: number;
  /** From the first frame to the last, in seconds. */
  seconds: number;
  /** Send to arrival of every 8th frame, in ms. */
  latencies: number[];
}

/** Frames are made up for in bursts of at most this many after a pause of the process. */
const MAX_BURST = 512;

/** Sends frames at the rate; waits where the bus has no room. Answers how many. */
export async function produce(bus: OpenCanBus, traffic: Traffic): Promise<number> {
  const { bytes, rate, seconds } = traffic;
  const begun = performance.now();
  let room = Promise.withResolvers<void>();
  bus.onRoom = () => room.resolve();
  let sent = 0;
  for (;;) {
    const elapsed = (performance.now() - begun) / 1000;
    if (elapsed >= seconds) return sent;
    const due = Math.min(Math.floor(elapsed * rate) - sent, MAX_BURST);
    if (due > 0) {
      const frames = Array.from({ length: due }, (_, i) => numbered(sent + i, bytes));
      const taken = bus.send(frames);
      sent += taken;
      if (taken < due) {
        await room.promise;
        room = Promise.withResolvers();
        continue;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

function numbered(number: number, bytes: number): CanFrame {
  const data = new Uint8Array(bytes);
  const view = new DataView(data.buffer);
  view.setUint32(0, number);
  view.setUint32(4, monotonicMicros() >>> 0);
  return dataFrame(0x100, data, { fd: bytes > 8, brs: bytes > 8 });
}

/** Counts what arrives on a bus. */
export function consume(bus: OpenCanBus): () => Arrived {
  let [count, disordered, next] = [0, 0, 0];
  let [first, last] = [0, 0];
  const latencies: number[] = [];
  bus.onReceive = (frames) => {
    const now = monotonicMicros();
    if (count === 0) first = now;
    last = now;
    for (const { data } of frames) {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      const number = view.getUint32(0);
      if (number !== next) disordered++;
      next = number + 1;
      if (count++ % 8 === 0) latencies.push((((now >>> 0) - view.getUint32(4)) >>> 0) / 1000);
    }
  };
  return () => ({ count, disordered, seconds: (last - first) / 1e6, latencies });
}
