/**
 * A CAN bus inside this process: any number of nodes, no hardware. What one sends, all others
 * receive, in order. It is the `test` bus of `xoq can test`, and stands in for a controller in
 * tests: it can be taken down, put bus-off, filled up and removed.
 *
 * @module
 */
import { LostError, NotFoundError } from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import {
  type BitRates,
  type BusState,
  type CanBusDriver,
  type CanBusInfo,
  type CanBusStats,
  type CanBusWish,
  isUsable,
  type OpenCanBus,
  PLAIN_STATE,
} from "./bus.ts";
import { type CanFilter, passes } from "./filter.ts";
import { type CanFrame, checked, withTime } from "./frame.ts";

/** Most frames on their way between nodes; a sender waits for room beyond it. Policy: block. */
export const TEST_BUS_QUEUE = 4096;

/** How a test bus is made. */
export interface TestBusOptions {
  /** FD frames go here. Default true. */
  fd?: boolean;
  /** Bit rates it says it has; frames take no time all the same. */
  rates?: BitRates;
  /** Monotonic enough, µs since the epoch; for tests. */
  now?: () => number;
}

/** Who sent a frame, and is told what became of it. */
export interface TestBusSender {
  /** It was on the bus. */
  confirm(frame: CanFrame, time: number): void;
  /** It will not be. */
  fail(frame: CanFrame): void;
}

/** A bus; `open()` adds a node. */
export class TestBus {
  /** Its name. */
  readonly id: string;
  /** FD frames go here. */
  readonly fd: boolean;
  /** Bit rates. */
  readonly rates: BitRates | undefined;
  readonly #now: () => number;
  readonly #nodes = new Set<Node>();
  #state: BusState = { ...PLAIN_STATE };
  #queue: { from: TestBusSender; frame: CanFrame }[] = [];
  #scheduled = false;
  #frozen = false;
  #gone = false;

  /** Makes a bus without nodes. */
  constructor(id = "test", options: TestBusOptions = {}) {
    this.id = id;
    this.fd = options.fd ?? true;
    this.rates = options.rates;
    this.#now = options.now ?? nowMicros;
  }

  /** State now. */
  get state(): BusState {
    return this.#state;
  }

  /** The bus was removed. */
  get gone(): boolean {
    return this.#gone;
  }

  /** What it is. */
  info(): CanBusInfo {
    return {
      id: this.id,
      label: "bus inside this process",
      type: "test",
      driver: undefined,
      fd: this.fd,
      state: { ...this.#state },
      rates: this.rates,
    };
  }

  /** Adds a node. */
  open(wish: CanBusWish = {}): OpenCanBus {
    if (this.#gone) throw new NotFoundError(`no CAN bus ${this.id}`);
    const node = new Node(this, wish, this.#nodes);
    this.#nodes.add(node);
    return node;
  }

  /** Changes its state, as a fault or `ip link set` would. What is under way then is unsent. */
  setState(state: Partial<BusState>): void {
    this.#state = { ...this.#state, ...state };
    if (!isUsable(this.#state)) this.#flushUnsent();
    for (const node of [...this.#nodes]) node.stateChanged(this.#state);
    if (isUsable(this.#state)) this.#announceRoom();
  }

  /** Puts an error frame on it, as a controller reports one: every node sees it. */
  report(error: CanFrame): void {
    const seen = [withTime(error, this.#now())];
    for (const node of [...this.#nodes]) node.receive(seen);
  }

  /** Stops frames from passing (a bus that is full), or lets them pass again. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (!frozen) this.#schedule();
  }

  /** Removes the bus, as unplugging the adapter would. */
  remove(): void {
    this.#gone = true;
    this.#flushUnsent();
    for (const node of [...this.#nodes]) node.lose(new LostError(`${this.id} is gone`));
    this.#nodes.clear();
  }

  /** Room for frames. */
  get room(): number {
    return isUsable(this.#state) ? TEST_BUS_QUEUE - this.#queue.length : 0;
  }

  /** Puts frames on their way. */
  carry(from: TestBusSender, frames: readonly CanFrame[], count: number): void {
    for (let i = 0; i < count; i++) this.#queue.push({ from, frame: frames[i]! });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#frozen || this.#queue.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    if (this.#frozen || this.#queue.length === 0) return;
    const batch = this.#queue;
    this.#queue = [];
    const time = this.#now();
    for (const node of [...this.#nodes]) {
      const foreign: CanFrame[] = [];
      for (const { from, frame } of batch) {
        if (from !== node && node.wants(frame)) foreign.push(withTime(frame, time));
      }
      if (foreign.length > 0) node.receive(foreign);
    }
    for (const { from, frame } of batch) from.confirm(frame, time);
    this.#announceRoom();
  }

  #flushUnsent(): void {
    const batch = this.#queue;
    this.#queue = [];
    for (const { from, frame } of batch) from.fail(frame);
  }

  #announceRoom(): void {
    for (const node of [...this.#nodes]) node.offerRoom();
  }
}

class Node implements OpenCanBus {
  readonly fd: boolean;
  onReceive: ((frames: CanFrame[]) => void) | undefined;
  onSent: ((frame: CanFrame, time: number) => void) | undefined;
  onUnsent: ((frame: CanFrame) => void) | undefined;
  onRoom: (() => void) | undefined;
  onState: ((state: BusState) => void) | undefined;
  onGone: ((reason: LostError) => void) | undefined;
  readonly #bus: TestBus;
  readonly #nodes: Set<Node>;
  readonly #filters: readonly CanFilter[];
  readonly #stats: CanBusStats = {
    received: 0,
    sent: 0,
    unsent: 0,
    missed: 0,
    errors: 0,
    busOff: 0,
  };
  #short = false;
  #closed = false;

  constructor(bus: TestBus, wish: CanBusWish, nodes: Set<Node>) {
    this.#bus = bus;
    this.#nodes = nodes;
    this.#filters = wish.filters ?? [];
    this.fd = wish.fd === true && bus.fd;
  }

  get info(): CanBusInfo {
    return this.#bus.info();
  }

  get state(): BusState {
    return this.#bus.state;
  }

  send(frames: readonly CanFrame[]): number {
    for (const frame of frames) checkCarried(frame, this.fd);
    if (this.#closed) return 0;
    const count = Math.min(frames.length, this.#bus.room);
    if (count < frames.length) this.#short = true;
    this.#bus.carry(this, frames, count);
    return count;
  }

  restart(): void {
    if (this.#bus.state.controller === "bus-off") {
      this.#bus.setState({ controller: "error-active", txErrors: 0, rxErrors: 0 });
    }
  }

  stats(): CanBusStats {
    return { ...this.#stats };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#nodes.delete(this);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  wants(frame: CanFrame): boolean {
    return (this.fd || !frame.fd) && passes(frame, this.#filters);
  }

  receive(frames: CanFrame[]): void {
    if (this.#closed) return;
    for (const frame of frames) {
      if (frame.kind === "error") this.#stats.errors++;
      else this.#stats.received++;
    }
    this.onReceive?.(frames);
  }

  confirm(frame: CanFrame, time: number): void {
    if (this.#closed) return;
    this.#stats.sent++;
    this.onSent?.(frame, time);
  }

  fail(frame: CanFrame): void {
    if (this.#closed) return;
    this.#stats.unsent++;
    this.onUnsent?.(frame);
  }

  offerRoom(): void {
    if (!this.#short || this.#closed) return;
    this.#short = false;
    this.onRoom?.();
  }

  stateChanged(state: BusState): void {
    if (this.#closed) return;
    if (state.controller === "bus-off") this.#stats.busOff++;
    // A sender that found no room on a dead bus is told when there is some again.
    this.#short ||= !isUsable(state);
    this.onState?.({ ...state });
  }

  lose(reason: LostError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onGone?.(reason);
  }
}

/** Throws `RangeError` where a bus can't carry the frame. */
export function checkCarried(frame: CanFrame, fd: boolean): void {
  checked(frame);
  if (frame.fd && !fd) throw new RangeError("an FD frame on a classic bus");
  if (frame.kind === "error") throw new RangeError("an error frame is a report, not to be sent");
}

/** Test buses by name. */
export class TestBusDriver implements CanBusDriver {
  readonly name = "test";
  readonly #buses = new Map<string, TestBus>();
  readonly #options: TestBusOptions;
  #waiters: (() => void)[] = [];

  /** Makes a driver whose buses are made when they are first opened. */
  constructor(options: TestBusOptions = {}) {
    this.#options = options;
  }

  /** The bus of this name, made where there is none. */
  bus(id = "test"): TestBus {
    let bus = this.#buses.get(id);
    if (bus === undefined || bus.gone) {
      bus = new TestBus(id, this.#options);
      this.#buses.set(id, bus);
      for (const wake of this.#waiters.splice(0)) wake();
    }
    return bus;
  }

  /** Buses there are, and `test`. */
  list(): Promise<CanBusInfo[]> {
    this.bus();
    return Promise.resolve([...this.#buses.values()].map((bus) => bus.info()));
  }

  /** Adds a node to a bus. A bus that was removed is not found until {@link bus} makes it again. */
  // deno-lint-ignore require-await
  async open(id: string, wish: CanBusWish = {}): Promise<OpenCanBus> {
    const known = this.#buses.get(id);
    return (known ?? this.bus(id)).open(wish);
  }

  /** See {@link CanBusDriver.reappears}. */
  async reappears(id: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    while (this.#buses.get(id)?.gone === true) {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      const abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      await promise.finally(() => signal?.removeEventListener("abort", abort));
    }
  }
}
