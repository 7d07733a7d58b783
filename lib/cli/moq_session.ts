/**
 * How the MoQT tools keep their sessions, by dialling or as servers, and what they say of them.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { Dialler } from "../moq_tools/connect.ts";
import { directTransport } from "../moq_tools/direct.ts";
import { IMPLEMENTATION } from "../moq_tools/interop/mod.ts";
import { admitToken, isLoopback, listenAddress } from "../moq_tools/serve.ts";
import type { DialledSession } from "../moqt/dial.ts";
import { listenSessions } from "../moqt/listen.ts";
import { keepSession, type PersistentEvent, type SessionUse } from "../moqt/persistent.ts";
import type { RequestHandlers } from "../moqt/respond/incoming.ts";
import type { MoqtSession } from "../moqt/session/session.ts";
import type { OptionTable } from "../device.ts";
import type { IncomingSession } from "../transport/direct.ts";
import {
  connectOptions,
  DIAL_OPTIONS,
  type DialValues,
  parseDrafts,
  wireOptions,
} from "./moq_options.ts";
import type { Output } from "./output.ts";
import { readCertificate } from "./relay_options.ts";

/** Of tools that dial or are dialled. */
export const SESSION_OPTIONS = {
  "namespace": {
    type: "string",
    short: "N",
    value: "A/B",
    default: "test",
    brief: "the track's namespace, a slash between its fields",
  },
  "track": {
    type: "string",
    short: "T",
    alias: "trackname",
    value: "NAME",
    default: "data",
    brief: "the track's name",
  },
  "listen": {
    type: "string",
    value: "ADDR:PORT",
    brief: "be the server: plain QUIC and WebTransport on this port, instead of dialling a URL",
    section: "Network",
  },
  "cert": {
    type: "string",
    value: "FILE",
    brief: "with --listen: certificates in PEM; absent: self-signed, its hash is printed",
    section: "Access",
  },
  "key": { type: "string", value: "FILE", brief: "with --cert: its key", section: "Access" },
  "public": {
    type: "boolean",
    brief: "with --listen beyond this machine: let anybody in who knows no --token",
    section: "Access",
  },
  "no-reconnect": {
    type: "boolean",
    brief: "end when the session is lost instead of dialling again",
    section: "Network",
  },
  ...DIAL_OPTIONS,
} as const satisfies OptionTable;

/** Values of {@link SESSION_OPTIONS} that matter here. */
export interface SessionValues extends DialValues {
  /** `--listen`. */
  readonly listen: string | undefined;
  /** `--cert`. */
  readonly cert: string | undefined;
  /** `--key`. */
  readonly key: string | undefined;
  /** `--public`. */
  readonly public: boolean;
  /** `--no-reconnect`. */
  readonly "no-reconnect": boolean;
}

/** What a tool does with its sessions. */
export interface SessionTool {
  /** What is done about the peer's requests; `session` is there once it stands. */
  handlers?(session: Promise<MoqtSession>): RequestHandlers;
  /** Lives through a session that was dialled. */
  use(use: SessionUse): Promise<void>;
  /** A session of somebody who dialled this side began. */
  arrived?(session: MoqtSession): void;
}

/** Dials and keeps a session until the tool is done or the signal aborts. */
export async function keepDialling(
  target: string | undefined,
  values: SessionValues,
  tool: SessionTool,
  { output, signal }: { output: Output; signal: AbortSignal },
): Promise<void> {
  if (target === undefined) {
    throw new UsageError("no server is given", {
      hint:
        "write moqt://HOST:PORT/PATH, https://HOST:PORT/PATH or a ticket; or --listen ADDR:PORT",
    });
  }
  await using dialler = new Dialler(target, {
    ...await connectOptions(values),
    implementation: IMPLEMENTATION,
  });
  await keepSession({
    signal,
    timeoutMs: values.timeout,
    reconnect: !values["no-reconnect"],
    dial: async (options) => {
      const session = Promise.withResolvers<MoqtSession>();
      const handlers = tool.handlers?.(session.promise);
      const dialled = await dialler.dial({
        ...options,
        setupTimeoutMs: options.timeoutMs,
        ...(handlers === undefined ? {} : { handlers }),
      });
      session.resolve(dialled.session);
      return dialled;
    },
    use: (use) => tool.use(use),
    onEvent: (event) => tell(output, event),
  });
}

/** Listens until `done` or the signal aborts. */
export async function keepListening(
  address: string,
  values: SessionValues,
  tool: SessionTool,
  { output, done }: { output: Output; done: AbortSignal },
): Promise<void> {
  const at = listenAddress(address);
  if (!isLoopback(at) && values.token === undefined && !values.public) {
    throw new UsageError(`${at} is not this machine's alone`, {
      hint: "give a --token that clients must show, or --public",
    });
  }
  const certificate = await readCertificate(values.cert, values.key);
  const sessions = new WeakMap<IncomingSession, PromiseWithResolvers<MoqtSession>>();
  await using listener = await listenSessions(await directTransport(), {
    address: at,
    versions: parseDrafts(values.draft),
    ...(certificate === undefined ? {} : { certificate }),
    ...wireOptions(values),
  }, {
    admit: (incoming) => {
      const arriving = Promise.withResolvers<MoqtSession>();
      sessions.set(incoming, arriving);
      const handlers = tool.handlers?.(arriving.promise);
      return {
        implementation: IMPLEMENTATION,
        admit: admitToken(values.token),
        ...(handlers === undefined ? {} : { handlers }),
      };
    },
    arrived: ({ session, incoming }) => {
      output.event({ type: "client", id: incoming.remote, role: incoming.kind });
      const gone = () => output.event({ type: "gone", id: incoming.remote, role: incoming.kind });
      session.closed.then(gone, gone);
      sessions.get(incoming)?.resolve(session);
      tool.arrived?.(session);
    },
    failed: (error, { remote }) => output.debug(`${remote}: ${messageOf(error)}`),
  });
  const urls = [`moqt://${listener.address}`, `https://${listener.address}`];
  output.event({
    type: "listening",
    address: listener.address,
    certificate_hash: listener.certificateHash,
    urls,
  });
  output.notice(
    `listening on ${urls.join(" and ")}\ncertificate hash ${listener.certificateHash}`,
  );
  await new Promise<void>((resolve) => {
    if (done.aborted) resolve();
    done.addEventListener("abort", () => resolve(), { once: true });
  });
}

function tell(output: Output, event: PersistentEvent): void {
  switch (event.type) {
    case "connected":
      return connected(output, event.dialled, event.again);
    case "lost":
      output.event({ type: "lost", device: "the session", reason: event.reason });
      return;
    case "retry":
      return output.debug(`no session yet: ${event.reason}`);
    case "silent":
      output.event({ type: "silent" });
      return output.debug("the server is silent; another session is tried");
    case "moving":
      output.event({ type: "moving", uri: event.uri });
      output.notice(`the server goes away; on to ${event.uri || "the same address"}`);
  }
}

function connected(output: Output, { session, connection }: DialledSession, again: boolean): void {
  const { version, peer } = session;
  const [path] = connection.paths();
  output.event({
    type: "session",
    draft: version,
    again,
    ...(peer.implementation === undefined ? {} : { implementation: peer.implementation }),
    ...(path === undefined ? {} : { remote: path.remote, rtt_ms: path.rttMs }),
  });
  const by = peer.implementation === undefined ? "" : ` with ${peer.implementation}`;
  output.notice(`${again ? "again a" : "a"} session${by}, draft ${version}`);
}

/** An error's words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
