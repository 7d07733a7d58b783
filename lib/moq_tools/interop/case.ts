/**
 * What a case of the interoperability client is, and what it works with.
 *
 * @module
 */
import { RequestError } from "../../moqt/errors.ts";
import type { DialledSession } from "../../moqt/dial.ts";
import type { RequestHandlers } from "../../moqt/respond/incoming.ts";
import type { MoqtSession } from "../../moqt/session/session.ts";
import type { Token } from "../../moqt/wire/token.ts";
import { type Namespace, namespace } from "../../moqt/wire/track_name.ts";

/** How a case that ran to its end ended. */
export type Outcome =
  /** It passed; `note` says where the server did not do quite what the specification says. */
  | { message: string; note?: string }
  /** It does not apply. */
  | { skip: string };

/** A case. */
export interface InteropCase {
  /** moq-interop-runner's name. */
  readonly name: string;
  /** One line. */
  readonly brief: string;
  /** The most it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Revision of the written specification it implements. */
  readonly specRevision?: number;
  /** Runs it; throws {@link CaseFailure} where the server fails it. */
  run(run: CaseRun): Promise<Outcome>;
}

/** The server did something else than the case expects. */
export class CaseFailure extends Error {
  /** The error's name. */
  override readonly name = "CaseFailure";
  /** What was expected. */
  readonly expected: string | undefined;
  /** What came. */
  readonly received: string | undefined;

  /** Makes a failure. */
  constructor(
    message: string,
    options: { expected?: string; received?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.expected = options.expected;
    this.received = options.received;
  }
}

/** What was negotiated, as TAP diagnostics tell it. */
export interface SessionMeta {
  /** How the session is carried. */
  transport: "quic" | "webtransport-h3";
  /** The draft: `moqt-18`. */
  moqt_version: string;
  /** What the server calls itself; absent: it does not say. */
  implementation?: string;
}

/** What a case is run with. */
export interface CaseRunOptions {
  /** The case's name. */
  name: string;
  /** Begins a session. */
  dial: (
    options: { handlers?: RequestHandlers; signal: AbortSignal },
  ) => Promise<DialledSession>;
  /** Whether sessions go over WebTransport. */
  webTransport: boolean;
  /** Fields before every namespace. */
  prefix: readonly string[];
  /** Fields of this run, so that runs do not meet. */
  runId: string;
  /** What authorizes requests to publish. */
  tokens?: readonly Token[];
  /** Ends it. */
  signal: AbortSignal;
}

/** One run of a case: its sessions, its names, its deadlines. */
export class CaseRun implements AsyncDisposable {
  readonly #options: CaseRunOptions;
  readonly #sessions: DialledSession[] = [];
  /** What each role's session negotiated. */
  readonly meta = new Map<string, SessionMeta>();
  /** Aborts when the case's time is up. */
  readonly signal: AbortSignal;

  /** Begins a run. */
  constructor(options: CaseRunOptions) {
    this.#options = options;
    this.signal = options.signal;
  }

  /** The namespace of this run: `moq-test`, the run, the case, and `more`. */
  namespace(...more: string[]): Namespace {
    const { prefix, runId, name } = this.#options;
    return namespace(...prefix, "moq-test", runId, "interop", name, ...more);
  }

  /** A namespace below the fields that come before all others. */
  below(...fields: string[]): Namespace {
    return namespace(...this.#options.prefix, ...fields);
  }

  /** Parameters of requests to publish. */
  get publishing(): { tokens?: readonly Token[] } {
    const { tokens } = this.#options;
    return tokens === undefined ? {} : { tokens };
  }

  /** Begins a session as `role`. */
  async session(role: string, handlers?: RequestHandlers): Promise<MoqtSession> {
    const dialled = await this.#options.dial({
      ...(handlers === undefined ? {} : { handlers }),
      signal: this.signal,
    });
    this.#sessions.push(dialled);
    const { session } = dialled;
    const { implementation } = session.peer;
    this.meta.set(role, {
      transport: this.#options.webTransport ? "webtransport-h3" : "quic",
      moqt_version: `moqt-${session.version}`,
      ...(implementation === undefined ? {} : { implementation }),
    });
    return session;
  }

  /** Waits for something at most so long; undefined: until the case's time is up. */
  async wait<T>(what: string, promise: Promise<T>, limitMs?: number): Promise<T> {
    const late = Promise.withResolvers<never>();
    const give = () => late.reject(new CaseFailure(`timed out waiting for ${what}`));
    const timer = limitMs === undefined ? undefined : setTimeout(give, limitMs);
    this.signal.addEventListener("abort", give, { once: true });
    if (this.signal.aborted) give();
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener("abort", give);
    }
  }

  /** Waits for a request to be agreed to. A refusal fails the case. */
  async agreed<T>(what: string, promise: Promise<T>, limitMs?: number): Promise<T> {
    try {
      return await this.wait(what, promise, limitMs);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const received = refusalText(error);
      throw new CaseFailure(`${what} was refused: ${received}`, {
        expected: what,
        received,
        cause: error,
      });
    }
  }

  /** Closes its sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.#sessions) await session.close();
    await Promise.all(this.#sessions.map(({ connection }) => connection.closed.catch(() => {})));
  }
}

/** A refusal in words. */
export function refusalText(error: RequestError): string {
  return `${error.refusal} (0x${error.wireCode.toString(16)}): ${error.message}`;
}

/**
 * Whether a refusal is the server's decision. INTERNAL_ERROR is a fault of it, and what requests of
 * sessions that ended are told.
 */
export function isDecision(error: unknown): error is RequestError {
  return error instanceof RequestError && error.wireCode !== 0;
}
