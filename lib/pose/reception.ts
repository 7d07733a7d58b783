/**
 * The receiving of a phone's poses: a port, the rules, and the time they need.
 *
 * @module
 */
import { SocketAddress } from "../../ffi/udp.ts";
import { nowMicros } from "../media/clock.ts";
import { PoseReceiver } from "./receiver.ts";
import type { ReceiverStats } from "./receiver.ts";
import type { SequenceStats } from "./sequence.ts";
import { type DatagramHandler, openUdpPort, type UdpPort } from "./udp_port.ts";
import type { Datagram, Dialect } from "./wire/datagram.ts";
import { reverseBytes, type ReverseMessage } from "./wire/event.ts";
import { encodeTeleHaptic } from "./wire/tele.ts";

/** How often silence is looked for, in ms. */
const LIVENESS_CHECK_MS = 100;
/** Shortest time between two reverse messages of a type, in ms. */
const REVERSE_INTERVAL_MS = 20;

/** How to receive. */
export interface ReceptionOptions {
  /** Address to bind to. */
  host: string;
  /** UDP port; 0: any. */
  port: number;
  /** What phones must show; `undefined`: nothing. */
  token: Uint8Array | undefined;
  /** Dialects served. */
  dialects: readonly Dialect[];
}

/** What is told of the phone. Nothing here may wait. */
export interface ReceptionListener {
  /**
   * A pose, newer than all before. Its datagram is the first `length` of `bytes`; both are valid until
   * this returns.
   *
   * @param receivedUs µs since the epoch
   * @param first whether it is the session's first
   */
  onPose(
    pose: Datagram,
    bytes: Uint8Array,
    length: number,
    receivedUs: number,
    first: boolean,
  ): void;
  /** A button of the phone. */
  onCommand(command: number, value: number): void;
  /** A phone is active. */
  onBegin(client: string, dialect: Dialect): void;
  /** It went: by itself (`bye`), or was silent (`timeout`). */
  onEnd(client: string, reason: "bye" | "timeout"): void;
}

/** Counters of all. */
export interface ReceptionStats extends ReceiverStats, SequenceStats {
  /** Reverse messages sent. */
  reversed: number;
  /** Reverse messages that made room for newer ones, or had no phone to go to. */
  reverseDropped: number;
  /** Pauses in reading strangers' datagrams. */
  floodPauses: number;
}

/** Receives until closed. */
export class PoseReception implements AsyncDisposable {
  /** UDP port. */
  readonly port: number;
  readonly #socket: UdpPort;
  readonly #receiver: PoseReceiver;
  readonly #listener: ReceptionListener;
  readonly #peer: SocketAddress;
  readonly #timer: ReturnType<typeof setInterval>;
  /** The newest reverse message of each type that waits for its turn. Policy: latest. */
  readonly #waiting = new Map<ReverseMessage["type"], Uint8Array<ArrayBuffer>>();
  readonly #sentAt = new Map<ReverseMessage["type"], number>();
  #reverseTimer: ReturnType<typeof setTimeout> | undefined;
  #reversed = 0;
  #reverseDropped = 0;

  private constructor(
    socket: UdpPort,
    receiver: PoseReceiver,
    peer: SocketAddress,
    listener: ReceptionListener,
  ) {
    this.#socket = socket;
    this.port = socket.port;
    this.#receiver = receiver;
    this.#peer = peer;
    this.#listener = listener;
    this.#timer = setInterval(() => this.#expire(), LIVENESS_CHECK_MS);
  }

  /** Binds. Throws as {@link openUdpPort}. */
  static async open(
    options: ReceptionOptions,
    listener: ReceptionListener,
  ): Promise<PoseReception> {
    const { host, port, token, dialects } = options;
    let take: DatagramHandler = () => {};
    const socket = await openUdpPort(host, port, (...datagram) => take(...datagram));
    const receiver = new PoseReceiver({ token, dialects, streamPort: socket.port });
    const reception = new PoseReception(socket, receiver, new SocketAddress(), listener);
    take = (bytes, length, from) => reception.#take(bytes, length, from);
    return reception;
  }

  /** The phone, `IP:PORT`, and how it speaks. */
  get client(): { address: string; dialect: Dialect } | undefined {
    const dialect = this.#receiver.active;
    return dialect === undefined ? undefined : { address: String(this.#peer), dialect };
  }

  /**
   * Sends to the phone: at once, or when the last of its type is 20 ms ago; a newer one of its type
   * takes its place. Without a phone, or for a HAPTIC to one that speaks POSE (which has none), it is
   * dropped.
   */
  reverse(message: ReverseMessage): void {
    const dialect = this.#receiver.active;
    if (dialect === undefined || (message.type === "haptic" && dialect !== "TELE")) {
      this.#reverseDropped++;
      return;
    }
    const bytes = message.type === "haptic"
      ? encodeTeleHaptic(message.intensity, message.channel ?? 0)
      : reverseBytes(message.data);
    if (this.#waiting.has(message.type)) this.#reverseDropped++;
    this.#waiting.set(message.type, bytes);
    this.#sendReverse();
  }

  /** Counters now. */
  stats(): ReceptionStats {
    return {
      ...this.#receiver.stats,
      ...this.#receiver.sequence.stats(nowMicros()),
      reversed: this.#reversed,
      reverseDropped: this.#reverseDropped,
      floodPauses: this.#socket.pauses,
    };
  }

  /** Stops. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#reverseTimer);
    await this.#socket.close();
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #take(bytes: Uint8Array<ArrayBuffer>, length: number, from: SocketAddress): void {
    const nowUs = nowMicros();
    const receiver = this.#receiver;
    const { ip, port } = from;
    const outcome = receiver.take(bytes, length, ip, port, performance.now(), nowUs);
    const { datagram, reply } = receiver;
    switch (outcome) {
      case "pose":
        this.#listener.onPose(datagram, bytes, length, nowUs, receiver.firstPose);
        return;
      case "command":
        this.#listener.onCommand(datagram.command, datagram.value);
        return;
      case "alive":
      case "refused":
        this.#socket.send(reply, from);
        return;
      case "begun":
        this.#peer.copy(from);
        this.#forget();
        this.#socket.favour(from);
        this.#socket.send(reply, from);
        this.#listener.onBegin(String(from), datagram.dialect);
        return;
      case "ended":
        this.#end("bye");
        return;
    }
  }

  #expire(): void {
    if (this.#receiver.expire(performance.now())) this.#end("timeout");
  }

  #end(reason: "bye" | "timeout"): void {
    this.#forget();
    this.#socket.release();
    this.#listener.onEnd(String(this.#peer), reason);
  }

  /** What waits was meant for another phone. */
  #forget(): void {
    this.#reverseDropped += this.#waiting.size;
    this.#waiting.clear();
    this.#sentAt.clear();
    clearTimeout(this.#reverseTimer);
    this.#reverseTimer = undefined;
  }

  #sendReverse(): void {
    const now = performance.now();
    let earliest = Infinity;
    for (const [type, bytes] of this.#waiting) {
      const due = (this.#sentAt.get(type) ?? -Infinity) + REVERSE_INTERVAL_MS;
      if (due > now) {
        earliest = Math.min(earliest, due);
        continue;
      }
      this.#waiting.delete(type);
      this.#sentAt.set(type, now);
      if (this.#socket.send(bytes, this.#peer)) this.#reversed++;
      else this.#reverseDropped++;
    }
    if (earliest === Infinity || this.#reverseTimer !== undefined) return;
    this.#reverseTimer = setTimeout(() => {
      this.#reverseTimer = undefined;
      this.#sendReverse();
    }, earliest - now);
  }
}
