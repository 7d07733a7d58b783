/**
 * Answers the peer's requests about namespaces: draft-16, sections 9.20 and 9.25; draft-18, sections
 * 10.9.2, 10.15, 10.18 and 10.19.
 *
 * @module
 */
import { RequestError } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import { hasPrefix, type Namespace } from "../wire/track_name.ts";
import type { ChannelHandler } from "../requests/channel.ts";
import { NamespaceFeed } from "../requests/namespaces.ts";
import { type OpenRequest, unsupported } from "./open_request.ts";
import type { ResponderHost } from "./responder_host.ts";

/** Answers PUBLISH_NAMESPACE, SUBSCRIBE_NAMESPACE and SUBSCRIBE_TRACKS. */
export class NamespaceResponder {
  readonly #host: ResponderHost;
  readonly #feeds = {
    "subscribe-namespace": new Set<NamespaceFeed>(),
    "subscribe-tracks": new Set<NamespaceFeed>(),
  };

  /** Answers by the host's handlers. */
  constructor(host: ResponderHost) {
    this.#host = host;
  }

  /** The peer has a namespace. */
  publish(message: MessageOf<"publish-namespace">, open: OpenRequest): Partial<ChannelHandler> {
    const { channel, abort } = open;
    open.run(async () => {
      if (this.#host.handlers.publishNamespace === undefined) unsupported();
      await this.#host.handlers.publishNamespace({
        namespace: message.namespace,
        parameters: message.parameters,
        ...open.common,
        cancel: () => {
          channel.cancel();
          abort.abort();
        },
      });
      open.claim();
      channel.send({ kind: "request-ok", requestId: channel.requestId, parameters: {} });
    });
    return {
      // Only what authorizes it may change.
      update: (updateId) =>
        channel.send({ kind: "request-ok", requestId: updateId, parameters: {} }),
    };
  }

  /** The peer wants to hear of namespaces, or of tracks. */
  subscribe(
    message: MessageOf<"subscribe-namespace"> | MessageOf<"subscribe-tracks">,
    open: OpenRequest,
  ): Partial<ChannelHandler> {
    const { channel, abort } = open;
    const { prefix, parameters } = message;
    const feeds = this.#feeds[message.kind];
    let feed: NamespaceFeed | undefined;
    open.run(() => {
      this.#checkOverlap(feeds, prefix);
      if (this.#host.handlers.subscribeNamespace === undefined) unsupported();
      return this.#host.handlers.subscribeNamespace({
        prefix,
        interest: message.kind === "subscribe-tracks" ? "publish" : message.interest,
        parameters,
        ...open.common,
        accept: () => {
          open.claim();
          const made = new NamespaceFeed(prefix, channel);
          feeds.add(made);
          channel.send({ kind: "request-ok", requestId: channel.requestId, parameters: {} });
          made.closed.then(() => {
            feeds.delete(made);
            abort.abort();
          });
          abort.signal.addEventListener("abort", () => made.canceled(), { once: true });
          feed = made;
          return made;
        },
      });
    });
    return {
      update: (updateId, changes) => {
        try {
          if (feed === undefined) {
            throw new RequestError("not-supported", "the request was not agreed to yet");
          }
          if (changes.prefix !== undefined) this.#checkOverlap(feeds, changes.prefix, feed);
        } catch (error) {
          // A change that fails ends what was to be changed.
          open.refuse(updateId, error);
          channel.finish();
          return feed?.canceled();
        }
        channel.send({ kind: "request-ok", requestId: updateId, parameters: {} });
        feed.updated(changes);
      },
      canceled: () => feed?.canceled(),
    };
  }

  #checkOverlap(feeds: Iterable<NamespaceFeed>, prefix: Namespace, except?: NamespaceFeed): void {
    for (const other of feeds) {
      if (other === except) continue;
      if (hasPrefix(prefix, other.prefix) || hasPrefix(other.prefix, prefix)) {
        throw new RequestError("prefix-overlap", "the prefix overlaps with another one");
      }
    }
  }
}
