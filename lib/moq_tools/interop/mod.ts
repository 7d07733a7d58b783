/**
 * The interoperability client: cases that a relay passes or fails, with the names and the interface of
 * moq-interop-runner.
 *
 * @module
 */
import { VERSION } from "../../version.ts";
import type { Version } from "../../moqt/versions.ts";
import type { Token } from "../../moqt/wire/token.ts";
import type { Dialler } from "../connect.ts";
import { CaseFailure, CaseRun, type InteropCase } from "./case.ts";
import { dataSubgroupBasic, fetchCase, joinCase } from "./data_cases.ts";
import {
  announceOnly,
  namespaceDiscovery,
  publishNamespaceDone,
  setupOnly,
  subscribeNamespaceLifecycle,
} from "./namespace_cases.ts";
import {
  announceSubscribe,
  publishTrackOnly,
  publishTrackSubscribe,
  rendezvousTimeout,
  subscribeBeforeAnnounce,
  subscribeError,
} from "./subscribe_cases.ts";
import type { CaseResult } from "./tap.ts";

/** Every case, in the order they are run. */
export const CASES: readonly InteropCase[] = [
  setupOnly,
  announceOnly,
  publishNamespaceDone,
  subscribeError,
  rendezvousTimeout,
  announceSubscribe,
  subscribeBeforeAnnounce,
  dataSubgroupBasic,
  namespaceDiscovery,
  fetchCase,
  joinCase,
  subscribeNamespaceLifecycle,
  publishTrackOnly,
  publishTrackSubscribe,
];

/** What this program calls itself. */
export const IMPLEMENTATION: string = `xoq/${VERSION}`;

/** How cases are run. */
export interface InteropOptions {
  /** What begins sessions. */
  dialler: Dialler;
  /** Whether that goes over WebTransport. */
  webTransport: boolean;
  /** Drafts to offer. */
  versions: readonly Version[];
  /** Fields before every namespace. */
  prefix?: readonly string[];
  /** What authorizes requests to publish. */
  tokens?: readonly Token[];
  /** Ends it. */
  signal: AbortSignal;
}

/** Runs one case. Never throws, unless the signal aborts. */
export async function runCase(test: InteropCase, options: InteropOptions): Promise<CaseResult> {
  const { dialler, versions, tokens, signal } = options;
  const began = performance.now();
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new CaseFailure(`not done within ${test.timeoutMs / 1000} s`)),
    test.timeoutMs,
  );
  const run = new CaseRun({
    name: test.name,
    runId: crypto.randomUUID().slice(0, 8),
    prefix: options.prefix ?? [],
    webTransport: options.webTransport,
    ...(tokens === undefined ? {} : { tokens }),
    signal: AbortSignal.any([signal, limit.signal]),
    dial: ({ handlers, signal }) =>
      dialler.dial({
        versions,
        signal,
        implementation: IMPLEMENTATION,
        ...(handlers === undefined ? {} : { handlers }),
      }),
  });
  const result = (rest: Omit<CaseResult, "name" | "durationMs" | "sessions">): CaseResult => ({
    name: test.name,
    durationMs: performance.now() - began,
    sessions: Object.fromEntries(run.meta),
    ...(test.specRevision === undefined ? {} : { specRevision: test.specRevision }),
    ...rest,
  });
  try {
    const outcome = await test.run(run);
    if ("skip" in outcome) return result({ passed: true, message: "", skipped: outcome.skip });
    return result({ passed: true, ...outcome });
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message || error.name : String(error);
    const { expected, received } = error instanceof CaseFailure ? error : {};
    return result({
      passed: false,
      message,
      ...(expected === undefined ? {} : { expected }),
      ...(received === undefined ? {} : { received }),
    });
  } finally {
    clearTimeout(timer);
    await run[Symbol.asyncDispose]();
  }
}
