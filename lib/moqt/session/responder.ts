/**
 * Answers the peer's requests by what the handlers say.
 *
 * @module
 */
import { requestErrorCode } from "../codes.ts";
import { MoqtViolation, type Redirect, RequestError, violation } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import { isBefore } from "../messages/fetch.ts";
import { hasRedirect, hasReservedNamespaces, hasStatusProperties } from "../versions.ts";
import type { Location } from "../wire/location.ts";
import type { Parameters } from "../wire/parameters.ts";
import { formatTrackName, hasPrefix, type Namespace, type TrackName } from "../wire/track_name.ts";
import type { Channel, ChannelHandler, RequestMessage } from "./channel.ts";
import { serveFetch } from "./fetch.ts";
import { checkMandatory } from "./ask.ts";
import type { SubscribeAnswer } from "./incoming.ts";
import { NamespaceFeed } from "./namespaces.ts";
import { Publication } from "./publication.ts";
import { type ReceiveOptions, Subscription } from "./subscription.ts";
import type { ResponderHost } from "./responder_host.ts";
import type { TokenCache } from "./tokens.ts";

/** A redirect that names nothing. */
const SAME_PLACE: Redirect = { uri: "", track: { namespace: [], name: new Uint8Array(0) } };

/** What is going on for one request. */
interface Open {
  channel: Channel;
  tokens: ReturnType<TokenCache["resolve"]>;
  abort: AbortController;
  answered: boolean;
}

/** Answers requests. */
export class Responder {
  readonly #host: ResponderHost;
  readonly #prefixes = {
    "subscribe-namespace": new Set<Namespace>(),
    "subscribe-tracks": new Set<Namespace>(),
  };
  /** Subscriptions that were not answered yet, which fetches may join already. */
  readonly #unanswered = new Map<number, Promise<void>>();

  /** Answers by the host's handlers. */
  constructor(host: ResponderHost) {
    this.#host = host;
  }

  /** A request came. Throws a violation. */
  request(message: RequestMessage, channel: Channel): ChannelHandler {
    const open: Open = {
      channel,
      tokens: this.#host.tokens.resolve(message.parameters.tokens),
      abort: new AbortController(),
      answered: false,
    };
    const forget = this.#host.onEnd(() => open.abort.abort());
    open.abort.signal.addEventListener("abort", forget, { once: true });
    const handler = this.#begin(message, open);
    return {
      message: handler.message ?? ((other) => {
        if (other.kind === "goaway") return;
        throw violation(`${other.kind} after ${message.kind}`);
      }),
      update: (updateId, parameters) => {
        this.#host.tokens.resolve(parameters.tokens);
        if (handler.update !== undefined) return handler.update(updateId, parameters);
        this.#refuse(channel, updateId, new RequestError("not-supported", "it cannot be changed"));
      },
      canceled: () => {
        open.abort.abort(new RequestError("uninterested", "the peer canceled the request"));
        handler.canceled?.();
      },
    };
  }

  #begin(message: RequestMessage, open: Open): Partial<ChannelHandler> {
    if (this.#host.isGoingAway) {
      this.#finish(open, new RequestError("going-away", "this side is going away"));
      return {};
    }
    const reserved = this.#reserved(message);
    if (reserved !== undefined) {
      this.#finish(open, reserved);
      return {};
    }
    switch (message.kind) {
      case "subscribe":
        return this.#subscribe(message, open);
      case "publish":
        return this.#publish(message, open);
      case "fetch":
        return this.#fetch(message, open);
      case "track-status":
        return this.#trackStatus(message, open);
      case "publish-namespace":
        return this.#publishNamespace(message, open);
      case "subscribe-namespace":
      case "subscribe-tracks":
        return this.#subscribeNamespace(message, open);
    }
  }

  /** Namespaces `.` and `.session` are not the application's: draft-18, section 3.2.1. */
  #reserved(message: RequestMessage): RequestError | undefined {
    if (!hasReservedNamespaces(this.#host.version)) return undefined;
    const namespace = "track" in message
      ? message.track.namespace
      : "namespace" in message
      ? message.namespace
      : "prefix" in message
      ? message.prefix
      : message.range.by === "range"
      ? message.range.track.namespace
      : [];
    const first = namespace[0] === undefined ? "" : new TextDecoder().decode(namespace[0]);
    if (first !== "." && first !== ".session") return undefined;
    return new RequestError("does-not-exist", `nothing is in the namespace ${first}`);
  }

  /** Runs a handler, and refuses with what it throws. */
  #run(open: Open, work: () => void | Promise<void>): void {
    const run = async () => await work();
    run().then(
      () => {
        if (!open.answered) {
          this.#finish(open, new RequestError("internal-error", "the request was not answered"));
        }
      },
      (error) => {
        if (error instanceof MoqtViolation) this.#host.fail(error);
        else this.#finish(open, error);
      },
    );
  }

  #finish(open: Open, error: unknown): void {
    if (open.answered || open.abort.signal.aborted) return;
    open.answered = true;
    this.#refuse(open.channel, open.channel.requestId, error);
    open.channel.finish();
    open.abort.abort();
  }

  #refuse(channel: Channel, requestId: number, error: unknown): void {
    const refusal = error instanceof RequestError
      ? error
      : new RequestError("internal-error", "the request failed");
    channel.send({
      kind: "request-error",
      requestId,
      code: requestErrorCode(refusal.refusal, this.#host.version),
      ...(refusal.retryMs === undefined ? {} : { retryMs: refusal.retryMs }),
      reason: refusal.message,
      ...(refusal.refusal === "redirect" && hasRedirect(this.#host.version)
        ? { redirect: refusal.redirect ?? SAME_PLACE }
        : {}),
    });
  }

  #claim(open: Open): void {
    if (open.answered) throw new TypeError("the request is answered already");
    open.abort.signal.throwIfAborted();
    open.answered = true;
  }

  #unsupported(): never {
    throw new RequestError("not-supported", "this request is not served here");
  }

  #subscribe(message: MessageOf<"subscribe">, open: Open): Partial<ChannelHandler> {
    const { channel, tokens, abort } = open;
    const { track, parameters } = message;
    let publication: Publication | undefined;
    const answered = this.#awaitAnswer(channel.requestId, open.abort.signal);
    this.#run(open, () => {
      if (this.#isPublished(track)) {
        throw new RequestError("duplicate-subscription", "the track is subscribed to already");
      }
      if (this.#host.handlers.subscribe === undefined) this.#unsupported();
      return this.#host.handlers.subscribe({
        track,
        parameters,
        tokens,
        signal: abort.signal,
        accept: (answer = {}) => {
          this.#claim(open);
          publication = this.#accepted(message, channel, answer);
          answered();
          publication.closed.then(() => abort.abort());
          return publication;
        },
      });
    });
    return {
      update: (updateId, changes) => this.#update(channel, updateId, changes, publication),
      canceled: () => publication?.canceled(),
    };
  }

  /** A refusal aborts the request, too. */
  #awaitAnswer(requestId: number, signal: AbortSignal): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unanswered.set(requestId, promise);
    const answered = () => {
      this.#unanswered.delete(requestId);
      resolve();
    };
    signal.addEventListener("abort", answered, { once: true });
    return answered;
  }

  #accepted(message: MessageOf<"subscribe">, channel: Channel, answer: SubscribeAnswer) {
    const { largest, properties = {}, expiresMs } = answer;
    const { requestId } = channel;
    const publication = this.publication(channel, {
      track: message.track,
      parameters: message.parameters,
      properties,
      ...(largest === undefined ? {} : { largest }),
    });
    publication.started(channel, this.#host.datagrams);
    channel.send({
      kind: "subscribe-ok",
      requestId,
      trackAlias: publication.trackAlias,
      parameters: {
        ...(largest === undefined ? {} : { largest }),
        ...(expiresMs === undefined ? {} : { expiresMs }),
      },
      properties,
    });
    publication.established();
    return publication;
  }

  /** Makes a publication, known by its request as long as it lasts. */
  publication(
    channel: Channel | undefined,
    options: {
      track: TrackName;
      parameters: Parameters;
      properties: SubscribeAnswer["properties"];
      largest?: Location;
    },
  ): Publication {
    const { publications } = this.#host;
    const publication: Publication = new Publication(this.#host.connection, this.#host.version, {
      ...options,
      properties: options.properties ?? {},
      trackAlias: this.#host.nextAlias(),
      forget: () => {
        forget();
        const { requestId } = publication;
        if (requestId !== undefined) publications.delete(requestId);
      },
    });
    const forget = this.#host.onEnd(() => publication.canceled());
    if (channel !== undefined) publications.set(channel.requestId, publication);
    return publication;
  }

  #isPublished(track: TrackName): boolean {
    const name = formatTrackName(track);
    for (const publication of this.#host.publications.values()) {
      if (formatTrackName(publication.track) === name) return true;
    }
    return false;
  }

  #update(
    channel: Channel,
    updateId: number,
    changes: Parameters,
    publication: Publication | undefined,
  ): void {
    if (changes.prefix !== undefined) throw violation("a subscription has no prefix");
    const { tokens: _, ...parameters } = changes;
    publication?.updated(parameters, undefined);
    const largest = publication?.largest;
    channel.send({
      kind: "request-ok",
      requestId: updateId,
      parameters: largest === undefined ? {} : { largest },
    });
  }

  /** The same, for a track that this side publishes. */
  updatePublished(channel: Channel, updateId: number, changes: Parameters, it: Publication): void {
    this.#update(channel, updateId, changes, it);
  }

  #publish(message: MessageOf<"publish">, open: Open): Partial<ChannelHandler> {
    const { channel, tokens, abort } = open;
    const { track, trackAlias, parameters, properties } = message;
    let subscription: Subscription | undefined;
    this.#run(open, () => {
      if (this.#host.handlers.publish === undefined) this.#unsupported();
      checkMandatory(properties, this.#host.version);
      return this.#host.handlers.publish({
        track,
        parameters,
        properties,
        tokens,
        signal: abort.signal,
        accept: (wanted: Parameters = {}, options: ReceiveOptions = {}) => {
          this.#claim(open);
          const { aliases, version } = this.#host;
          const made = new Subscription(track, version, options, (it) => {
            forget();
            aliases.forget(it);
          });
          const forget = this.#host.onEnd(() => {
            made.end({ reason: "internal-error", message: "the session is over" });
          });
          aliases.set(trackAlias, made);
          subscription = made;
          made.closed.then(() => abort.abort());
          made.started(channel);
          made.established({ trackAlias, parameters, properties });
          channel.send({
            kind: "publish-ok",
            requestId: channel.requestId,
            parameters: wanted,
          });
          return made;
        },
      });
    });
    return {
      message: (done) => {
        if (done.kind === "goaway") return;
        if (done.kind !== "publish-done") throw violation(`${done.kind} after PUBLISH`);
        if (subscription === undefined) {
          open.answered = true;
          abort.abort();
          channel.finish();
        } else subscription.publishDone(done);
      },
      update: (updateId) =>
        channel.send({ kind: "request-ok", requestId: updateId, parameters: {} }),
      canceled: () => subscription?.end({ reason: "internal-error", message: "canceled" }),
    };
  }

  #fetch(message: MessageOf<"fetch">, open: Open): Partial<ChannelHandler> {
    const { channel, tokens, abort } = open;
    const { parameters } = message;
    const { requestId } = channel;
    const { range: wanted } = message;
    this.#run(open, async () => {
      if (wanted.by !== "range") await this.#unanswered.get(wanted.joiningRequestId);
      const range = this.#range(message);
      if (range instanceof RequestError) throw range;
      if (this.#host.handlers.fetch === undefined) this.#unsupported();
      const { signal } = abort;
      const answer = await this.#host.handlers.fetch({ ...range, parameters, tokens, signal });
      if (isBefore(answer.end, range.start)) {
        throw new RequestError("invalid-range", "nothing was published from there on");
      }
      this.#claim(open);
      channel.send({
        kind: "fetch-ok",
        requestId,
        endOfTrack: answer.endOfTrack ?? false,
        end: answer.end,
        parameters: {},
        properties: answer.properties ?? {},
      });
      const { items } = answer;
      const { connection, version } = this.#host;
      try {
        await serveFetch(connection, version, { requestId, parameters, items, signal });
      } finally {
        channel.finish();
        abort.abort();
      }
    });
    return {
      update: (updateId) =>
        channel.send({ kind: "request-ok", requestId: updateId, parameters: {} }),
    };
  }

  /** What a fetch is of; joining ones end where their subscription began. */
  #range(
    { range }: MessageOf<"fetch">,
  ): { track: TrackName; start: Location; end: Location } | RequestError {
    if (range.by === "range") return { track: range.track, start: range.start, end: range.end };
    const publication = this.#host.publications.get(range.joiningRequestId);
    if (publication === undefined) {
      return new RequestError("invalid-joining-request-id", "no subscription has that request id");
    }
    if (publication.parameters.filter?.from !== "largest-object") {
      throw violation("a fetch joins a subscription that does not begin at the largest object");
    }
    const { track, largest } = publication;
    if (largest === undefined) {
      return new RequestError("invalid-range", "nothing was published yet");
    }
    const group = range.by === "relative-join"
      ? Math.max(0, largest.group - range.groups)
      : range.group;
    const start = { group, object: 0 };
    const end = { group: largest.group, object: largest.object + 1 };
    if (isBefore(end, start)) {
      return new RequestError("invalid-range", "it starts after the largest");
    }
    return { track, start, end };
  }

  #trackStatus(message: MessageOf<"track-status">, open: Open): Partial<ChannelHandler> {
    const { channel, tokens, abort } = open;
    this.#run(open, async () => {
      if (this.#host.handlers.trackStatus === undefined) this.#unsupported();
      const { track, parameters } = message;
      const { largest, expiresMs, properties } = await this.#host.handlers.trackStatus({
        track,
        parameters,
        tokens,
        signal: abort.signal,
      });
      this.#claim(open);
      channel.send({
        kind: "request-ok",
        requestId: channel.requestId,
        parameters: {
          ...(largest === undefined ? {} : { largest }),
          ...(expiresMs === undefined ? {} : { expiresMs }),
        },
        ...(properties !== undefined && hasStatusProperties(this.#host.version)
          ? { properties }
          : {}),
      });
      channel.finish();
      abort.abort();
    });
    return {};
  }

  #publishNamespace(message: MessageOf<"publish-namespace">, open: Open): Partial<ChannelHandler> {
    const { channel, tokens, abort } = open;
    this.#run(open, async () => {
      if (this.#host.handlers.publishNamespace === undefined) this.#unsupported();
      await this.#host.handlers.publishNamespace({
        namespace: message.namespace,
        parameters: message.parameters,
        tokens,
        signal: abort.signal,
        cancel: () => {
          channel.cancel();
          abort.abort();
        },
      });
      this.#claim(open);
      channel.send({ kind: "request-ok", requestId: channel.requestId, parameters: {} });
    });
    return {};
  }

  #subscribeNamespace(
    message: MessageOf<"subscribe-namespace"> | MessageOf<"subscribe-tracks">,
    open: Open,
  ): Partial<ChannelHandler> {
    const { channel, tokens, abort } = open;
    const { prefix, parameters } = message;
    const prefixes = this.#prefixes[message.kind];
    let feed: NamespaceFeed | undefined;
    this.#run(open, () => {
      for (const other of prefixes) {
        if (hasPrefix(prefix, other) || hasPrefix(other, prefix)) {
          throw new RequestError("prefix-overlap", "the prefix overlaps with another one");
        }
      }
      if (this.#host.handlers.subscribeNamespace === undefined) this.#unsupported();
      return this.#host.handlers.subscribeNamespace({
        prefix,
        interest: message.kind === "subscribe-tracks" ? "publish" : message.interest,
        parameters,
        tokens,
        signal: abort.signal,
        accept: () => {
          this.#claim(open);
          prefixes.add(prefix);
          channel.send({ kind: "request-ok", requestId: channel.requestId, parameters: {} });
          const made = new NamespaceFeed(prefix, channel);
          made.closed.then(() => {
            prefixes.delete(prefix);
            abort.abort();
          });
          abort.signal.addEventListener("abort", () => made.canceled(), { once: true });
          feed = made;
          return made;
        },
      });
    });
    return { canceled: () => feed?.canceled() };
  }
}
