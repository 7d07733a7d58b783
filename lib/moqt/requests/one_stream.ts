/**
 * Requests over one bidirectional control stream: draft-14 and draft-16, sections 3.3 and 9. In draft-16
 * SUBSCRIBE_NAMESPACE has a stream of its own.
 *
 * @module
 */
import {
  type BidirectionalStream,
  type Connection,
  TransportError,
} from "../../transport/connection.ts";
import { requestErrorCode } from "../codes.ts";
import { MoqtViolation, RequestError, violation } from "../errors.ts";
import type { ControlMessage } from "../messages/control.ts";
import type { SetupOptions } from "../messages/setup.ts";
import { hasNamespaceMessages, hasUpdateAnswers, hasVersionInSetup } from "../versions.ts";
import { setupNumberOf, type Version } from "../versions.ts";
import type { Parameters } from "../wire/parameters.ts";
import { formatNamespace, type Namespace } from "../wire/track_name.ts";
import { Announcements } from "./announcements.ts";
import { type Channel, type ChannelHandler, ControlWriter, isRequest } from "./channel.ts";
import { readMessages, type RequestMessage, type Signals, type SignalsOwner } from "./channel.ts";
import type { UpdateAnswer } from "./channel.ts";
import { RequestCredit } from "./request_credit.ts";
import { RequestIds, type Role } from "./request_ids.ts";
import { StreamChannel } from "./stream_channel.ts";
import { type ChannelHost, VirtualChannel } from "./virtual_channel.ts";
import { Wish } from "./wish.ts";

/** Highest priority there is: control messages go before all objects. */
const CONTROL_ORDER = 0x7fff_ffff;

/** An update that waits for its answer. */
interface Update {
  answer: PromiseWithResolvers<UpdateAnswer>;
  answered: ((answer: UpdateAnswer) => void) | undefined;
}

/** The control plane of draft-14 and draft-16. */
export class OneStreamSignals implements Signals {
  readonly #connection: Connection;
  readonly #version: Version;
  readonly #role: Role;
  readonly #owner: SignalsOwner;
  readonly #ids: RequestIds;
  readonly #channels = new Map<number, VirtualChannel>();
  readonly #updates = new Map<number, Update>();
  /** What subscriptions want, where updates tell all of it again. */
  readonly #wishes = new Map<number, Wish>();
  readonly #announcements: Announcements;
  readonly #credit: RequestCredit;
  #writer: ControlWriter | undefined;
  #setup = Promise.withResolvers<SetupOptions>();
  #isSetUp = false;
  #ended: { error: unknown } | undefined;
  #goneAway = false;

  /** This side's. */
  get role(): Role {
    return this.#role;
  }

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
    this.#credit = new RequestCredit(this.#ids, options.maxRequests, (more) => this.#send(more));
    this.#setup.promise.catch(() => {});
    this.#announcements = new Announcements({
      channels: () => this.#channels.values(),
      request: (message, handler) => this.#request(message, handler),
    });
  }

  /** Exchanges set-ups over the client's first stream. */
  async start(options: SetupOptions): Promise<SetupOptions> {
    const own = { ...options, maxRequestId: this.#credit.peerLimit };
    if (this.#role === "client") {
      const stream = await this.#connection.createBidirectionalStream({ sendOrder: CONTROL_ORDER });
      this.#control(stream);
      const versions = hasVersionInSetup(this.#version)
        ? { versions: [setupNumberOf(this.#version)] }
        : {};
      this.#send({ kind: "client-setup", ...versions, options: own });
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
    const version = hasVersionInSetup(this.#version)
      ? { version: setupNumberOf(this.#version) }
      : {};
    this.#send({ kind: "server-setup", ...version, options: own });
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
    if (message.kind !== "subscribe-namespace" || !hasNamespaceMessages(this.#version)) {
      throw violation(`a stream begins with ${message.kind}`);
    }
    this.#accept(message.requestId, false);
    this.#credit.opened();
    return this.#owner.request(message, channel);
  }

  #accept(id: number, inOrder = true): void {
    this.#credit.accept(id, inOrder);
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
        return this.#credit.raise(message.max);
      case "requests-blocked":
        return this.#credit.grant();
      case "request-update":
        this.#accept(message.requestId);
        this.#credit.grant();
        return this.#takeUpdate(message);
      case "unsubscribe":
      case "fetch-cancel":
      case "publish-namespace-done":
      case "publish-namespace-cancel":
        return this.#channels.get(message.requestId)?.peerCanceled();
      case "namespace-withdrawn":
        return this.#named("publish-namespace", false, message.namespace)?.peerCanceled();
      case "namespace-rejected":
        return this.#named("publish-namespace", true, message.namespace)?.peerCanceled();
      case "unsubscribe-namespace":
        return this.#named("subscribe-namespace", false, message.prefix)?.peerCanceled();
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
    const { options, versions = [], version = -1 } = message as {
      options: SetupOptions;
      versions?: readonly number[];
      version?: number;
    };
    const number = setupNumberOf(this.#version);
    if (hasVersionInSetup(this.#version) && version !== number && !versions.includes(number)) {
      throw new MoqtViolation("version-negotiation-failed", "the peer does not speak this draft");
    }
    this.#isSetUp = true;
    this.#credit.begin(options.maxRequestId ?? 0);
    this.#setup.resolve(options);
  }

  #takeRequest(message: RequestMessage): void {
    if (message.kind === "subscribe-namespace" && hasNamespaceMessages(this.#version)) {
      throw violation("SUBSCRIBE_NAMESPACE on the control stream");
    }
    this.#accept(message.requestId);
    this.#credit.opened();
    const channel = new VirtualChannel(this.#host, message.requestId, message, false);
    this.#begin(channel, message);
    const told = message.kind === "publish-namespace" && !hasNamespaceMessages(this.#version) &&
      this.#announcements.take(message, channel);
    if (!told) channel.handler = this.#owner.request(message, channel);
    else {
      // It answers a request of ours, and so is none of the peer's own.
      channel.isCounted = false;
      this.release();
    }
  }

  #begin(channel: VirtualChannel, message: RequestMessage): void {
    this.#channels.set(channel.requestId, channel);
    if (hasUpdateAnswers(this.#version)) return;
    if (message.kind === "subscribe") {
      this.#wishes.set(channel.requestId, new Wish(message.parameters));
    } else if (message.kind === "publish") {
      const { largest, forward = true } = message.parameters;
      this.#wishes.set(channel.requestId, new Wish({ forward }, largest));
    }
  }

  /** What is said of a subscription, by either side. */
  #note(message: ControlMessage): void {
    if (message.kind === "subscribe-ok") {
      this.#wishes.get(message.requestId)?.located(message.parameters.largest);
    } else if (message.kind === "publish-ok") {
      this.#wishes.get(message.requestId)?.said(message.parameters);
    }
  }

  #takeUpdate(
    { requestId, existingRequestId, parameters }: {
      requestId: number;
      existingRequestId: number;
      parameters: Parameters;
    },
  ): void {
    const channel = this.#channels.get(existingRequestId);
    if (channel !== undefined) {
      this.#wishes.get(existingRequestId)?.heard(parameters);
      return channel.handler.update(requestId, parameters);
    }
    if (!this.#ids.existed(existingRequestId)) {
      throw violation(`an update of request ${existingRequestId}, which is none`);
    }
    // It was on its way when the request ended.
    if (!hasUpdateAnswers(this.#version)) return;
    this.#send({
      kind: "request-error",
      requestId,
      code: requestErrorCode("does-not-exist", this.#version),
      reason: "the request is over",
    });
  }

  #named(
    kind: VirtualChannel["kind"],
    ours: boolean,
    subject: Namespace,
  ): VirtualChannel | undefined {
    const name = formatNamespace(subject);
    for (const channel of this.#channels.values()) {
      if (channel.kind !== kind || channel.ours !== ours) continue;
      if (formatNamespace(channel.subject!) === name) return channel;
    }
    return undefined;
  }

  #takeAnswer(message: ControlMessage & { requestId: number }): void {
    const update = this.#updates.get(message.requestId);
    if (
      update !== undefined && (message.kind === "request-ok" || message.kind === "request-error")
    ) {
      this.#updates.delete(message.requestId);
      update.answered?.(message);
      return update.answer.resolve(message);
    }
    this.#note(message);
    const channel = this.#channels.get(message.requestId);
    if (channel !== undefined) return channel.handler.message(message);
    // The answer to a request that was canceled here comes late; any other is nobody's.
    if (!this.#ids.isOurs(message.requestId)) {
      throw violation(`${message.kind} for request ${message.requestId}, which is none`);
    }
  }

  /** What channels need of this. */
  get #host(): ChannelHost {
    return {
      version: this.#version,
      send: (message, channel) => {
        if (!hasNamespaceMessages(this.#version) && this.#announcements.send(channel, message)) {
          return;
        }
        this.#note(message);
        this.#send(message);
      },
      forget: (channel) => {
        if (!this.#channels.delete(channel.requestId)) return;
        this.#wishes.delete(channel.requestId);
        if (!channel.ours && channel.isCounted) this.release();
        this.#announcements.forget(channel);
      },
      update: (channel, parameters, answered) =>
        this.#update(channel.requestId, parameters, answered),
    };
  }

  async #update(
    existingRequestId: number,
    parameters: Parameters,
    answered: ((answer: UpdateAnswer) => void) | undefined,
  ): Promise<UpdateAnswer> {
    const id = await this.#nextId();
    const update = { kind: "request-update", requestId: id, existingRequestId } as const;
    if (!hasUpdateAnswers(this.#version)) {
      const wish = this.#wishes.get(existingRequestId);
      if (wish === undefined) {
        throw new RequestError("not-supported", "this draft lets subscriptions be changed only");
      }
      this.#send({ ...update, parameters: wish.changed(parameters) });
      const answer: UpdateAnswer = { kind: "request-ok", requestId: id, parameters: {} };
      answered?.(answer);
      return answer;
    }
    const answer = Promise.withResolvers<UpdateAnswer>();
    answer.promise.catch(() => {});
    this.#updates.set(id, { answer, answered });
    this.#send({ ...update, parameters });
    return await answer.promise;
  }

  #nextId(signal?: AbortSignal): Promise<number> {
    return this.#credit.take(signal);
  }

  /** Makes a request. */
  async request(
    message: RequestMessage,
    handler: ChannelHandler,
    signal?: AbortSignal,
  ): Promise<Channel> {
    if (message.kind === "subscribe-namespace" && hasNamespaceMessages(this.#version)) {
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
    return await this.#request(message, handler, signal);
  }

  async #request(
    message: RequestMessage,
    handler: ChannelHandler,
    signal?: AbortSignal,
  ): Promise<VirtualChannel> {
    const requestId = await this.#nextId(signal);
    const channel = new VirtualChannel(this.#host, requestId, message, true);
    channel.handler = handler;
    this.#begin(channel, message);
    try {
      this.#send({ ...message, requestId });
    } catch (error) {
      this.#channels.delete(requestId);
      this.#wishes.delete(requestId);
      throw error;
    }
    handler.begun?.(channel);
    return channel;
  }

  /** Sends GOAWAY, which in these drafts has no timeout. */
  goaway(uri: string): void {
    this.#send({ kind: "goaway", uri });
  }

  /** One of the peer's requests is over. */
  release(): void {
    this.#credit.release();
  }

  /** All that waits fails. */
  end(error: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    this.#setup.reject(error);
    this.#credit.end(error);
    for (const { answer } of this.#updates.values()) answer.reject(error);
    this.#updates.clear();
    this.#channels.clear();
  }
}
