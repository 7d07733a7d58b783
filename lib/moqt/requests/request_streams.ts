/**
 * Requests on bidirectional streams of their own, and two unidirectional control streams: since
 * draft-18, section 3.3.
 *
 * @module
 */
import {
  type Connection,
  type ReceiveStream,
  type SendStream,
} from "../../transport/connection.ts";
import { violation } from "../errors.ts";
import type { ControlMessage } from "../messages/control.ts";
import type { SetupOptions } from "../messages/setup.ts";
import type { Version } from "../versions.ts";
import { type Channel, type ChannelHandler, ControlWriter, isRequest } from "./channel.ts";
import { readMessages, type RequestMessage, type Signals, type SignalsOwner } from "./channel.ts";
import { RequestIds, type Role } from "./request_ids.ts";
import { StreamChannel } from "./stream_channel.ts";

/** Highest priority there is: control messages go before all objects. */
const CONTROL_ORDER = 0x7fff_ffff;

/** The control plane since draft-18. */
export class RequestStreamSignals implements Signals {
  readonly #connection: Connection;
  readonly #version: Version;
  readonly #role: Role;
  readonly #owner: SignalsOwner;
  readonly #ids: RequestIds;
  readonly #setup = Promise.withResolvers<SetupOptions>();
  #writer: ControlWriter | undefined;
  #hasControl = false;
  #isSetUp = false;
  #goneAway = false;
  #ended: { error: unknown } | undefined;
  /** Updates of one request that the peer lets wait; 0: any number. */
  #maxUpdates = 0;

  /** Works over a connection. */
  constructor(
    connection: Connection,
    options: { version: Version; role: Role; owner: SignalsOwner },
  ) {
    this.#connection = connection;
    this.#version = options.version;
    this.#role = options.role;
    this.#owner = options.owner;
    this.#ids = new RequestIds(options.role);
    this.#setup.promise.catch(() => {});
  }

  /** Opens this side's control stream, and waits for the peer's set-up. */
  async start(options: SetupOptions): Promise<SetupOptions> {
    const stream: SendStream = await this.#connection.createUnidirectionalStream({
      sendOrder: CONTROL_ORDER,
    });
    this.#writer = new ControlWriter(stream, this.#version, (error) => this.#owner.fail(error));
    this.#writer.send({ kind: "setup", options });
    const setup = await this.#setup.promise;
    this.#acceptStreams();
    return setup;
  }

  /** The peer's control stream, and the bytes of it that were read. */
  control(stream: ReceiveStream, first: Uint8Array): void {
    const fail = (error: unknown) => this.#owner.fail(error);
    if (this.#hasControl) return fail(violation("a second control stream"));
    this.#hasControl = true;
    readMessages(stream, this.#version, (message) => this.#take(message), first).then(
      () => fail(violation("the control stream was closed")),
      fail,
    );
  }

  #take(message: ControlMessage): void {
    if (message.kind === "setup") {
      if (this.#isSetUp) throw violation("a second SETUP");
      this.#isSetUp = true;
      this.#maxUpdates = message.options.maxRequestUpdates ?? 0;
      return this.#setup.resolve(message.options);
    }
    if (!this.#isSetUp) throw violation(`${message.kind} before SETUP`);
    if (message.kind !== "goaway") throw violation(`${message.kind} on the control stream`);
    if (this.#goneAway) throw violation("a second GOAWAY");
    this.#goneAway = true;
    this.#owner.goaway(message);
  }

  async #acceptStreams(): Promise<void> {
    try {
      for await (
        const stream of this.#connection.incomingBidirectionalStreams.values({
          preventCancel: true,
        })
      ) {
        new StreamChannel(stream, this.#version, {
          fail: (error) => this.#owner.fail(error),
          nextId: () => this.#nextId(),
          maxUpdates: () => this.#maxUpdates,
          accept: (id) => this.#ids.accept(id),
          first: (message, channel) => {
            if (!isRequest(message)) throw violation(`a stream begins with ${message.kind}`);
            this.#ids.accept(message.requestId);
            return this.#owner.request(message, channel);
          },
        }).read();
      }
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  #nextId(): Promise<number> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended.error);
    return Promise.resolve(this.#ids.take());
  }

  /** Makes a request; the peer's stream credit is what allows it. */
  async request(
    message: RequestMessage,
    handler: ChannelHandler,
    signal?: AbortSignal,
  ): Promise<Channel> {
    if (this.#ended !== undefined) throw this.#ended.error;
    const stream = await this.#connection.createBidirectionalStream({
      sendOrder: CONTROL_ORDER,
      ...(signal === undefined ? {} : { signal }),
    });
    const requestId = await this.#nextId();
    return StreamChannel.open(stream, this.#version, { ...message, requestId }, handler, {
      fail: (error) => this.#owner.fail(error),
      nextId: () => this.#nextId(),
      maxUpdates: () => this.#maxUpdates,
      accept: (id) => this.#ids.accept(id),
    });
  }

  /** Sends GOAWAY. */
  goaway(uri: string, timeoutMs: number): void {
    // What the peer asked for up to now was handled.
    const requestId = this.#ids.peerNext;
    this.#writer?.send({ kind: "goaway", uri, timeoutMs, requestId });
  }

  /** Stream credit is the transport's. */
  release(): void {}

  /** All that waits fails. */
  end(error: unknown): void {
    this.#ended ??= { error };
    this.#setup.reject(error);
  }

  /** Which side this is. */
  get role(): Role {
    return this.#role;
  }
}
