/**
 * Who publishes which namespaces, and who wants to hear of them.
 *
 * @module
 */
import type { NamespaceInterest } from "../moqt/messages/namespace.ts";
import type { NamespaceFeed } from "../moqt/requests/namespaces.ts";
import type { Parameters } from "../moqt/wire/parameters.ts";
import { formatNamespace, hasPrefix, type Namespace } from "../moqt/wire/track_name.ts";
import type { RelaySession } from "./session.ts";

interface Known {
  readonly namespace: Namespace;
  /** Who publishes it, the newest last; a session may be there more than once. */
  readonly sessions: RelaySession[];
  /** Who offers tracks in it, likewise. */
  readonly offers: RelaySession[];
}

/** A wish to hear of what is below a prefix. */
export interface Watch {
  /** Whose it is; it is not told of its own namespaces. */
  readonly session: RelaySession;
  /** Below what; it may be changed, see {@link NamespaceRegistry.moved}. */
  prefix: Namespace;
  /** Namespaces, tracks or both. */
  readonly interest: NamespaceInterest;
  /** How tracks are to be sent. */
  parameters: Parameters;
  /** Whether namespaces in which tracks are offered are told, too: moq-lite has but one word for both. */
  readonly offers?: true;
  /** What to tell it with. */
  readonly feed: Pick<NamespaceFeed, "add" | "remove">;
}

/** All namespaces of a relay. */
export class NamespaceRegistry {
  readonly #known = new Map<string, Known>();
  readonly #watches = new Set<Watch>();

  /** Namespaces that are published. */
  get size(): number {
    let size = 0;
    for (const { sessions } of this.#known.values()) if (sessions.length > 0) size++;
    return size;
  }

  /** Wishes to hear of namespaces and tracks. */
  get watches(): Iterable<Watch> {
    return this.#watches;
  }

  /** A session publishes a namespace. Returns what takes that back. */
  add(session: RelaySession, namespace: Namespace): () => void {
    return this.#add("sessions", session, namespace);
  }

  /** A session offers a track in a namespace. Returns what takes that back. */
  offer(session: RelaySession, namespace: Namespace): () => void {
    return this.#add("offers", session, namespace);
  }

  #add(list: "sessions" | "offers", session: RelaySession, namespace: Namespace): () => void {
    const key = formatNamespace(namespace);
    const known = this.#known.get(key) ?? { namespace, sessions: [], offers: [] };
    this.#known.set(key, known);
    known[list].push(session);
    this.#tell(known);
    let gone = false;
    return () => {
      if (gone) return;
      gone = true;
      known[list].splice(known[list].lastIndexOf(session), 1);
      if (known.sessions.length + known.offers.length === 0) this.#known.delete(key);
      this.#tell(known);
    };
  }

  /** Somebody wants to hear of namespaces or tracks. Returns what takes that back. */
  watch(watch: Watch): () => void {
    this.#watches.add(watch);
    for (const known of this.#known.values()) tell(watch, known);
    return () => this.#watches.delete(watch);
  }

  /** A wish is for another prefix from now on. */
  moved(watch: Watch, prefix: Namespace): void {
    watch.prefix = prefix;
    for (const known of this.#known.values()) tell(watch, known);
  }

  #tell(known: Known): void {
    for (const watch of this.#watches) tell(watch, known);
  }

  /** Sessions that publish a namespace or a prefix of it: the longest first, then the newest. */
  publishers(namespace: Namespace): RelaySession[] {
    const found: RelaySession[] = [];
    for (let length = namespace.length; length >= 0; length--) {
      const known = this.#known.get(formatNamespace(namespace.slice(0, length)));
      for (const session of known?.sessions.toReversed() ?? []) {
        if (!found.includes(session)) found.push(session);
      }
    }
    return found;
  }
}

function tell(watch: Watch, { namespace, sessions, offers }: Known): void {
  const { session, prefix, interest, feed } = watch;
  if (interest === "publish" || !hasPrefix(namespace, prefix)) return;
  const publishers = watch.offers === true ? [...sessions, ...offers] : sessions;
  if (publishers.some((publisher) => publisher !== session)) feed.add(namespace);
  else feed.remove(namespace);
}
