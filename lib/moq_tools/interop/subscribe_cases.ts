/**
 * Cases about subscriptions and publications, but not about what they carry.
 *
 * @module
 */
import type { MoqtSession } from "../../moqt/session/session.ts";
import { hasRequestStreams } from "../../moqt/versions.ts";
import { trackName } from "../../moqt/wire/track_name.ts";
import {
  CaseFailure,
  type CaseRun,
  type InteropCase,
  isDecision,
  type Outcome,
  refusalText,
} from "./case.ts";
import { LiveTrack } from "./live_track.ts";
import { announce } from "./namespace_cases.ts";

const NAME = new TextEncoder().encode("track");
const STEP_MS = 5_000;
/** How long the publisher comes after the subscriber, in milliseconds. */
const HEAD_START_MS = 500;
/** How long the subscriber then waits for an answer, in milliseconds. */
const ANSWER_MS = 2_000;
/** Objects that must come. */
const ENOUGH = 5;

/** SUBSCRIBE to what nobody has is refused. */
export const subscribeError: InteropCase = {
  name: "subscribe-error",
  brief: "SUBSCRIBE to a track that nobody has is refused",
  timeoutMs: 5_000,
  async run(run) {
    const session = await run.session("subscriber");
    const track = trackName(["nonexistent", "namespace"], "test-track");
    return await refused(run, session.subscribe(track).ready, "does-not-exist");
  },
};

/** The server waits for a publisher as long as it is told to, then refuses. */
export const rendezvousTimeout: InteropCase = {
  name: "rendezvous-timeout",
  brief: "SUBSCRIBE with RENDEZVOUS_TIMEOUT 500 ms is refused with TIMEOUT within 2 s",
  timeoutMs: 5_000,
  async run(run) {
    const session = await run.session("subscriber");
    // RENDEZVOUS_TIMEOUT came with requests on streams of their own: draft-18, section 10.2.6.
    if (!hasRequestStreams(session.version)) {
      return { skip: `draft ${session.version} has no RENDEZVOUS_TIMEOUT` };
    }
    const subscription = session.subscribe(trackName(["nonexistent", "rendezvous"], "test-track"), {
      parameters: { rendezvousTimeoutMs: 500 },
    });
    const outcome = await refused(run, subscription.ready, "timeout", ANSWER_MS);
    if ("note" in outcome) {
      throw new CaseFailure(outcome.message, { expected: "refused with timeout" });
    }
    return outcome;
  },
};

async function refused(
  run: CaseRun,
  ready: Promise<unknown>,
  expected: string,
  limitMs = STEP_MS,
): Promise<Outcome> {
  try {
    await run.wait("an answer to SUBSCRIBE", ready, limitMs);
  } catch (error) {
    if (error instanceof CaseFailure) throw error;
    if (!isDecision(error)) {
      const received = error instanceof Error ? error.message : String(error);
      throw new CaseFailure(`no refusal: ${received}`, { expected, received, cause: error });
    }
    const message = `refused: ${refusalText(error)}`;
    if (error.refusal === expected) return { message };
    return { message, note: `the draft's reason is ${expected}` };
  }
  throw new CaseFailure("SUBSCRIBE_OK for a track that nobody has", {
    expected: `refused with ${expected}`,
    received: "SUBSCRIBE_OK",
  });
}

/** A namespace is published; who subscribes to a track in it gets there. */
export const announceSubscribe: InteropCase = {
  name: "announce-subscribe",
  brief: "a subscription is led to whoever published the namespace",
  timeoutMs: 10_000,
  async run(run) {
    using track = new LiveTrack(10);
    const publisher = await run.session("publisher", {
      subscribe: (request) => void track.source.accept(request),
    });
    await announce(run, publisher, run.namespace());
    const subscriber = await run.session("subscriber");
    const subscription = subscriber.subscribe({ namespace: run.namespace(), name: NAME });
    try {
      await run.agreed("SUBSCRIBE", subscription.ready, STEP_MS);
    } catch (error) {
      if (!(error instanceof CaseFailure) || error.cause !== undefined) throw error;
      return { message: error.message, note: "the server holds the subscription back" };
    }
    return { message: "SUBSCRIBE_OK received" };
  },
};

/** The subscriber is first; both an answer later and a refusal are right. */
export const subscribeBeforeAnnounce: InteropCase = {
  name: "subscribe-before-announce",
  brief: "the subscriber comes half a second before the publisher",
  timeoutMs: 7_000,
  async run(run) {
    using track = new LiveTrack(10);
    const subscriber = await run.session("subscriber");
    const subscription = subscriber.subscribe({ namespace: run.namespace(), name: NAME });
    await pause(HEAD_START_MS, run.signal);
    const publisher = await run.session("publisher", {
      subscribe: (request) => void track.source.accept(request),
    });
    await announce(run, publisher, run.namespace());
    try {
      await run.wait("an answer to SUBSCRIBE", subscription.ready, ANSWER_MS);
    } catch (error) {
      if (!isDecision(error)) throw error;
      return { message: `refused, as the server does not wait: ${refusalText(error)}` };
    }
    return { message: "SUBSCRIBE_OK once the publisher was there" };
  },
};

/** PUBLISH is taken though nobody subscribes, and ended. */
export const publishTrackOnly: InteropCase = {
  name: "publish-track-only",
  brief: "PUBLISH is agreed to, and ended with PUBLISH_DONE",
  timeoutMs: 5_000,
  async run(run) {
    const session = await run.session("publisher");
    const publication = session.publish({ namespace: run.namespace(), name: NAME }, {
      parameters: run.publishing,
    });
    await run.agreed("PUBLISH", publication.ready, STEP_MS);
    publication.done("track-ended");
    await announce(run, session, run.namespace("after"));
    return { message: "PUBLISH was agreed to, and PUBLISH_DONE borne" };
  },
};

/** A track is published by PUBLISH; who subscribes later gets its objects. */
export const publishTrackSubscribe: InteropCase = {
  name: "publish-track-subscribe",
  brief: "a subscriber who comes after PUBLISH gets the track's objects",
  timeoutMs: 15_000,
  async run(run) {
    using live = new LiveTrack(10);
    const publisher = await run.session("publisher", {
      subscribe: (request) => void live.source.accept(request),
    });
    const track = { namespace: run.namespace(), name: NAME };
    const publication = publisher.publish(track, { parameters: run.publishing });
    await run.agreed("PUBLISH", publication.ready, STEP_MS);
    live.source.attach(publication);
    const subscriber = await run.session("subscriber");
    const count = await run.wait(`${ENOUGH} objects`, received(subscriber, track), 10_000);
    return { message: `${count} objects received` };
  },
};

async function received(
  session: MoqtSession,
  track: Parameters<MoqtSession["subscribe"]>[0],
): Promise<number> {
  await using subscription = session.subscribe(track);
  let count = 0;
  for await (const { status } of subscription.objects()) {
    if (status === "normal" && ++count === ENOUGH) return count;
  }
  await subscription.ready;
  const { reason, message } = await subscription.closed;
  throw new CaseFailure(`the subscription ended after ${count} objects: ${reason} ${message}`);
}

/** Waits; rejects when the signal aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", end, { once: true });
  });
}
