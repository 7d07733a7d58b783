/**
 * Sessions in memory: two ends of one wire.
 *
 * @module
 */
import { type ConnectionStats, type PathInfo, TransportError } from "./connection.ts";
import { MemoryPipe } from "./memory_pipe.ts";
import { AsyncQueue, Credit } from "./memory_queue.ts";
import type { Halves, ReceiveHalf, SendHalf, Session, SessionEnd } from "./session.ts";

/** Datagrams kept for a reader that is slow; the oldest go. */
const MAX_DATAGRAMS = 256;
/** What a datagram may hold, as over a path with QUIC's smallest MTU. */
const MAX_DATAGRAM_BYTES = 1162;
/** Streams a side may have open at once, of each kind. */
const MAX_STREAMS = 2048;

/** How an in-memory wire behaves. */
export interface MemoryOptions {
  /** Unread bytes a stream holds before `write()` waits. Default 1 MiB + 1.25 MB, as over QUIC. */
  window?: number;
  /** Silence after which a vanished peer is given up, in milliseconds. Default 3,000. */
  idleTimeoutMs?: number;
}

const DEFAULT_WINDOW = (1 << 20) + 1_250_000;
const DEFAULT_IDLE_TIMEOUT_MS = 3000;

/** One end of a session in memory. */
export class MemorySession implements Session {
  readonly #window: number;
  readonly #idleTimeoutMs: number;
  readonly #pipes = new Set<MemoryPipe>();
  /** This side's ends of pipes that are still in use. */
  readonly #ends = new Set<{ fail(error: unknown): void }>();
  readonly #bidirectional = new AsyncQueue<Halves>();
  readonly #unidirectional = new AsyncQueue<ReceiveHalf>();
  readonly #datagrams = new AsyncQueue<Uint8Array>(MAX_DATAGRAMS);
  readonly #bidirectionalCredit = new Credit(MAX_STREAMS);
  readonly #unidirectionalCredit = new Credit(MAX_STREAMS);
  readonly #ended = Promise.withResolvers<SessionEnd>();
  readonly #counters = { sent: 0, received: 0, packetsSent: 0, packetsReceived: 0 };
  #peer!: MemorySession;
  #over = false;
  #cut = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** The negotiated protocol. */
  readonly protocol: string;
  /** The peer's endpoint id. */
  readonly remoteId: string;
  /** The largest datagram. */
  readonly maxDatagramSize: number = MAX_DATAGRAM_BYTES;

  private constructor(protocol: string, remoteId: string, options: MemoryOptions) {
    this.protocol = protocol;
    this.remoteId = remoteId;
    this.#window = options.window ?? DEFAULT_WINDOW;
    this.#idleTimeoutMs = options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS;
  }

  /** Two ends of one wire: of the endpoint `ids[0]`, and of `ids[1]`. */
  static pair(
    protocol: string,
    ids: readonly [string, string],
    options: MemoryOptions = {},
  ): [MemorySession, MemorySession] {
    const a = new MemorySession(protocol, ids[1], options);
    const b = new MemorySession(protocol, ids[0], options);
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  /** This end vanishes: nothing arrives any more either way, and both time out. */
  vanish(): void {
    for (const end of [this, this.#peer]) {
      end.#cut = true;
      for (const pipe of end.#pipes) pipe.cut();
      if (end.#over) continue;
      end.#idle ??= setTimeout(() => end.#timeOut(), end.#idleTimeoutMs);
    }
  }

  #timeOut(): void {
    const error = new TransportError("nothing was heard of the peer any more", {
      source: "session",
      failure: "timeout",
    });
    this.#end({ by: "failure", error }, error);
  }

  /** Opens a stream. */
  async openBidirectional(_: number, signal: AbortSignal | undefined): Promise<Halves> {
    await this.#bidirectionalCredit.take(signal);
    this.#assertOpen();
    let open = 2;
    const through = () => {
      if (--open === 0) this.#bidirectionalCredit.give();
    };
    const back = this.#pipe(this.#peer, this, through);
    const out: MemoryPipe = this.#pipe(this, this.#peer, through, () => {
      this.#peer.#bidirectional.push({ send: back.sender, receive: out.receiver });
    });
    return { send: out.sender, receive: back.receiver };
  }

  /** Opens a stream. */
  async openUnidirectional(_: number, signal: AbortSignal | undefined): Promise<SendHalf> {
    await this.#unidirectionalCredit.take(signal);
    this.#assertOpen();
    const out: MemoryPipe = this.#pipe(
      this,
      this.#peer,
      () => this.#unidirectionalCredit.give(),
      () => this.#peer.#unidirectional.push(out.receiver),
    );
    return out.sender;
  }

  #pipe(
    from: MemorySession,
    to: MemorySession,
    through: () => void,
    announced?: () => void,
  ): MemoryPipe {
    let ends = 2;
    const end = (side: MemorySession, half: MemoryPipe["sender"] | MemoryPipe["receiver"]) => {
      side.#ends.delete(half);
      if (--ends > 0) return;
      this.#pipes.delete(pipe);
      through();
    };
    const pipe: MemoryPipe = new MemoryPipe(this.#window, {
      senderEnded: () => end(from, pipe.sender),
      receiverEnded: () => end(to, pipe.receiver),
      carried: (bytes) => from.#count(bytes),
      ...(announced === undefined ? {} : { announced }),
    });
    from.#ends.add(pipe.sender);
    to.#ends.add(pipe.receiver);
    this.#pipes.add(pipe);
    if (this.#cut) pipe.cut();
    return pipe;
  }

  #count(bytes: number): void {
    this.#counters.sent += bytes;
    this.#counters.packetsSent++;
    if (this.#cut) return;
    this.#peer.#counters.received += bytes;
    this.#peer.#counters.packetsReceived++;
  }

  #assertOpen(): void {
    if (this.#over) throw closedError();
  }

  /** Waits for a stream of the peer's. */
  acceptBidirectional(): Promise<Halves> {
    return Promise.resolve(this.#bidirectional.next());
  }

  /** Waits for a stream of the peer's. */
  acceptUnidirectional(): Promise<ReceiveHalf> {
    return Promise.resolve(this.#unidirectional.next());
  }

  /** Sends a datagram. */
  sendDatagram(data: Uint8Array): boolean {
    this.#assertOpen();
    if (data.byteLength > MAX_DATAGRAM_BYTES) return false;
    this.#count(data.byteLength);
    if (!this.#cut) this.#peer.#datagrams.push(data.slice());
    return true;
  }

  /** Waits for a datagram. */
  receiveDatagram(): Uint8Array | Promise<Uint8Array> {
    return this.#datagrams.next();
  }

  /** Counters now; what is lost here is lost on purpose, and not counted. */
  stats(): ConnectionStats {
    const { sent, received, packetsSent, packetsReceived } = this.#counters;
    return {
      bytesSent: sent,
      bytesReceived: received,
      packetsLost: 0,
      packetsSent,
      packetsReceived,
      rttMs: 0,
    };
  }

  /** The one path. */
  paths(): PathInfo[] {
    return [{ kind: "memory", remote: this.remoteId, selected: true, rttMs: 0 }];
  }

  /** The one path does not change: rejects when the session ends. */
  async pathsChanged(): Promise<void> {
    await this.#ended.promise;
    throw closedError();
  }

  /** Ends the session; the peer hears of it where the wire is whole. */
  close(closeCode: number, reason: string): void {
    if (this.#over) return;
    const cut = this.#cut;
    this.#end({ by: "local" }, closedError());
    if (!cut) this.#peer.#end({ by: "peer", closeCode, reason }, closedError(closeCode, reason));
  }

  #end(end: SessionEnd, error: TransportError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#idle);
    for (const end of this.#ends) end.fail(error);
    this.#ends.clear();
    this.#pipes.clear();
    this.#bidirectional.end(error);
    this.#unidirectional.end(error);
    this.#datagrams.end(error);
    this.#bidirectionalCredit.end(error);
    this.#unidirectionalCredit.end(error);
    this.#ended.resolve(end);
  }

  /** Resolves when the session has ended. */
  closed(): Promise<SessionEnd> {
    return this.#ended.promise;
  }

  /** Nothing is held outside the collector's reach. */
  free(): void {}

  /** Errors are ours already. */
  readonly translate: (error: unknown) => unknown = (error) => error;
}

function closedError(closeCode?: number, reason?: string): TransportError {
  const what = closeCode === undefined
    ? "the connection was closed here"
    : `the peer closed the connection with code ${closeCode}${reason === "" ? "" : `: ${reason}`}`;
  return new TransportError(what, {
    source: "session",
    failure: "closed",
    ...(closeCode === undefined ? {} : { closeCode }),
  });
}
