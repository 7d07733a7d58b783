/**
 * Answers the peer's requests by what the handlers say.
 *
 * @module
 */
import type { RequestKind } from "../codes.ts";
import { RequestError, violation } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import {
  hasManySubscriptions,
  hasParametersForFields,
  hasPublishOkParameters,
  hasReservedNamespaces,
  hasStatusProperties,
  hasStrictUpdates,
} from "../versions.ts";
import type { Location } from "../wire/location.ts";
import { updateScope } from "../wire/parameter_scopes.ts";
import type { Parameters } from "../wire/parameters.ts";
import { formatTrackName, type TrackName } from "../wire/track_name.ts";
import { checkMandatory } from "../requests/ask.ts";
import type { Channel, ChannelHandler, RequestMessage } from "../requests/channel.ts";
import { FetchServer } from "./fetch_server.ts";
import type { SubscribeAnswer } from "./incoming.ts";
import { changedFilters, checkRangeFilters } from "../publish/object_filter.ts";
import { NamespaceResponder } from "./namespace_responder.ts";
import { OpenRequest, refuse, unsupported } from "./open_request.ts";
import { Publication } from "../publish/publication.ts";
import type { ResponderHost } from "./responder_host.ts";
import { type ReceiveOptions, Subscription } from "../receive/subscription.ts";
import type { TokenValue } from "../requests/tokens.ts";

/** Who updates a subscription. */
interface Updated {
  channel: Channel;
  kind: RequestKind;
  tokens: readonly TokenValue[];
}

/** Answers requests. */
export class Responder {
  readonly #host: ResponderHost;
  readonly #fetches: FetchServer;
  readonly #namespaces: NamespaceResponder;

  /** Answers by the host's handlers. */
  constructor(host: ResponderHost) {
    this.#host = host;
    this.#fetches = new FetchServer(host);
    this.#namespaces = new NamespaceResponder(host);
  }

  /** A request came. Throws a violation. */
  request(message: RequestMessage, channel: Channel): ChannelHandler {
    const open = new OpenRequest(this.#host, message, channel);
    const handler = this.#begin(message, open);
    return {
      message: handler.message ?? ((other) => {
        if (other.kind === "goaway") return;
        throw violation(`${other.kind} after ${message.kind}`);
      }),
      update: (updateId, parameters) => {
        this.#checkUpdate(message.kind, parameters);
        this.#host.tokens.resolve(parameters.tokens);
        if (handler.update !== undefined) return handler.update(updateId, parameters);
        open.refuse(updateId, new RequestError("not-supported", "it cannot be changed"));
      },
      canceled: () => {
        open.abort.abort(new RequestError("uninterested", "the peer canceled the request"));
        handler.canceled?.();
      },
    };
  }

  /** Throws a violation for an update that a request of this kind cannot have. */
  #checkUpdate(kind: RequestKind, parameters: Parameters): void {
    const { version } = this.#host;
    if (kind === "track-status" && hasStrictUpdates(version)) {
      throw violation("an update of TRACK_STATUS");
    }
    const names = updateScope(kind, version);
    for (const name of Object.keys(parameters) as (keyof Parameters)[]) {
      if (names?.includes(name) === false) throw violation(`an update of ${kind} has no ${name}`);
    }
  }

  #begin(message: RequestMessage, open: OpenRequest): Partial<ChannelHandler> {
    const refusal = this.#host.isGoingAway
      ? new RequestError("going-away", "this side is going away")
      : this.#reserved(message) ?? this.#filtered(message.parameters);
    if (refusal !== undefined) {
      open.finish(refusal);
      return {};
    }
    switch (message.kind) {
      case "subscribe":
        return this.#subscribe(message, open);
      case "publish":
        return this.#publish(message, open);
      case "fetch":
        return this.#fetches.serve(message, open);
      case "track-status":
        return this.#trackStatus(message, open);
      case "publish-namespace":
        return this.#namespaces.publish(message, open);
      case "subscribe-namespace":
      case "subscribe-tracks":
        return this.#namespaces.subscribe(message, open);
    }
  }

  /** The refusal of filters that break the rules, or are too many: draft-20, section 5.1.4. */
  #filtered({ fill, ...parameters }: Parameters): RequestError | undefined {
    try {
      checkRangeFilters(parameters, this.#host.maxFilterRanges);
      if (fill !== undefined) checkRangeFilters(fill, this.#host.maxFilterRanges);
    } catch (error) {
      if (error instanceof RequestError) return error;
      throw error;
    }
    return undefined;
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
      : "track" in message.range
      ? message.range.track.namespace
      : [];
    const first = namespace[0] === undefined ? "" : new TextDecoder().decode(namespace[0]);
    if (first !== "." && first !== ".session") return undefined;
    return new RequestError("does-not-exist", `nothing is in the namespace ${first}`);
  }

  #subscribe(message: MessageOf<"subscribe">, open: OpenRequest): Partial<ChannelHandler> {
    const { channel, tokens, abort } = open;
    const { track, parameters } = message;
    const { requestId } = channel;
    let publication: Publication | undefined;
    const answered = this.#fetches.awaitAnswer(requestId, abort.signal);
    open.run(() => {
      if (!hasManySubscriptions(this.#host.version) && this.#isPublished(track)) {
        throw new RequestError("duplicate-subscription", "the track is subscribed to already");
      }
      if (this.#host.handlers.subscribe === undefined) unsupported();
      return this.#host.handlers.subscribe({
        track,
        parameters,
        ...open.common,
        accept: (answer = {}) => {
          open.claim();
          const made = this.#accepted(message, channel, answer);
          publication = made;
          answered();
          made.closed.then(() => abort.abort());
          const { fill } = parameters;
          if (fill !== undefined) this.#fetches.fill(made, fill, { requestId, tokens });
          return made;
        },
      });
    });
    return {
      update: (updateId, changes) => this.#update(open, updateId, changes, publication),
      canceled: () => publication?.canceled(),
    };
  }

  #accepted(message: MessageOf<"subscribe">, channel: Channel, answer: SubscribeAnswer) {
    const { largest, expiresMs } = answer;
    const { track, parameters } = message;
    const { requestId } = channel;
    const publication = this.publication(channel, {
      track,
      parameters,
      properties: answer.properties,
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
      properties: parameters.includeProperties === false ? {} : answer.properties ?? {},
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
    by: Updated,
    updateId: number,
    changes: Parameters,
    publication: Publication | undefined,
  ): void {
    if (changes.prefix !== undefined) throw violation("a subscription has no prefix");
    const refusal = this.#filtered(changedFilters({ ...publication?.parameters }, changes));
    if (refusal !== undefined) {
      refuse(this.#host, by, updateId, refusal);
      return publication?.done("update-failed", refusal.message);
    }
    const { tokens: _, fill, ...parameters } = changes;
    const largest = publication?.largestNow;
    publication?.updated(parameters, largest);
    by.channel.send({
      kind: "request-ok",
      requestId: updateId,
      parameters: largest === undefined ? {} : { largest },
    });
    if (fill === undefined || publication === undefined) return;
    this.#fetches.fill(publication, fill, { requestId: updateId, tokens: by.tokens });
  }

  /** The same, for a track that this side publishes. */
  updatePublished(channel: Channel, updateId: number, changes: Parameters, it: Publication): void {
    this.#checkUpdate("publish", changes);
    const tokens = this.#host.tokens.resolve(changes.tokens);
    this.#update({ channel, kind: "publish", tokens }, updateId, changes, it);
  }

  #publish(message: MessageOf<"publish">, open: OpenRequest): Partial<ChannelHandler> {
    const { channel, abort } = open;
    const { track, trackAlias, parameters, properties } = message;
    this.#host.aliases.expect(trackAlias, abort.signal);
    let subscription: Subscription | undefined;
    open.run(() => {
      if (this.#host.handlers.publish === undefined) unsupported();
      checkMandatory(properties, this.#host.version);
      return this.#host.handlers.publish({
        track,
        parameters,
        properties,
        ...open.common,
        accept: (wanted: Parameters = {}, options: ReceiveOptions = {}) => {
          open.claim();
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
          this.#agree(channel, wanted, made);
          return made;
        },
      });
    });
    return {
      message: (done) => {
        if (done.kind === "goaway") return;
        if (done.kind !== "publish-done" && done.kind !== "publish-state-notify") {
          throw violation(`${done.kind} after PUBLISH`);
        }
        if (subscription === undefined) {
          open.settle();
        } else if (done.kind === "publish-state-notify") subscription.notified(done.parameters);
        else subscription.publishDone(done);
      },
      update: (updateId) =>
        channel.send({ kind: "request-ok", requestId: updateId, parameters: {} }),
      canceled: () => subscription?.end({ reason: "internal-error", message: "canceled" }),
    };
  }

  /** Takes a track that was offered, and says how it is wanted. */
  #agree(channel: Channel, wanted: Parameters, subscription: Subscription): void {
    const { properties } = subscription.info!;
    const { requestId } = channel;
    const { version } = this.#host;
    if (hasPublishOkParameters(version)) {
      // Where the answer has a field for the order, it replaces the publisher's.
      const { groupOrder } = properties;
      const order = hasParametersForFields(version) || groupOrder === undefined
        ? {}
        : { groupOrder };
      return channel.send({ kind: "publish-ok", requestId, parameters: { ...order, ...wanted } });
    }
    // The order of groups is the publisher's.
    const { expiresMs, groupOrder: _, ...changes } = wanted;
    const parameters = expiresMs === undefined ? {} : { expiresMs };
    channel.send({ kind: "publish-ok", requestId, parameters });
    if (Object.keys(changes).length === 0) return;
    const updated = channel.update(changes).then(
      (answer) => answer.kind === "request-ok" ? answer.parameters.largest?.group : undefined,
      () => undefined,
    );
    // Until it hears of the filter, the publisher sends what it has.
    if (changes.filter?.from === "next-group") subscription.beginsAfter(updated);
  }

  #trackStatus(message: MessageOf<"track-status">, open: OpenRequest): Partial<ChannelHandler> {
    const { channel, abort } = open;
    open.run(async () => {
      if (this.#host.handlers.trackStatus === undefined) unsupported();
      const { version } = this.#host;
      const { track, parameters } = message;
      const { largest, expiresMs, properties } = await this.#host.handlers.trackStatus({
        track,
        parameters,
        ...open.common,
      });
      open.claim();
      const hasProperties = hasStatusProperties(version) || !hasParametersForFields(version);
      channel.send({
        kind: "request-ok",
        requestId: channel.requestId,
        parameters: {
          ...(largest === undefined ? {} : { largest }),
          ...(expiresMs === undefined ? {} : { expiresMs }),
        },
        ...(properties !== undefined && hasProperties && parameters.includeProperties !== false
          ? { properties }
          : {}),
      });
      channel.finish();
      abort.abort();
    });
    return {};
  }
}
