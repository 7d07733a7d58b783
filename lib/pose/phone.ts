/**
 * The phone's side of both dialects: for simulated phones, and for passing a remote phone's stream on
 * to a receiver as if the phone were there.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { SocketAddress } from "../../ffi/udp.ts";
import { NotFoundError, UsageError } from "../errors.ts";
import { openUdpPort, type UdpPort } from "./udp_port.ts";
import {
  Datagram,
  type Dialect,
  MAX_TOKEN_BYTES,
  STATUS,
  TELE_TOKEN_BYTES,
} from "./wire/datagram.ts";
import { decodeDatagram } from "./wire/decode.ts";
import { encodePoseBye, encodePoseHello } from "./wire/pose.ts";
import { encodeTeleBye, encodeTeleHello } from "./wire/tele.ts";

/** How often a phone says HELLO, in ms. */
const HELLO_INTERVAL_MS = 1_000;
/** Silence of the receiver after which it counts as gone, in ms. */
const RECEIVER_GONE_MS = 3_000;

/** What a receiver answered. */
export type Answer = keyof typeof STATUS.POSE;

/** What happens to a phone. */
export type PhoneNotice =
  | { type: "answer"; answer: Answer }
  /** The receiver fell silent. */
  | { type: "silent" }
  | { type: "haptic"; intensity: number; channel: number }
  /** Something else came from the receiver. */
  | { type: "message"; bytes: Uint8Array };

/** How to be a phone. */
export interface PhoneOptions {
  /** Where the receiver is. */
  receiver: SocketAddress;
  /** How to speak. */
  dialect: Dialect;
  /** Token to show; absent: none. */
  token?: Uint8Array;
}

/** Finds `HOST[:PORT]`. Throws `UsageError`, `NotFoundError`. */
export async function findReceiver(text: string, defaultPort?: number): Promise<SocketAddress> {
  const match = /^([^:\s]+)(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  const host = match?.[1];
  if (host === undefined || port === undefined || port < 1 || port > 65_535) {
    throw new UsageError(
      `${JSON.stringify(text)} is no HOST${defaultPort === undefined ? "" : "["}:PORT${
        defaultPort === undefined ? "" : "]"
      }`,
      {
        hint: "write 192.0.2.1:50000; the pose stream is IPv4 only",
      },
    );
  }
  try {
    const { address } = await lookup(host, { family: 4 });
    return new SocketAddress(address, port);
  } catch (cause) {
    throw new NotFoundError(`${host} has no IPv4 address`, { cause });
  }
}

/** A phone: says HELLO each second, and what it is given to send. */
export class Phone implements AsyncDisposable {
  /** What the receiver said last. */
  answer: Answer | undefined;
  /** Called with what the receiver sends, and when it stops sending. */
  onNotice: ((notice: PhoneNotice) => void) | undefined;
  /** Datagrams sent that were no HELLO. */
  sent = 0;
  readonly #port: UdpPort;
  readonly #options: PhoneOptions;
  readonly #sessionId = crypto.getRandomValues(new Uint32Array(1))[0]!;
  readonly #datagram = new Datagram();
  readonly #timer: ReturnType<typeof setInterval>;
  #heardMs = performance.now();
  #closed = false;

  private constructor(port: UdpPort, options: PhoneOptions) {
    this.#port = port;
    this.#options = options;
    this.#port.favour(options.receiver);
    this.#timer = setInterval(() => this.#tick(), HELLO_INTERVAL_MS);
    this.#hello();
  }

  /** Opens a port and says HELLO. Throws `UsageError` for a token the dialect can't carry. */
  static async open(options: PhoneOptions): Promise<Phone> {
    const { dialect, token } = options;
    const most = dialect === "TELE" ? TELE_TOKEN_BYTES : MAX_TOKEN_BYTES;
    if (
      token !== undefined && (token.length > most || (dialect === "TELE" && token.length < most))
    ) {
      throw new UsageError(`a token of ${token.length} bytes doesn't fit the dialect ${dialect}`);
    }
    let take: (bytes: Uint8Array, length: number) => void = () => {};
    const port = await openUdpPort("0.0.0.0", 0, (bytes, length, from) => {
      const { receiver } = options;
      if (from.ip === receiver.ip && from.port === receiver.port) take(bytes, length);
    });
    const phone = new Phone(port, options);
    take = (bytes, length) => phone.#take(bytes, length);
    return phone;
  }

  /** UDP port it sends from. */
  get port(): number {
    return this.#port.port;
  }

  /** Sends a datagram of the dialect as it is. */
  send(datagram: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    this.#port.send(datagram, this.#options.receiver);
    this.sent++;
  }

  /** Says BYE and closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.bye();
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#port.close();
  }

  /** Says BYE; the next HELLO begins anew. */
  bye(): void {
    const bye = this.#options.dialect === "TELE" ? encodeTeleBye(this.#sessionId) : encodePoseBye();
    this.send(bye);
  }

  /** Says BYE and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #tick(): void {
    if (this.answer !== undefined && performance.now() - this.#heardMs > RECEIVER_GONE_MS) {
      this.answer = undefined;
      this.onNotice?.({ type: "silent" });
    }
    this.#hello();
  }

  #hello(): void {
    const { dialect, receiver, token = new Uint8Array(0) } = this.#options;
    const code = new Uint8Array(TELE_TOKEN_BYTES);
    if (dialect === "TELE") code.set(token);
    const hello = dialect === "TELE"
      ? encodeTeleHello({ sessionId: this.#sessionId, code })
      : encodePoseHello({ clientPort: this.port, token });
    this.#port.send(hello, receiver);
  }

  #take(bytes: Uint8Array, length: number): void {
    const datagram = this.#datagram;
    const valid = decodeDatagram(bytes, datagram, length) === "valid";
    this.#heardMs = performance.now();
    if (valid && datagram.type === "ack" && datagram.dialect === this.#options.dialect) {
      const statuses = Object.entries(STATUS[datagram.dialect]) as [Answer, number][];
      const answer = statuses.find(([, status]) => status === datagram.status)?.[0];
      if (answer === undefined) return;
      this.answer = answer;
      this.onNotice?.({ type: "answer", answer });
    } else if (valid && datagram.type === "haptic") {
      const { intensity, channel } = datagram;
      this.onNotice?.({ type: "haptic", intensity, channel });
    } else this.onNotice?.({ type: "message", bytes: bytes.slice(0, length) });
  }
}
