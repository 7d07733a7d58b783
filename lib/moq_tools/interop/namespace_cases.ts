/**
 * Cases about set-up and namespaces.
 *
 * @module
 */
import { hasNamespaceMessages, hasSubscribeTracks } from "../../moqt/versions.ts";
import { formatNamespace, type Namespace, type TrackName } from "../../moqt/wire/track_name.ts";
import type {
  NamespaceNews,
  NamespaceOffer,
  NamespaceWatch,
} from "../../moqt/requests/namespaces.ts";
import type { MoqtSession } from "../../moqt/session/session.ts";
import { CaseFailure, type CaseRun, type InteropCase } from "./case.ts";
import { LiveTrack } from "./live_track.ts";

const TRACK = new TextEncoder().encode("track");
/** How long the server may take to tell of something, in milliseconds. */
const STEP_MS = 5_000;

/** Set-up both ways, then a clean end. */
export const setupOnly: InteropCase = {
  name: "setup-only",
  brief: "connect, exchange SETUP, close",
  timeoutMs: 5_000,
  async run(run) {
    const { version, peer } = await run.session("client");
    const name = peer.implementation === undefined ? "" : ` by ${peer.implementation}`;
    return { message: `SETUP of draft ${version} received${name}` };
  },
};

/** PUBLISH_NAMESPACE is taken. */
export const announceOnly: InteropCase = {
  name: "announce-only",
  brief: "PUBLISH_NAMESPACE is agreed to",
  timeoutMs: 5_000,
  async run(run) {
    const session = await run.session("publisher");
    await announce(run, session, run.namespace());
    return { message: "PUBLISH_NAMESPACE was agreed to" };
  },
};

/** A namespace is withdrawn, and the session goes on. */
export const publishNamespaceDone: InteropCase = {
  name: "publish-namespace-done",
  brief: "a namespace is withdrawn, and the session lives on",
  timeoutMs: 5_000,
  async run(run) {
    const session = await run.session("publisher");
    const offer = await announce(run, session, run.namespace());
    await offer.close();
    // An answer to another request shows that the server lived through it.
    await announce(run, session, run.namespace("after"));
    return { message: "the namespace was withdrawn, and the session lives on" };
  },
};

/** A subscriber who knows the namespace alone learns of the track. */
export const namespaceDiscovery: InteropCase = {
  name: "namespace-discovery",
  brief: "a subscriber who knows the namespace alone learns of the track",
  timeoutMs: 15_000,
  async run(run) {
    const namespace = run.namespace();
    using track = new LiveTrack(10);
    const publisher = await run.session("publisher", {
      subscribe: (request) => void track.source.accept(request),
    });
    await announce(run, publisher, namespace);
    const publication = publisher.publish({ namespace, name: TRACK }, {
      parameters: run.publishing,
    });
    await run.agreed("PUBLISH", publication.ready, STEP_MS);
    track.source.attach(publication);

    const found = Promise.withResolvers<TrackName>();
    const subscriber = await run.session("subscriber", {
      publish: (request) => {
        request.accept().close();
        found.resolve(request.track);
      },
    });
    if (hasSubscribeTracks(subscriber.version)) {
      await told(run, watch(subscriber, namespace, "namespace"), "added", namespace);
    }
    const tracks = watch(subscriber, namespace, "publish");
    await run.agreed("the subscription to tracks", tracks.ready, STEP_MS);
    const { name } = await run.wait("PUBLISH of the track", found.promise, STEP_MS);
    const text = new TextDecoder().decode(name);
    if (text === "track") return { message: "the track was made known by PUBLISH" };
    throw new CaseFailure("another track was made known", { expected: "track", received: text });
  },
};

/** NAMESPACE when it comes, NAMESPACE_DONE when it goes. */
export const subscribeNamespaceLifecycle: InteropCase = {
  name: "subscribe-namespace-lifecycle",
  brief: "a namespace is told of when it comes and when it goes",
  timeoutMs: 15_000,
  specRevision: 1,
  async run(run) {
    const subscriber = await run.session("subscriber");
    if (!hasNamespaceMessages(subscriber.version)) {
      return { skip: `draft ${subscriber.version} has no NAMESPACE` };
    }
    const namespace = run.namespace(crypto.randomUUID());
    const news = watch(subscriber, namespace, "namespace");
    await run.agreed("SUBSCRIBE_NAMESPACE", news.ready, STEP_MS);
    const publisher = await run.session("publisher");
    const offer = await announce(run, publisher, namespace);
    const items = news[Symbol.asyncIterator]();
    await told(run, { [Symbol.asyncIterator]: () => items }, "added", namespace);
    await offer.close();
    await told(run, { [Symbol.asyncIterator]: () => items }, "removed", namespace);
    return { message: "NAMESPACE, then NAMESPACE_DONE" };
  },
};

/** Makes a namespace known, and waits for the server's consent. */
export async function announce(
  run: CaseRun,
  session: MoqtSession,
  namespace: Namespace,
): Promise<NamespaceOffer> {
  const offer = session.publishNamespace(namespace, {
    parameters: run.publishing,
    signal: run.signal,
  });
  await run.agreed("PUBLISH_NAMESPACE", offer.ready, STEP_MS);
  return offer;
}

function watch(
  session: MoqtSession,
  prefix: Namespace,
  interest: "namespace" | "publish",
): NamespaceWatch {
  return session.subscribeNamespace(prefix, interest);
}

async function told(
  run: CaseRun,
  news: AsyncIterable<NamespaceNews>,
  kind: "added" | "removed",
  namespace: Namespace,
): Promise<void> {
  const items = news[Symbol.asyncIterator]();
  const what = kind === "added" ? "NAMESPACE" : "NAMESPACE_DONE";
  for (;;) {
    const { value, done } = await run.wait(what, items.next(), STEP_MS);
    if (done) throw new CaseFailure(`the namespace subscription ended without ${what}`);
    if (value.kind === "blocked") continue;
    const received = `${value.kind} ${formatNamespace(value.namespace)}`;
    const expected = `${kind} ${formatNamespace(namespace)}`;
    if (received === expected) return;
    throw new CaseFailure(`something else than ${what} came`, { expected, received });
  }
}
