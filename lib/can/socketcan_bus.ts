/**
 * CAN buses of Linux: SocketCAN behind the contract of `bus.ts`.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { POLL } from "../../ffi/libc.ts";
import { findLink, type LinkChange, type LinkInfo, restartCan } from "../../ffi/rtnetlink.ts";
import {
  BATCH_FRAMES,
  type CanBatch,
  CanSocket,
  FRAME_BYTES,
  hasCanSockets,
  type KernelFilter,
  socketFailure,
} from "../../ffi/socketcan.ts";
import { CAN } from "../../ffi/socketcan_layout.ts";
import { LostError, UnsupportedError, XoqError } from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import {
  type BusState,
  type CanBusDriver,
  type CanBusInfo,
  type CanBusStats,
  type CanBusWish,
  isUsable,
  type OpenCanBus,
} from "./bus.ts";
import { Echoes } from "./echoes.ts";
import { stateAfterError } from "./error_state.ts";
import { type CanFilter, passes } from "./filter.ts";
import { CAN_EFF_FLAG, type CanFrame } from "./frame.ts";
import { HardwareClock } from "./hardware_clock.ts";
import {
  describeLink,
  listCanLinks,
  queryController,
  requireLink,
  setUp,
  setUpCommands,
  stateOf,
  translate,
} from "./interface.ts";
import { canPoller, linkAppears, watchLinks } from "./link_watch.ts";
import { readRecord, writeRecord } from "./record.ts";
import { checkCarried } from "./test_bus.ts";

/** Bytes of the receive buffer where nobody said: some 5,000 frames as the kernel counts. */
const RECEIVE_BUFFER = 4 << 20;
/**
 * Most frames given to the kernel whose echo has not come. What a controller has can't be overtaken,
 * nor taken back when nobody acknowledges it: this is 2 ms of a full 1 Mbit/s bus, enough to keep it
 * busy.
 */
const CONTROLLER_WINDOW = 16;
/** The same for virtual interfaces, whose echoes come at once, but need room in the receive buffer. */
const VIRTUAL_WINDOW = 128;
/** A kernel that is full is asked again after this, in milliseconds: it doesn't say when it is not. */
const ASK_AGAIN_MS = 1;
/** Error counters are read at most this often, in milliseconds. */
const QUERY_INTERVAL_MS = 100;

/** SocketCAN. */
export class SocketCanDriver implements CanBusDriver {
  readonly name = "socketcan";

  /** CAN interfaces here now. */
  list(): Promise<CanBusInfo[]> {
    return Promise.resolve(listCanLinks().map(describeLink));
  }

  /** Opens an interface, set up as wished. */
  // deno-lint-ignore require-await
  async open(id: string, wish: CanBusWish = {}): Promise<OpenCanBus> {
    const link = setUp(requireLink(id), wish);
    if (!hasCanSockets()) {
      throw new UnsupportedError("this kernel has no CAN sockets", {
        hint: "sudo modprobe can-raw",
      });
    }
    try {
      return new SocketCanBus(link, wish);
    } catch (error) {
      throw translate(error, `${id} can't be opened`, setUpCommands(id, link.kind, wish));
    }
  }

  /** Waits until the interface is here. */
  async reappears(id: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await linkAppears(id, options.signal);
  }
}

class SocketCanBus implements OpenCanBus {
  readonly fd: boolean;
  onReceive: ((frames: CanFrame[]) => void) | undefined;
  onSent: ((frame: CanFrame, time: number) => void) | undefined;
  onUnsent: ((frame: CanFrame) => void) | undefined;
  onRoom: (() => void) | undefined;
  onState: ((state: BusState) => void) | undefined;
  onGone: ((reason: LostError) => void) | undefined;
  readonly #socket: CanSocket;
  readonly #stop = new AbortController();
  readonly #echoes = new Echoes();
  readonly #hardware = new HardwareClock();
  readonly #filters: readonly CanFilter[];
  readonly #unwatch: () => void;
  readonly #window: number;
  readonly #stats = { received: 0, sent: 0, unsent: 0, errors: 0, busOff: 0 };
  #link: LinkInfo;
  #state: BusState;
  #overflow = 0;
  #short = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #queriedAt = -Infinity;
  #ended = false;

  constructor(link: LinkInfo, wish: CanBusWish) {
    this.#link = link;
    this.#state = stateOf(link);
    this.fd = wish.fd === true && link.mtu >= CAN.CANFD_MTU;
    this.#filters = wish.filters ?? [];
    this.#window = link.kind === "can" ? CONTROLLER_WINDOW : VIRTUAL_WINDOW;
    this.#socket = new CanSocket(link.index, {
      fd: this.fd,
      errorMask: CAN.CAN_ERR_MASK,
      receiveOwn: true,
      receiveBuffer: wish.receiveBuffer ?? RECEIVE_BUFFER,
    });
    try {
      if (this.#filters.length > 0) this.#socket.setFilters(this.#filters.map(kernelFilter));
      this.#unwatch = watchLinks((change) => this.#linkChanged(change));
    } catch (error) {
      this.#socket.close();
      throw error;
    }
    void this.#run();
  }

  get info(): CanBusInfo {
    return { ...describeLink(this.#link), state: this.state };
  }

  get state(): BusState {
    return { ...this.#state };
  }

  send(frames: readonly CanFrame[]): number {
    for (let i = 0; i < frames.length; i++) checkCarried(frames[i]!, this.fd);
    if (this.#ended || !isUsable(this.#state)) {
      this.#short = true;
      return 0;
    }
    let taken = 0;
    while (taken < frames.length) {
      const count = Math.min(frames.length - taken, BATCH_FRAMES, this.#window - this.#echoes.size);
      if (count <= 0) break;
      const sent = this.#sendBatch(frames, taken, count);
      taken += sent;
      if (sent < count) break;
    }
    if (taken < frames.length) {
      this.#short = true;
      if (this.#echoes.size < this.#window) this.#askAgain();
    }
    return taken;
  }

  restart(): void {
    try {
      restartCan(this.#link.index);
    } catch (error) {
      throw translate(
        error,
        `${this.#link.name} can't be restarted`,
        `sudo ip link set ${this.#link.name} type can restart`,
      );
    }
  }

  stats(): CanBusStats {
    return { ...this.#stats, missed: this.#socket.overflow };
  }

  async close(): Promise<void> {
    if (!this.#ended) this.#end();
    await this.#closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #closed = Promise.withResolvers<void>();

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#retry);
    this.#unwatch();
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { fd } = this.#socket;
    try {
      while (!this.#ended) {
        await canPoller.wait(fd, POLL.POLLIN, { signal: this.#stop.signal });
        this.#drain();
      }
    } catch (error) {
      if (!this.#ended) this.#lose(error);
    } finally {
      // Its number must not be used anew while a poll in flight knows it.
      await canPoller.close(fd);
      this.#closed.resolve();
    }
  }

  /** Reads until nothing is left. */
  #drain(): void {
    for (;;) {
      let batch: CanBatch;
      try {
        batch = this.#socket.receive();
      } catch (error) {
        if (!(error instanceof FfiError)) throw error;
        const failure = socketFailure(error.code);
        // The link monitor tells what became of the interface; the socket stays bound.
        if (failure === "down") return;
        throw error;
      }
      if (batch.count > 0) this.#take(batch);
      if (this.#ended || batch.count < BATCH_FRAMES) break;
    }
    if (this.#socket.overflow !== this.#overflow) {
      this.#overflow = this.#socket.overflow;
      // Echoes were among what the kernel dropped: what is awaited now may never be heard of.
      const now = nowMicros();
      for (const frame of this.#echoes.drain()) this.#confirm(frame, now);
    }
    this.#offerRoom();
  }

  #take(batch: CanBatch): void {
    // One copy for the whole batch: its buffer is filled anew by the next.
    const bytes = batch.frames.slice(0, batch.count * FRAME_BYTES);
    const view = new DataView(bytes.buffer);
    const foreign: CanFrame[] = [];
    for (let i = 0; i < batch.count; i++) {
      const time = this.#timeOf(batch, i);
      const isFd = batch.lengths[i] === CAN.CANFD_MTU;
      const frame = readRecord(bytes, view, i * FRAME_BYTES, time, isFd);
      if (batch.own[i] === 1) {
        const sent = this.#echoes.take(frame);
        if (sent !== undefined) this.#confirm(sent, time);
        continue;
      }
      foreign.push(frame);
      if (frame.kind === "error") {
        this.#stats.errors++;
        this.#errorReported(frame);
      } else this.#stats.received++;
    }
    if (foreign.length > 0) this.onReceive?.(foreign);
  }

  #timeOf(batch: CanBatch, index: number): number {
    const software = batch.softwareTimes[index]!;
    const hardware = batch.hardwareTimes[index]!;
    if (hardware > 0 && software > 0) return this.#hardware.toEpoch(hardware, software);
    return software > 0 ? software : nowMicros();
  }

  #sendBatch(frames: readonly CanFrame[], from: number, count: number): number {
    const { frames: bytes, view } = this.#socket.outgoing;
    bytes.fill(0, 0, count * FRAME_BYTES);
    for (let i = 0; i < count; i++) writeRecord(bytes, view, i * FRAME_BYTES, frames[from + i]!);
    const result = this.#socket.send(count, (i) => frames[from + i]!.fd);
    const unheard: CanFrame[] = [];
    for (let i = 0; i < result; i++) {
      const frame = frames[from + i]!;
      if (passes(frame, this.#filters)) this.#echoes.add(frame);
      else unheard.push(frame);
    }
    if (unheard.length > 0) {
      // The kernel's filters keep their echoes from us.
      queueMicrotask(() => {
        const now = nowMicros();
        for (const frame of unheard) this.#confirm(frame, now);
      });
    }
    if (result >= 0) return result;
    switch (socketFailure(-result)) {
      case "full":
        return 0;
      case "down":
        queueMicrotask(() => this.#refresh());
        return 0;
      default: {
        const reason = new FfiError("libc", "sendmmsg", -result, this.#link.name);
        queueMicrotask(() => this.#lose(reason));
        return 0;
      }
    }
  }

  #confirm(frame: CanFrame, time: number): void {
    if (this.#ended) return;
    this.#stats.sent++;
    this.onSent?.(frame, time);
  }

  #askAgain(): void {
    if (this.#retry !== undefined || this.#ended) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#offerRoom();
    }, ASK_AGAIN_MS);
  }

  #offerRoom(): void {
    if (!this.#short || this.#ended || this.#echoes.size >= this.#window) return;
    this.#short = false;
    this.onRoom?.();
  }

  #errorReported(frame: CanFrame): void {
    const next = stateAfterError(this.#state, frame);
    const now = performance.now();
    if (now - this.#queriedAt > QUERY_INTERVAL_MS && this.#link.can !== undefined) {
      this.#queriedAt = now;
      Object.assign(next, queryController(this.#link.name));
    }
    this.#setState(next);
  }

  #linkChanged({ deleted, link }: LinkChange): void {
    if (link.index === 0) this.#refresh();
    else if (link.index === this.#link.index) {
      if (deleted) this.#lose(new Error("the interface was removed"));
      else {
        // Some messages say nothing of the controller.
        this.#link = link.kind === "" ? { ...this.#link, up: link.up } : link;
        this.#setState(stateOf(this.#link));
      }
    }
  }

  #refresh(): void {
    if (this.#ended) return;
    const link = findLink(this.#link.name);
    if (link === undefined || link.index !== this.#link.index) {
      this.#lose(new Error("the interface was removed"));
    } else {
      this.#link = link;
      this.#setState(stateOf(link));
    }
  }

  #setState(state: BusState): void {
    const before = this.#state;
    this.#state = state;
    if (
      before.up === state.up && before.controller === state.controller &&
      before.txErrors === state.txErrors && before.rxErrors === state.rxErrors
    ) return;
    if (state.controller === "bus-off" && before.controller !== "bus-off") this.#stats.busOff++;
    if (!isUsable(state)) {
      for (const frame of this.#echoes.drain()) {
        this.#stats.unsent++;
        this.onUnsent?.(frame);
      }
    }
    this.onState?.({ ...state });
    if (isUsable(state)) this.#offerRoom();
  }

  #lose(cause: unknown): void {
    if (this.#ended) return;
    for (const frame of this.#echoes.drain()) {
      this.#stats.unsent++;
      this.onUnsent?.(frame);
    }
    this.#end();
    const why = cause instanceof XoqError || cause instanceof Error ? cause.message : String(cause);
    this.onGone?.(new LostError(`${this.#link.name} is gone: ${why}`, { cause }));
  }
}

/** A filter as the kernel takes it. */
function kernelFilter({ id, mask, extended, inverted }: CanFilter): KernelFilter {
  const flag = extended === undefined ? 0 : CAN_EFF_FLAG;
  return {
    id: id + (extended === true ? CAN_EFF_FLAG : 0),
    mask: mask + flag,
    inverted: inverted === true,
  };
}
