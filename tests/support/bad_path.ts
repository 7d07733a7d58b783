/**
 * A network path between two UDP sockets of this machine that loses, delays, reorders and holds back
 * packets, by a seeded generator: what QUIC goes through here, it goes through on a bad link.
 *
 *     await using path = new BadPath("127.0.0.1:4443", { loss: 0.05, delayMs: 25 });
 *     await connect(`moqt://${path.address}/`, …);
 *
 * Which packets are lost depends on the seed and on their order alone. As a program
 * (`deno run -A tests/support/bad_path.ts --to ADDR:PORT --loss 0.05 --delay 25 --mbps 5`) it is a path
 * in a process of its own and prints its address.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { POLL } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";
import {
  HAS_UDP,
  localAddress,
  openUdp,
  RECEIVE_BYTES,
  receiveUdp,
  sendUdp,
  SocketAddress,
} from "../../ffi/udp.ts";

/** Why there are no such paths here, or `undefined`. */
export const noBadPath: string | undefined = HAS_UDP
  ? undefined
  : "paths that lose packets are made with Linux' and macOS' sockets";

const HOST = "127.0.0.1";
/** Ethernet's, less the headers of IP and UDP. */
const MAX_PACKET_BYTES = 1_472;
/** Packets that are read before others have their turn. */
const BATCH = 64;

/** What a path does to packets, the same each way unless said otherwise. */
export interface PathOptions {
  /** Share of packets that are lost, 0 to 1. Default 0. */
  loss?: number;
  /** How long each takes one way, in milliseconds. Default 0. */
  delayMs?: number;
  /** Up to so much is added at random, so that packets overtake each other. Milliseconds, default 0. */
  jitterMs?: number;
  /** Rate towards who dialled, in Mbit/s; the other way is not limited. Default: not limited. */
  mbps?: number;
  /** Bytes that wait for their turn where there is a rate; what comes then is lost. Default 64 KiB. */
  queueBytes?: number;
  /** Largest packet; larger ones are lost. Default 1,472 bytes. */
  maxPacketBytes?: number;
  /** Seed of the generator. Default 1. */
  seed?: number;
}

/** Packets of a path, both ways together. */
export interface PathCounters {
  /** Passed on. */
  passed: number;
  /** Lost at random. */
  lost: number;
  /** Lost because the queue was full. */
  overflowed: number;
}

interface Due {
  at: number;
  send(): unknown;
}

/** From who dialled, or to them. */
type Way = "out" | "back";

/** A socket's descriptor, and what tells that it is not read any more. */
interface Port {
  fd: number;
  reading: Promise<void>;
}

/** See the module. */
export class BadPath implements AsyncDisposable {
  readonly #poller = new Poller();
  readonly #ended = new AbortController();
  readonly #near: Port;
  /** One socket for each who dials, so that answers find the way back. */
  readonly #far = new Map<number, Port>();
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  readonly #from = new SocketAddress();
  readonly #random: Readonly<Record<Way, () => number>>;
  readonly #queue: Due[] = [];
  readonly #to: SocketAddress;
  /** When the last bit of what waits is out. */
  #busyUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #options: PathOptions;
  /** Where to dial: `127.0.0.1:PORT`. */
  readonly address: string;
  /** What became of packets. */
  readonly counters: PathCounters = { passed: 0, lost: 0, overflowed: 0 };
  /** Whether nothing passes: what comes is lost, what is on its way arrives. */
  cut = false;

  /** A path to `127.0.0.1:PORT`. */
  constructor(to: string, options: PathOptions = {}) {
    this.#options = options;
    this.#to = new SocketAddress(HOST, portOf(to));
    const { seed = 1 } = options;
    // One each way, so that what is lost depends on the order of one way's packets alone.
    this.#random = { out: generator(seed), back: generator(~seed) };
    this.#near = this.#open((packet, from) => this.#fromNear(packet, from));
    this.address = String(localAddress(this.#near.fd));
  }

  /** Where it leads to. */
  get target(): string {
    return String(this.#to);
  }

  /** What it does from now on. */
  change(options: PathOptions): void {
    this.#options = { ...this.#options, ...options };
  }

  #open(take: (packet: Uint8Array<ArrayBuffer>, from: SocketAddress) => void): Port {
    const fd = openUdp(new SocketAddress(HOST, 0));
    return { fd, reading: this.#read(fd, take) };
  }

  async #read(
    fd: number,
    take: (packet: Uint8Array<ArrayBuffer>, from: SocketAddress) => void,
  ): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#poller.wait(fd, POLL.POLLIN, { signal }).catch(() => {});
      for (let n = 0; n < BATCH && !signal.aborted; n++) {
        const length = receiveUdp(fd, this.#buffer, this.#from);
        // Nothing more, or the refusal of something sent before (ICMP).
        if (length < 0) break;
        take(this.#buffer.slice(0, length), this.#from);
      }
    }
  }

  #fromNear(packet: Uint8Array<ArrayBuffer>, from: SocketAddress): void {
    let far = this.#far.get(from.port);
    if (far === undefined) {
      const client = new SocketAddress();
      client.copy(from);
      far = this.#open((answer) => this.#pass("back", answer, this.#near.fd, client));
      this.#far.set(from.port, far);
    }
    this.#pass("out", packet, far.fd, this.#to);
  }

  #pass(
    way: Way,
    packet: Uint8Array<ArrayBuffer>,
    fd: number,
    to: SocketAddress,
  ): void {
    const { loss = 0, delayMs = 0, jitterMs = 0, mbps, queueBytes = 64 << 10 } = this.#options;
    const { maxPacketBytes = MAX_PACKET_BYTES } = this.#options;
    // Drawn for every packet, so that one change does not change the fate of all later ones.
    const isLost = this.#random[way]() < loss;
    const extraMs = this.#random[way]() * jitterMs;
    if (this.cut || isLost || packet.length > maxPacketBytes) {
      this.counters.lost++;
      return;
    }
    const now = performance.now();
    let at = now;
    if (mbps !== undefined && way === "back") {
      const bytesPerMs = mbps * 125;
      const begin = Math.max(now, this.#busyUntil);
      if ((begin - now) * bytesPerMs + packet.length > queueBytes) {
        this.counters.overflowed++;
        return;
      }
      at = this.#busyUntil = begin + packet.length / bytesPerMs;
    }
    this.counters.passed++;
    at += delayMs + extraMs;
    const send = () => sendUdp(fd, packet, to);
    if (at <= now) send();
    else this.#schedule({ at, send });
  }

  #schedule(due: Due): void {
    // Nearly always the last: packets overtake few others.
    let index = this.#queue.length;
    while (index > 0 && this.#queue[index - 1]!.at > due.at) index--;
    this.#queue.splice(index, 0, due);
    if (index === 0) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const [first] = this.#queue;
    if (first === undefined) return;
    this.#timer = setTimeout(() => {
      const now = performance.now();
      let count = this.#queue.findIndex(({ at }) => at > now);
      if (count < 0) count = this.#queue.length;
      for (const { send } of this.#queue.splice(0, count)) send();
      this.#arm();
    }, Math.max(0, first.at - performance.now()));
  }

  /** Closes all sockets; what is on its way is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#ended.abort();
    for (const { fd, reading } of [this.#near, ...this.#far.values()]) {
      await reading;
      await this.#poller.close(fd);
    }
    this.#far.clear();
  }
}

/** mulberry32: numbers from 0 to 1. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      to: { type: "string" },
      loss: { type: "string", default: "0" },
      delay: { type: "string", default: "0" },
      mbps: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  const path = new BadPath(values.to!, {
    loss: Number(values.loss),
    delayMs: Number(values.delay),
    seed: Number(values.seed),
    ...(values.mbps === undefined ? {} : { mbps: Number(values.mbps) }),
  });
  console.log(`path ${path.address}`);
}
