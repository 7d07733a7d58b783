/**
 * Namespaces: told to the peer, and heard of from it.
 *
 * @module
 */
import { MoqtViolation, RequestError, violation } from "../errors.ts";
import type { ControlMessage } from "../messages/control.ts";
import { formatNamespace, hasPrefix, type Namespace, type TrackName } from "../wire/track_name.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { Channel } from "./channel.ts";
import { BoundedQueue } from "./queue.ts";
import { StandingRequest } from "./standing_request.ts";

/** A namespace of ours that the peer was told of. Closing it tells that it is gone. */
export class NamespaceOffer extends StandingRequest {
  readonly #closed = Promise.withResolvers<void>();
  /** Which. */
  readonly namespace: Namespace;

  /** Made by the session. */
  constructor(namespace: Namespace) {
    super();
    this.namespace = namespace;
  }

  /** Resolves when it is over, from whichever side. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The peer knows, or wants no more of it. */
  protected override ended(): RequestError {
    this.#closed.resolve();
    return new RequestError("uninterested", "the namespace is not wanted any more");
  }
}

/** News of what is below a prefix. */
export type NamespaceNews =
  /** A namespace is there. */
  | { kind: "added"; namespace: Namespace }
  /** A namespace is gone. */
  | { kind: "removed"; namespace: Namespace }
  /** A track is there, and the publisher does not send it. */
  | { kind: "blocked"; track: TrackName };

/** News that waits for the reader; the oldest go. */
const MAX_NEWS = 4096;

/** Namespaces that are there at once below one prefix; more close the session. */
const MAX_NAMESPACES = 65_536;

/** What the peer has below a prefix. Iterate it. Closing it ends the news. */
export class NamespaceWatch extends StandingRequest implements AsyncIterable<NamespaceNews> {
  readonly #news = new BoundedQueue<NamespaceNews>(MAX_NEWS, "drop-oldest");
  readonly #known = new Map<string, Namespace>();
  #prefix: Namespace;

  /** Made by the session. */
  constructor(prefix: Namespace) {
    super();
    this.#prefix = prefix;
  }

  /** Below what. */
  get prefix(): Namespace {
    return this.#prefix;
  }

  /**
   * Changes the prefix, or whether tracks are sent at once, where the draft lets: since draft-18. What
   * is not below the new prefix is told gone. A {@link RequestError} where the peer refuses, which ends
   * the watch.
   */
  async update(changes: Pick<Parameters, "prefix" | "forward" | "tokens">): Promise<void> {
    await this.ready;
    const answer = await this.channel!.update(changes, ({ kind }) => {
      if (kind === "request-ok" && changes.prefix !== undefined) this.#move(changes.prefix);
    });
    if (answer.kind === "request-error") throw RequestError.received(answer);
  }

  #move(prefix: Namespace): void {
    this.#prefix = prefix;
    for (const [key, namespace] of this.#known) {
      if (hasPrefix(namespace, prefix)) continue;
      this.#known.delete(key);
      this.#news.push({ kind: "removed", namespace });
    }
  }

  /** The namespaces that are there now. */
  get namespaces(): readonly Namespace[] {
    return [...this.#known.values()];
  }

  /** News dropped because the reader was slow. */
  get dropped(): number {
    return this.#news.dropped;
  }

  /** The news, to the end; at the end all namespaces are told gone. */
  [Symbol.asyncIterator](): AsyncIterator<NamespaceNews> {
    return this.#news[Symbol.asyncIterator]();
  }

  /** What came for it. For the session. Throws a violation. */
  heard(message: ControlMessage): void {
    switch (message.kind) {
      case "namespace": {
        const namespace = [...this.prefix, ...message.suffix];
        if (this.#known.size >= MAX_NAMESPACES) {
          throw new MoqtViolation("internal-error", `more than ${MAX_NAMESPACES} namespaces`);
        }
        this.#known.set(formatNamespace(namespace), namespace);
        return this.#news.push({ kind: "added", namespace });
      }
      case "namespace-done": {
        const namespace = [...this.prefix, ...message.suffix];
        if (!this.#known.delete(formatNamespace(namespace))) {
          throw violation("NAMESPACE_DONE without NAMESPACE");
        }
        return this.#news.push({ kind: "removed", namespace });
      }
      case "publish-blocked": {
        const { namespace, name } = message.suffix;
        const track = { namespace: [...this.prefix, ...namespace], name };
        return this.#news.push({ kind: "blocked", track });
      }
      default:
        throw violation(`${message.kind} for a namespace subscription`);
    }
  }

  /** Nothing more is heard. */
  protected override ended(): RequestError {
    for (const namespace of this.#known.values()) this.#news.push({ kind: "removed", namespace });
    this.#known.clear();
    this.#news.end();
    return new RequestError("internal-error", "the namespace subscription is over");
  }
}

/** A peer's wish to hear of namespaces below a prefix. Tell it of them. */
export class NamespaceFeed implements AsyncDisposable {
  readonly #channel: Channel;
  readonly #told = new Map<string, Namespace>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #listeners = new Set<(changes: Parameters) => void>();
  #prefix: Namespace;
  #over = false;

  /** Made by the session. */
  constructor(prefix: Namespace, channel: Channel) {
    this.#prefix = prefix;
    this.#channel = channel;
  }

  /** Below what; the peer may change it. */
  get prefix(): Namespace {
    return this.#prefix;
  }

  /**
   * Calls back when the peer changes what it asks for: the prefix, or whether tracks are to be sent at
   * once. Of a new prefix all namespaces are to be told again. Returns the unsubscriber.
   */
  onUpdate(listener: (changes: Parameters) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The peer changes it. For the session. */
  updated(changes: Parameters): void {
    if (changes.prefix !== undefined) {
      this.#prefix = changes.prefix;
      for (const [key, namespace] of this.#told) {
        if (!hasPrefix(namespace, this.#prefix)) this.#told.delete(key);
      }
    }
    for (const listener of this.#listeners) listener(changes);
  }

  /** Resolves when it is over, from whichever side. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Tells that a namespace is there; those not below the prefix are passed over. */
  add(namespace: Namespace): void {
    const key = formatNamespace(namespace);
    if (this.#over || this.#told.has(key) || !hasPrefix(namespace, this.prefix)) return;
    this.#told.set(key, namespace);
    this.#channel.send({ kind: "namespace", suffix: namespace.slice(this.prefix.length) });
  }

  /** Tells that a namespace is gone, where it was told there. */
  remove(namespace: Namespace): void {
    if (this.#over || !this.#told.delete(formatNamespace(namespace))) return;
    this.#channel.send({ kind: "namespace-done", suffix: namespace.slice(this.prefix.length) });
  }

  /**
   * Tells that a track is there which this side does not publish to the peer. Only for who asked for
   * tracks, and since draft-18; elsewhere a `TypeError`.
   */
  block(track: TrackName): void {
    if (this.#over || !hasPrefix(track.namespace, this.prefix)) return;
    const namespace = track.namespace.slice(this.prefix.length);
    this.#channel.send({ kind: "publish-blocked", suffix: { namespace, name: track.name } });
  }

  /** Tells nothing more. Idempotent. */
  close(): Promise<void> {
    if (!this.#over) this.#channel.finish();
    this.canceled();
    return Promise.resolve();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** It is over. For the session. */
  canceled(): void {
    this.#over = true;
    this.#closed.resolve();
  }
}
