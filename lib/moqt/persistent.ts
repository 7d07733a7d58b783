/**
 * A session that comes back: after a loss it is dialled again with back-off, after GOAWAY its successor
 * takes over before it is closed.
 *
 * @module
 */
import { Backoff } from "../backoff.ts";
import { type ErrorCode, UnreachableError, XoqError } from "../errors.ts";
import { TransportError } from "../transport/connection.ts";
import { CLOSE_CODES, type CloseName, nameOf } from "./codes.ts";
import type { DialledSession } from "./dial.ts";
import { RequestError } from "./errors.ts";
import { SilenceWatch } from "./silence_watch.ts";

/** A session that lasted this long was a good one: its loss is answered at once. Milliseconds. */
const GOOD_AFTER_MS = 5_000;
/** Longest that one try may take once there was a session: a restarted server is found soon. */
const REDIAL_MS = 2_000;
/** A try that took this long was wait enough. Milliseconds. */
const LONG_TRY_MS = 1_000;

/** How long the session's end is waited for when its use has failed, in milliseconds. */
const GRACE_MS = 100;

/** What happens to a session. */
export type PersistentEvent =
  /** There is a session; `again`: after a loss. */
  | { type: "connected"; dialled: DialledSession; again: boolean }
  /** It was lost. */
  | { type: "lost"; reason: string }
  /** The server is not reached. */
  | { type: "retry"; reason: string }
  /** The server is silent: another session is tried, and this one kept until that stands. */
  | { type: "silent" }
  /** The server goes away; the next session is with `uri`, or with the same when that is empty. */
  | { type: "moving"; uri: string };

/** What is done with each session. */
export interface SessionUse {
  /** The session. */
  dialled: DialledSession;
  /** Aborted when the session is over, or its successor took over. */
  signal: AbortSignal;
  /** To be called once all is asked for again: what came before may then end. */
  established: () => void;
}

/** How a session is kept. */
export interface PersistentOptions {
  /** Begins a session; `uri` where a server pointed to another. */
  dial(options: { uri: string; signal: AbortSignal; timeoutMs: number }): Promise<DialledSession>;
  /**
   * Lives through one session. Returning ends it all; throwing what is final, too. Anything else it
   * throws, and the session's own end, is answered with another session.
   */
  use(use: SessionUse): Promise<void>;
  /** Is told what happens. */
  onEvent?(event: PersistentEvent): void;
  /** Whether another session is begun after a loss. Default true. */
  reconnect?: boolean;
  /** Gives up on a server that was never reached; milliseconds, default 15,000. */
  timeoutMs?: number;
  /** Ends it all. */
  signal: AbortSignal;
}

/**
 * Keeps a session until `use` returns or the signal aborts. Throws what is final: wrong use, a refusal
 * that asking again does not mend, `UnreachableError` when the server was never reached in time.
 */
export async function keepSession(options: PersistentOptions): Promise<void> {
  await new Keeper(options).run();
}

class Keeper {
  readonly #options: PersistentOptions;
  /** Aborts when a session that is being left turns out to be the last one. */
  readonly #finished = new AbortController();
  readonly #signal: AbortSignal;
  readonly #backoff = new Backoff();
  readonly #began = performance.now();
  #everConnected = false;
  #uri = "";
  /** The session whose server goes away, until its successor is established. */
  #leaving: (() => Promise<void>) | undefined;

  constructor(options: PersistentOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#finished.signal]);
  }

  async run(): Promise<void> {
    const signal = this.#signal;
    try {
      while (!signal.aborted) {
        const triedAt = performance.now();
        const result = await this.#once();
        if (result === "done") return;
        const took = performance.now() - triedAt;
        // A server that sends everybody away at once is not asked in a tight loop.
        if (result === "moving" && took > LONG_TRY_MS) continue;
        if (result === "lost" && took > GOOD_AFTER_MS) this.#backoff.reset();
        if (result === "unreached" && took > LONG_TRY_MS) continue;
        await this.#backoff.wait(signal);
      }
    } finally {
      await this.#leaving?.();
    }
  }

  async #once(): Promise<"done" | "lost" | "unreached" | "moving"> {
    const { onEvent } = this.#options;
    const signal = this.#signal;
    const dialled = await this.#dial();
    if (dialled === undefined) return "unreached";
    if (signal.aborted) {
      await dialled.session.close();
      return "done";
    }
    onEvent?.({ type: "connected", dialled, again: this.#everConnected });
    this.#everConnected = true;
    const over = new AbortController();
    const stop = () => over.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const leaving = this.#leaving;
    this.#leaving = undefined;
    const using = Promise.resolve({
      dialled,
      signal: over.signal,
      established: () => void leaving?.(),
    })
      .then((use) => this.#options.use(use));
    const close = async () => {
      over.abort();
      await dialled.session.close();
      await using.catch(() => {});
    };
    try {
      const end = await this.#end(dialled, using, over.signal);
      if (end.kind === "moving" || end.kind === "silent") {
        if (end.kind === "moving") this.#uri = end.uri;
        onEvent?.(end.kind === "silent" ? { type: "silent" } : { type: "moving", uri: end.uri });
        this.#leaving = close;
        using.then(() => over.signal.aborted || this.#finished.abort(), () => {});
        return "moving";
      }
      await close();
      if (end.kind === "done" || signal.aborted) return "done";
      if (isFinal(end.error)) throw end.error;
      onEvent?.({ type: "lost", reason: messageOf(end.error) });
      if (this.#options.reconnect === false) throw end.error;
      return "lost";
    } finally {
      await leaving?.();
      signal.removeEventListener("abort", stop);
    }
  }

  /** Whatever comes first: the use's end, the session's, GOAWAY, silence. All are this session's. */
  #end(
    { session, connection }: DialledSession,
    using: Promise<void>,
    signal: AbortSignal,
  ): Promise<SessionEnd> {
    const watch = new SilenceWatch(connection);
    let timer: ReturnType<typeof setTimeout> | undefined;
    return new Promise<SessionEnd>((resolve) => {
      if (this.#options.reconnect !== false) watch.start(() => resolve({ kind: "silent" }));
      const lost = (error: unknown) => resolve({ kind: "lost", error: meaning(error) });
      using.then(() => resolve({ kind: "done" }), (error) => {
        // What ends requests is most often the session's end, which tells more.
        if (isFinal(error)) lost(error);
        else timer = setTimeout(() => lost(error), GRACE_MS);
      });
      session.closed.then(
        ({ closeCode, reason }) => resolve({ kind: "lost", error: closed(closeCode, reason) }),
        lost,
      );
      session.goingAway.then(({ uri }) => resolve({ kind: "moving", uri }));
      signal.addEventListener("abort", () => resolve({ kind: "done" }), { once: true });
    }).finally(() => {
      watch.stop();
      clearTimeout(timer);
    });
  }

  async #dial(): Promise<DialledSession | undefined> {
    const { dial, onEvent, timeoutMs = 15_000 } = this.#options;
    const signal = this.#signal;
    const left = timeoutMs - (performance.now() - this.#began);
    const limit = this.#everConnected ? REDIAL_MS : Math.max(Math.ceil(left), 1);
    try {
      return await dial({ uri: this.#uri, signal, timeoutMs: Math.min(limit, timeoutMs) });
    } catch (thrown) {
      if (signal.aborted) return undefined;
      const error = meaning(thrown);
      // A place a server pointed to may not be there: the one that was given is.
      this.#uri = "";
      if (isFinal(error)) throw error;
      if (!this.#everConnected) {
        if (error instanceof TransportError && error.failure === "refused") throw error;
        if (performance.now() - this.#began >= timeoutMs) throw unreachable(error);
      }
      onEvent?.({ type: "retry", reason: messageOf(error) });
      return undefined;
    }
  }
}

type SessionEnd =
  | { kind: "done" }
  | { kind: "moving"; uri: string }
  | { kind: "silent" }
  | { kind: "lost"; error: unknown };

/** Refusals that asking again may mend. */
const PASSING: readonly string[] = [
  "internal-error",
  "timeout",
  "going-away",
  "excessive-load",
  "does-not-exist",
];

/** Whether trying again is of no use. */
function isFinal(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  if (error instanceof RequestError) {
    return error.retryMs === undefined && !PASSING.includes(error.refusal);
  }
  return error instanceof XoqError && !["unreachable", "lost", "failed"].includes(error.code);
}

/** Closes that say that the same session will not be had again, and what kind of error they are. */
const FINAL_CLOSES: Readonly<Partial<Record<CloseName, ErrorCode>>> = {
  "unauthorized": "denied",
  "malformed-auth-token": "denied",
  "expired-auth-token": "denied",
  "unknown-auth-token-alias": "denied",
  "invalid-path": "not-found",
  "malformed-path": "usage",
  "invalid-authority": "not-found",
  "malformed-authority": "usage",
  "version-negotiation-failed": "unsupported",
  "protocol-violation": "protocol",
};

/** An error's own, or that of the code the session was closed with. */
function meaning(error: unknown): unknown {
  if (!(error instanceof TransportError) || error.closeCode === undefined) return error;
  return closed(error.closeCode, error.message);
}

function closed(closeCode: number, reason: string): Error {
  const name = nameOf(CLOSE_CODES, closeCode);
  const why = reason === "" ? name ?? `code ${closeCode}` : reason;
  const message = `the session was closed: ${why}`;
  const kind = name === undefined ? undefined : FINAL_CLOSES[name];
  if (kind !== undefined) return new XoqError(kind, message);
  return new TransportError(message, { source: "session", failure: "closed", closeCode });
}

function unreachable(cause: unknown): Error {
  return new UnreachableError(`the server can't be reached: ${messageOf(cause)}`, {
    cause,
    hint: "see whether it runs, and whether this machine reaches it",
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
