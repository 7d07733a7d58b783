/**
 * What is on the `test` bus beside its clients: a node that says so once a second, and that answers
 * as the device under test of can-utils' `canfdtest` does.
 *
 * @module
 */
import { type CanFrame, dataFrame } from "./frame.ts";
import type { OpenCanBus } from "./bus.ts";
import type { TestBus } from "./test_bus.ts";

/** Identifier of the node's heartbeat, CANopen's for node 1. */
export const HEARTBEAT_ID = 0x701;
/** Identifier that it answers, with the next one, each byte one more. */
export const PING_ID = 0x077;
const HEARTBEAT_MS = 1_000;
/** CANopen's "operational". */
const OPERATIONAL = new Uint8Array([5]);

/** See the module. */
export class TestNode implements AsyncDisposable {
  readonly #bus: OpenCanBus;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Joins the bus. */
  constructor(bus: TestBus) {
    this.#bus = bus.open({ fd: true });
    this.#bus.onReceive = (frames) => this.#answer(frames);
    this.#timer = setInterval(
      () => this.#bus.send([dataFrame(HEARTBEAT_ID, OPERATIONAL)]),
      HEARTBEAT_MS,
    );
  }

  /** Leaves the bus. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#bus.close();
  }

  #answer(frames: readonly CanFrame[]): void {
    const answers = frames
      .filter(({ id, kind, extended }) => id === PING_ID && kind === "data" && !extended)
      .map(({ data, fd, brs }) =>
        dataFrame(PING_ID + 1, data.map((byte) => byte + 1), { fd, brs })
      );
    if (answers.length > 0) this.#bus.send(answers);
  }
}
