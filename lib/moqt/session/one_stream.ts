/**
 * Requests over one bidirectional control stream: draft-16, sections 3.3 and 9. SUBSCRIBE_NAMESPACE
 * alone has a stream of its own.
 *
 * @module
 */
import {
  type BidirectionalStream,
  type Connection,
  TransportError,
} from "../../transport/connection.ts";
import { MoqtViolation, violation } from "../errors.ts";
import type { ControlMessage } from "../messages/control.ts";
import type { SetupOptions } from "../messages/setup.ts";
import type { Version } from "../versions.ts";
import { type Channel, type ChannelHandler, ControlWriter, isRequest } from "./channel.ts";
import { readMessages, type RequestMessage, type Signals, type SignalsOwner } from "./channel.ts";
import type { UpdateAnswer } from "./channel.ts";
import { RequestIds, type Role } from "./request_ids.ts";
import { StreamChannel } from "./stream_channel.ts";
import { type ChannelHost, VirtualChannel } from "./virtual_channel.ts";

/** Highest priority there is: control messages go before all objects. */
const CONTROL_ORDER = 0x7fff_ffff;

/** The control plane of draft-16. */
export class OneStreamSignals implements Signals {
  readonly #connection: Connection;
  readonly #version: Version;
  readonly #role: Role;
  readonly #owner: SignalsOwner;
  readonly #ids: RequestIds;
  readonly #channels = new Map<number, VirtualChannel>();
  readonly #updates = new Map<number, PromiseWithResolvers<UpdateAnswer>>();
  readonly #waiting = new Set<() => void>();
  readonly #maxRequests: number;
  #writer: ControlWriter | undefined;
  #setup = Promise.withResolvers<SetupOptions>();
  #isSetUp = false;
  /** Ids of ours are below this. */
  #limit = 0;
  /** The limit that was told to block. */
  #blockedAt = -1;
  /** Requests of the peer's that are not over. */
  #open = 0;
  /** Ids of the peer's are below this. */
  #peerLimit: number;
  #ended: { error: unknown } | undefined;
  #goneAway = false;

  /** The peer may have `maxRequests` at once. */
  constructor(
    connection: Connection,
    options: { version: Version; role: Role; owner: SignalsOwner; maxRequests: number },
  ) {
    this.#connection = connection;
    this.#version = options.version;
    this.#role = options.role;
    this.#owner = options.owner;
    this.#ids = new RequestIds(options.role);
    this.#maxRequests = options.maxRequests;
    this.#peerLimit = options.maxRequests * 2;
    this.#setup.promise.catch(() => {});
  }

  /** Exchanges set-ups over the client's first stream. */
  async start(options: SetupOptions): Promise<SetupOptions> {
    const own = { ...options, maxRequestId: this.#peerLimit };
    if (this.#role === "client") {
      const stream = await this.#connection.createBidirectionalStream({ sendOrder: CONTROL_ORDER });
      this.#control(stream);
      this.#send({ kind: "client-setup", options: own });
      this.#acceptStreams();
      return await this.#setup.promise;
    }
    const streams = this.#connection.incomingBidirectionalStreams.getReader();
    const { done, value } = await streams.read();
    streams.releaseLock();
    if (done) throw new TransportError("the connection is closed", { source: "session" });
    value.writable.sendOrder = CONTROL_ORDER;
    this.#control(value);
    const setup = await this.#setup.promise;
    this.#send({ kind: "server-setup", options: own });
    this.#acceptStreams();
    return setup;
  }

  #control(stream: BidirectionalStream): void {
    const fail = (error: unknown) => this.#owner.fail(error);
    this.#writer = new ControlWriter(stream.writable, this.#version, fail);
    readMessages(stream.readable, this.#version, (message) => this.#take(message)).then(
      () => fail(violation("the control stream was closed")),
      fail,
    );
  }

  #send(message: ControlMessage): void {
    if (this.#ended === undefined) this.#writer!.send(message);
  }

  async #acceptStreams(): Promise<void> {
    try {
      for await (
        const stream of this.#connection.incomingBidirectionalStreams.values({
          preventCancel: true,
        })
      ) {
        const channel = new StreamChannel(stream, this.#version, {
          fail: (error) => this.#owner.fail(error),
          first: (message, channel) => this.#incomingStream(message, channel),
          nextId: () => this.#nextId(),
          accept: (id) => this.#accept(id, false),
          over: () => this.release(),
        });
        channel.read();
      }
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  #incomingStream(message: ControlMessage, channel: Channel): ChannelHandler {
    if (message.kind !== "subscribe-namespace") {
      throw violation(`a stream begins with ${message.kind}`);
    }
    this.#accept(message.requestId, false);
    this.#open++;
    return this.#owner.request(message, channel);
  }

  #accept(id: number, inOrder = true): void {
    if (id >= this.#peerLimit) {
      throw new MoqtViolation("too-many-requests", `request id ${id} is above the limit`);
    }
    if (inOrder) this.#ids.acceptInOrder(id);
    else this.#ids.accept(id);
  }

  #take(message: ControlMessage): void {
    if (!this.#isSetUp) return this.#takeSetup(message);
    if (isRequest(message)) return this.#takeRequest(message);
    switch (message.kind) {
      case "goaway":
        if (this.#goneAway) throw violation("a second GOAWAY");
        this.#goneAway = true;
        return this.#owner.goaway(message);
      case "max-request-id":
        if (message.max <= this.#limit) throw violation("MAX_REQUEST_ID does not grow");
        this.#limit = message.max;
        return this.#wake();
      case "requests-blocked":
        return this.#grant();
      case "request-update":
        this.#accept(message.requestId);
        this.#grant();
        return this.#known(message.existingRequestId).handler.update(
          message.requestId,
          message.parameters,
        );
      case "unsubscribe":
      case "fetch-cancel":
      case "publish-namespace-done":
      case "publish-namespace-cancel":
        return this.#channels.get(message.requestId)?.peerCanceled();
      case "request-ok":
      case "request-error":
      case "subscribe-ok":
      case "publish-ok":
      case "publish-done":
      case "fetch-ok":
        return this.#takeAnswer(message);
      default:
        throw violation(`${message.kind} on the control stream`);
    }
  }

  #takeSetup(message: ControlMessage): void {
    const expected = this.#role === "client" ? "server-setup" : "client-setup";
    if (message.kind !== expected) throw violation(`${message.kind} before ${expected}`);
    const { options } = message as { options: SetupOptions };
    this.#isSetUp = true;
    this.#limit = options.maxRequestId ?? 0;
    this.#setup.resolve(options);
  }

  #takeRequest(message: RequestMessage): void {
    if (message.kind === "subscribe-namespace") {
      throw violation("SUBSCRIBE_NAMESPACE on the control stream");
    }
    this.#accept(message.requestId);
    this.#open++;
    const channel = new VirtualChannel(this.#host, message.requestId, message.kind, false);
    this.#channels.set(message.requestId, channel);
    channel.handler = this.#owner.request(message, channel);
  }

  #takeAnswer(message: ControlMessage & { requestId: number }): void {
    const update = this.#updates.get(message.requestId);
    if (
      update !== undefined && (message.kind === "request-ok" || message.kind === "request-error")
    ) {
      this.#updates.delete(message.requestId);
      return update.resolve(message);
    }
    const channel = this.#channels.get(message.requestId);
    if (channel !== undefined) return channel.handler.message(message);
    // The answer to a request that was canceled here comes late; any other is nobody's.
    if (!this.#ids.isOurs(message.requestId)) {
      throw violation(`${message.kind} for request ${message.requestId}, which is none`);
    }
  }

  #known(id: number): VirtualChannel {
    const channel = this.#channels.get(id);
    if (channel === undefined) throw violation(`an update of request ${id}, which is none`);
    return channel;
  }

  /** What channels need of this. */
  get #host(): ChannelHost {
    return {
      send: (message) => this.#send(message),
      forget: (channel) => {
        if (!this.#channels.delete(channel.requestId)) return;
        if (!channel.ours) this.release();
      },
      update: async (requestId, parameters) => {
        const id = await this.#nextId();
        const answer = Promise.withResolvers<UpdateAnswer>();
        answer.promise.catch(() => {});
        this.#updates.set(id, answer);
        this.#send({
          kind: "request-update",
          requestId: id,
          existingRequestId: requestId,
          parameters,
        });
        return await answer.promise;
      },
    };
  }

  async #nextId(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    while (this.#ended === undefined && this.#ids.next >= this.#limit) {
      if (this.#blockedAt !== this.#limit) {
        this.#blockedAt = this.#limit;
        this.#send({ kind: "requests-blocked", max: this.#limit });
      }
      await this.#credit(signal);
    }
    if (this.#ended !== undefined) throw this.#ended.error;
    return this.#ids.take();
  }

  #credit(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        this.#waiting.delete(wake);
        reject(signal!.reason);
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Makes a request. */
  async request(
    message: RequestMessage,
    handler: ChannelHandler,
    signal?: AbortSignal,
  ): Promise<Channel> {
    if (message.kind === "subscribe-namespace") {
      const stream = await this.#connection.createBidirectionalStream(
        signal === undefined ? {} : { signal },
      );
      const requestId = await this.#nextId(signal);
      return StreamChannel.open(stream, this.#version, { ...message, requestId }, handler, {
        fail: (error) => this.#owner.fail(error),
        nextId: () => this.#nextId(),
        accept: (id) => this.#accept(id, false),
      });
    }
    const requestId = await this.#nextId(signal);
    const channel = new VirtualChannel(this.#host, requestId, message.kind, true);
    channel.handler = handler;
    this.#channels.set(requestId, channel);
    try {
      this.#send({ ...message, requestId });
    } catch (error) {
      this.#channels.delete(requestId);
      throw error;
    }
    return channel;
  }

  /** Sends GOAWAY, which in this draft has no timeout. */
  goaway(uri: string): void {
    this.#send({ kind: "goaway", uri });
  }

  /** One of the peer's requests is over. */
  release(): void {
    this.#open--;
    this.#grant();
  }

  /** Lets the peer make more requests, where half of its credit is used or none is left. */
  #grant(): void {
    const next = this.#ids.peerNext - this.#ids.peerNext % 2;
    const limit = next + 2 * Math.max(0, this.#maxRequests - this.#open);
    const more = limit - this.#peerLimit;
    if (this.#ended !== undefined || more <= 0) return;
    if (more < this.#maxRequests && next < this.#peerLimit) return;
    this.#peerLimit = limit;
    this.#send({ kind: "max-request-id", max: limit });
  }

  /** All that waits fails. */
  end(error: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#setup.reject(error);
    this.#wake();
    for (const update of this.#updates.values()) update.reject(error);
    this.#updates.clear();
    this.#channels.clear();
  }
}
