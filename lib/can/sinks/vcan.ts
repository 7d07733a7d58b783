/**
 * `--vcan`: a remote bus as a CAN interface of this machine.
 *
 * @module
 */
import { nowMicros } from "../../media/clock.ts";
import type { CanBusStats, OpenCanBus } from "../bus.ts";
import type { CanFrame } from "../frame.ts";
import type { BusHub, HubNode } from "../hub.ts";
import { provideVcan } from "../interface.ts";
import { SocketCanDriver } from "../socketcan_bus.ts";
import { Transmitter, type TransmitterStats } from "../transmitter.ts";

/** Most frames waiting for the local interface. */
const QUEUE = 16_384;

/** A remote bus on a local interface. */
export class VcanSink implements AsyncDisposable {
  /** Name of the interface. */
  readonly name: string;
  /** Resolves with the reason when the interface is removed. */
  readonly gone: Promise<Error>;
  readonly #bus: OpenCanBus;
  readonly #node: HubNode;
  readonly #transmitter = new Transmitter({
    capacity: QUEUE,
    paceMicros: 0,
    // What happened on the remote bus happened in this order.
    prioritize: false,
  });

  private constructor(hub: BusHub, name: string, bus: OpenCanBus) {
    this.name = name;
    this.#bus = bus;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.gone = promise;
    const source = { sent: () => {}, dropped: () => {} };
    this.#transmitter.attach(bus);
    this.#node = hub.join({
      onFrames: (frames) => {
        const plain = frames.filter(({ kind }) => kind !== "error");
        const born = nowMicros();
        this.#transmitter.submit(source, plain.map((frame) => ({ frame, born })));
      },
    });
    bus.onReceive = (frames: CanFrame[]) => {
      const plain = frames.filter(({ kind }) => kind !== "error");
      if (plain.length > 0) this.#node.send(plain);
    };
    bus.onState = () => this.#transmitter.stateChanged();
    bus.onGone = resolve;
  }

  /** Makes the interface where there is none, and joins it to the hub. Throws as `provideVcan`. */
  static async open(hub: BusHub, name: string): Promise<VcanSink> {
    provideVcan(name, true);
    return new VcanSink(hub, name, await new SocketCanDriver().open(name, { fd: true }));
  }

  /** Counters now. */
  stats(): { interface: CanBusStats; transmitter: TransmitterStats } {
    return { interface: this.#bus.stats(), transmitter: this.#transmitter.stats() };
  }

  /** Leaves the interface, which stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#node[Symbol.dispose]();
    this.#transmitter.detach();
    await this.#bus.close();
  }
}
