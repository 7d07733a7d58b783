/**
 * Tracks that publishers offer, and sessions that asked for tracks.
 *
 * @module
 */
import { ObjectFilter } from "../moqt/publish/object_filter.ts";
import { hasPrefix } from "../moqt/wire/track_name.ts";
import type { NamespaceRegistry, Watch } from "./registry.ts";
import type { RelaySession } from "./session.ts";
import type { RelayTrack } from "./live/track.ts";

/** Passes offers on. */
export class Offers {
  readonly #registry: NamespaceRegistry;
  readonly #tracks = new Map<RelayTrack, RelaySession[]>();
  /** Who was offered a track and did not answer yet. */
  readonly #asked = new WeakMap<RelayTrack, Set<RelaySession>>();

  /** Passes them on to who asks for tracks in a registry. */
  constructor(registry: NamespaceRegistry) {
    this.#registry = registry;
  }

  /** A session offers a track. Returns what takes that back. */
  offer(session: RelaySession, track: RelayTrack): () => void {
    const sessions = this.#tracks.get(track) ?? [];
    this.#tracks.set(track, sessions);
    sessions.push(session);
    const withdraw = this.#registry.offer(session, track.name.namespace);
    for (const watch of this.#registry.watches) {
      if (watch.session !== session) this.#pass(track, watch);
    }
    let gone = false;
    return () => {
      if (gone) return;
      gone = true;
      withdraw();
      sessions.splice(sessions.indexOf(session), 1);
      if (sessions.length === 0) this.#tracks.delete(track);
    };
  }

  /** A session asks for tracks, or asks for others: it is offered those there are. */
  watched(watch: Watch): void {
    for (const [track, sessions] of this.#tracks) {
      if (sessions.some((publisher) => publisher !== watch.session)) this.#pass(track, watch);
    }
  }

  #pass(track: RelayTrack, { session, prefix, interest, parameters }: Watch): void {
    if (interest === "namespace" || !hasPrefix(track.name.namespace, prefix)) return;
    if (session.publish === undefined || track.serves(session)) return;
    const { largest, properties } = track;
    if (ObjectFilter.of(parameters, properties)?.isClosed === true) return;
    const asked = this.#asked.get(track) ?? new Set();
    if (asked.has(session)) return;
    this.#asked.set(track, asked.add(session));
    const publication = session.publish(track.name, {
      properties,
      asked: parameters,
      ...(largest === undefined ? {} : { largest }),
    });
    publication.ready.then(
      () => track.attach(track.outlet(publication, session)),
      // Who does not want it, or left, is not asked again.
      () => {},
    ).finally(() => asked.delete(session));
  }
}
