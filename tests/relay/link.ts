/**
 * Publishers and subscribers by QUIC and WebTransport over paths that lose, delay and hold back packets.
 *
 * @module
 */
import { dialSession } from "../../lib/moqt/dial.ts";
import { listenSessions } from "../../lib/moqt/listen.ts";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import type { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import { formatTrackName, type TrackName } from "../../lib/moqt/wire/track_name.ts";
import { listenDirect } from "../../lib/relay/listen.ts";
import { Relay, type RelayOptions } from "../../lib/relay/relay.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { TRACK } from "./support.ts";
import { BadPath, type PathOptions } from "../support/bad_path.ts";

/** A track and where its objects come from. */
export type Tracks = ReadonlyMap<TrackName, TrackSource>;

/** Answers subscriptions from sources. */
export function serving(tracks: Tracks): RequestHandlers {
  const byName = new Map([...tracks].map(([name, source]) => [formatTrackName(name), source]));
  return {
    subscribe: (request) => {
      byName.get(formatTrackName(request.track))?.accept(request);
    },
  };
}

/** Tracks, or whatever else answers requests for those of {@link TRACK}'s namespace. */
export type Served = Tracks | RequestHandlers;

function handlersOf(served: Served): RequestHandlers {
  return served instanceof Map ? serving(served) : served as RequestHandlers;
}

/** A server behind a path: a relay, or a publisher that is dialled. */
export class Link implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  /** What packets go through. */
  readonly path: BadPath;
  /** Sessions that the publisher accepted; none where it is a relay. */
  readonly accepted: MoqtSession[];
  /** The relay. */
  readonly relay: Relay | undefined;

  private constructor(
    stack: AsyncDisposableStack,
    path: BadPath,
    accepted: MoqtSession[],
    relay?: Relay,
  ) {
    this.#stack = stack;
    this.path = path;
    this.accepted = accepted;
    this.relay = relay;
  }

  /** A relay. */
  static async relay(path: PathOptions, options: RelayOptions = {}): Promise<Link> {
    const stack = new AsyncDisposableStack();
    const relay = new Relay(options);
    const events = { arrived() {}, left() {} };
    const address = "127.0.0.1:0";
    const listener = stack.use(await listenDirect(relay, directTransport, { address }, events));
    stack.use(relay);
    return new Link(stack, stack.use(new BadPath(listener.address, path)), [], relay);
  }

  /** A publisher. */
  static async publisher(path: PathOptions, served: Served): Promise<Link> {
    const stack = new AsyncDisposableStack();
    const accepted: MoqtSession[] = [];
    const options = { address: "127.0.0.1:0" };
    const listener = stack.use(
      await listenSessions(directTransport, options, {
        admit: () => ({ handlers: handlersOf(served) }),
        arrived: ({ session }) => void accepted.push(session),
      }),
    );
    return new Link(stack, stack.use(new BadPath(listener.address, path)), accepted);
  }

  /** Somebody comes over the path, who may publish tracks. */
  come(scheme: string, version: Version, served?: Served): Promise<MoqtSession> {
    return this.#dial(`${scheme}://${this.path.address}/`, version, served);
  }

  /** The same, not over the path. */
  comeNear(scheme: string, version: Version, served?: Served): Promise<MoqtSession> {
    return this.#dial(`${scheme}://${this.path.target}/`, version, served);
  }

  async #dial(url: string, version: Version, served?: Served): Promise<MoqtSession> {
    const { session } = await dialSession(directTransport, url, {
      versions: [version],
      trust: { insecure: true },
      ...(served === undefined ? {} : { handlers: handlersOf(served) }),
    });
    this.#stack.defer(() => session.close());
    if (served !== undefined) {
      const [first = TRACK] = served instanceof Map ? served.keys() : [];
      await session.publishNamespace(first.namespace).ready;
    }
    return session;
  }

  /** Ends everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
