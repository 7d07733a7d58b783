/**
 * One session of the relay that speaks moq-lite: its requests, within its limits and rights.
 *
 * @module
 */
import type { Connection } from "../../transport/connection.ts";
import { RequestError } from "../../moqt/errors.ts";
import { type LiteAnnouncements } from "../../moqt/lite/announcements.ts";
import { LiteStreamError } from "../../moqt/lite/errors.ts";
import type { IncomingLiteAnnounce, IncomingLiteSubscribe } from "../../moqt/lite/incoming.ts";
import { acceptLite, type LiteSession } from "../../moqt/lite/session.ts";
import { type LiteVersion, liteVersionName } from "../../moqt/lite/versions.ts";
import type { Namespace, TrackName } from "../../moqt/wire/track_name.ts";
import type { PeerHost, PeerOptions } from "../peer.ts";
import { SessionRights } from "../access/rights.ts";
import { rootOf } from "./names.ts";
import { LiteOutgoing } from "./outgoing.ts";
import { LiteRelaySession } from "./session.ts";

/** What is limited. */
type Counted = "watches" | "subscriptions";

/** A session. */
export class LitePeer {
  readonly #host: PeerHost;
  readonly #rights: SessionRights;
  readonly #counts: Record<Counted, number> = { watches: 0, subscriptions: 0 };
  /** Requests may come together with the set-up, whose token decides about them. */
  readonly #begun = Promise.withResolvers<LiteRelaySession>();
  #version: LiteVersion = 2;
  #published = false;
  #subscribed = false;

  /** Belongs to a relay. */
  constructor(host: PeerHost) {
    this.#host = host;
    this.#rights = new SessionRights(host.gate);
    this.#begun.promise.catch(() => {});
  }

  /** What it does: for people. */
  get role(): string {
    if (this.#published) return this.#subscribed ? "both" : "publisher";
    return this.#subscribed ? "subscriber" : "none";
  }

  /** The draft's name. */
  get draft(): string {
    return liteVersionName(this.#version);
  }

  /** Begins. Rejects where the set-up fails. */
  async begin(connection: Connection, options: PeerOptions): Promise<LiteRelaySession> {
    try {
      const session = await this.#accept(connection, options);
      this.#version = session.version;
      const ours = new LiteRelaySession(session, rootOf(this.#rights.path));
      this.#rights.onExpiry(
        () => void ours.close("expired-auth-token", "the token has expired"),
        session.closed,
      );
      this.#begun.resolve(ours);
      if (this.#rights.allowsAny("publish")) void this.#hear(session.announced(), ours);
      return ours;
    } catch (error) {
      this.#begun.reject(error);
      throw error;
    }
  }

  async #accept(connection: Connection, options: PeerOptions): Promise<LiteSession> {
    return await acceptLite(connection, {
      handlers: {
        announce: (request) => this.#announce(request),
        subscribe: (request) => this.#subscribe(request),
      },
      // Over plain QUIC a client may tell the path in its set-up.
      admit: async (setup) => await this.#rights.admit(options.path ?? setup.path ?? "/"),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  /** What the session publishes becomes namespaces of the relay. */
  async #hear(announcements: LiteAnnouncements, ours: LiteRelaySession): Promise<void> {
    const { registry, limits } = this.#host;
    const known = new Map<string, () => void>();
    try {
      for await (const { path, active } of announcements) {
        known.get(path)?.();
        known.delete(path);
        const namespace = ours.namespaceOf(path);
        // An announcement cannot be refused: one that is too many, or not allowed, is not passed on.
        if (!active || !this.#rights.allows("publish", namespace)) continue;
        if (known.size >= limits.maxNamespaces) continue;
        this.#published = true;
        known.set(path, registry.add(ours, namespace));
        this.#host.namespaceAdded();
      }
    } catch {
      // The session is over, or its client tells nothing: either way nothing is published.
    } finally {
      for (const remove of known.values()) remove();
    }
  }

  async #announce(request: IncomingLiteAnnounce): Promise<void> {
    const ours = await this.#begun.promise;
    const { prefix, signal } = request;
    this.#count("watches", this.#host.limits.maxWatches, signal);
    this.#subscribed = true;
    const feed = request.accept();
    const told = (namespace: Namespace, tell: (path: string) => void) => {
      const path = ours.pathOf(namespace);
      if (path !== undefined && this.#rights.allows("subscribe", namespace)) tell(path);
    };
    const forget = this.#host.registry.watch({
      session: ours,
      prefix: ours.namespaceOf(prefix),
      interest: "namespace",
      parameters: {},
      offers: true,
      feed: {
        add: (namespace) => told(namespace, (path) => feed.add(path)),
        remove: (namespace) => told(namespace, (path) => feed.remove(path)),
      },
    });
    feed.begin();
    signal.addEventListener("abort", forget, { once: true });
  }

  async #subscribe(request: IncomingLiteSubscribe): Promise<void> {
    const ours = await this.#begun.promise;
    const { signal } = request;
    const name: TrackName = {
      namespace: ours.namespaceOf(request.broadcast),
      name: new TextEncoder().encode(request.track),
    };
    if (!this.#rights.allows("subscribe", name.namespace)) {
      // Whoever may not have it is not told whether it is there.
      throw new LiteStreamError("not-found");
    }
    this.#count("subscriptions", this.#host.limits.maxSubscriptions, signal);
    try {
      const track = this.#host.track(name);
      const parameters = { priority: 255 - request.priority };
      await track.use({ signal, rendezvousMs: 0, parameters }, () => {
        const outgoing = new LiteOutgoing(request.accept(), track.largest?.group ?? 0);
        this.#subscribed = true;
        track.attach(track.outlet(outgoing, ours));
      });
    } catch (error) {
      if (error instanceof RequestError && error.refusal === "does-not-exist") {
        throw new LiteStreamError("not-found", error.message, { cause: error });
      }
      throw error;
    }
  }

  /** Takes one of `kind` until `signal` is aborted. Throws where there are too many. */
  #count(kind: Counted, limit: number, signal: AbortSignal): void {
    if (this.#counts[kind] >= limit) {
      throw new LiteStreamError("unroutable", `a session may have ${limit} ${kind} here`);
    }
    signal.throwIfAborted();
    this.#counts[kind]++;
    signal.addEventListener("abort", () => this.#counts[kind]--, { once: true });
  }
}
