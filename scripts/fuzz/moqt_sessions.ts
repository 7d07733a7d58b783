/**
 * Peers of MoQT sessions that do what they like: broken sequences of control messages, streams,
 * datagrams, ends and resets, for a client, a server and a relay. A session may end of it, with a code;
 * it may not hang, fail elsewhere, or hurt anybody else.
 *
 * An input is a script: the number of an act, the number of bytes it has, and these.
 *
 * @module
 */
import { CLOSE_CODES } from "../../lib/moqt/codes.ts";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import { accept, connect, type MoqtSession } from "../../lib/moqt/session/session.ts";
import { hasRequestStreams, protocolOf, type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import { type Connection, TransportError } from "../../lib/transport/connection.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { CONTROL_CASES, hex } from "../../tests/moqt/cases.ts";
import { DATAGRAM_CASES, FETCH_CASES, SUBGROUP_CASES } from "../../tests/moqt/data_cases.ts";
import { SETUP } from "../../tests/moqt/violation_rules.ts";
import { FuzzedRelay } from "./fuzzed_relay.ts";
import type { FuzzTarget } from "./targets.ts";

/** What a peer may do. */
const ACTS = ["control", "request", "stream", "datagram", "more", "end", "reset"] as const;
/** Most bytes of one act. */
const MAX_BYTES = 255;
/** Most acts of one peer. */
const MAX_ACTS = 24;
/** Longest that a session's end may take, in milliseconds. */
const MAX_END_MS = 5_000;
/** Inputs a target gets of `--inputs`. */
const MOST_INPUTS = 5_000;

type Sink = WritableStreamDefaultWriter<Uint8Array>;

/** A peer that follows a script. */
class Peer {
  readonly #connection: Connection;
  readonly #control: Sink;
  #last: Sink;

  constructor(connection: Connection, control: Sink) {
    this.#connection = connection;
    this.#control = control;
    this.#last = control;
  }

  /** Takes the side of a session's client or server, and sends a legal set-up. */
  static async begin(connection: Connection, version: Version, side: string): Promise<Peer> {
    const stream = hasRequestStreams(version)
      ? await connection.createUnidirectionalStream()
      : side === "client"
      ? (await connection.createBidirectionalStream()).writable
      : (await first(connection)).writable;
    const control = quiet(stream.getWriter());
    await control.write(hex(SETUP[`${version} ${side}`]!));
    return new Peer(connection, control);
  }

  /** Does one thing. Nobody waits for what the other side does not read. */
  async act(act: (typeof ACTS)[number], bytes: Uint8Array): Promise<void> {
    switch (act) {
      case "control":
        return put(this.#control, bytes);
      case "request":
        this.#last = quiet(
          (await this.#connection.createBidirectionalStream()).writable.getWriter(),
        );
        return put(this.#last, bytes);
      case "stream":
        this.#last = quiet((await this.#connection.createUnidirectionalStream()).getWriter());
        return put(this.#last, bytes);
      case "datagram": {
        const writer = this.#connection.datagrams.writable.getWriter();
        writer.write(bytes).catch(() => {});
        return writer.releaseLock();
      }
      case "more":
        return put(this.#last, bytes);
      case "end":
        return void this.#last.close().catch(() => {});
      case "reset":
        return void this.#last.abort(new TransportError("", { streamErrorCode: bytes[0] ?? 0 }))
          .catch(() => {});
    }
  }
}

async function first(connection: Connection) {
  const reader = connection.incomingBidirectionalStreams.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (value === undefined) throw new TransportError("no control stream");
  return value;
}

function quiet(writer: Sink): Sink {
  writer.closed.catch(() => {});
  return writer;
}

function put(writer: Sink, bytes: Uint8Array): void {
  writer.write(bytes).catch(() => {});
}

type Act = readonly [kind: (typeof ACTS)[number], bytes: Uint8Array];

function* acts(script: Uint8Array): Generator<Act> {
  for (let at = 0, done = 0; at + 1 < script.length && done < MAX_ACTS; done++) {
    const act = ACTS[script[at]! % ACTS.length]!;
    const length = script[at + 1]!;
    yield [act, script.slice(at + 2, at + 2 + length)];
    at += 2 + length;
  }
}

function scriptOf(...parts: readonly Act[]): Uint8Array {
  return Uint8Array.of(...parts.flatMap(([act, bytes]) => [
    ACTS.indexOf(act),
    Math.min(bytes.length, MAX_BYTES),
    ...bytes.subarray(0, MAX_BYTES),
  ]));
}

/** Scripts of legal pieces: each message alone, and behind it what often follows. */
function scriptsOf(version: Version): Uint8Array[] {
  const of = <T extends { version: Version; bytes: Uint8Array }>(cases: readonly T[]) =>
    cases.filter((entry) => entry.version === version);
  const none = new Uint8Array(0);
  const where = hasRequestStreams(version) ? "request" : "control";
  const publish = of(CONTROL_CASES).filter(({ message }) => message.kind === "publish");
  return [
    ...of(CONTROL_CASES).map(({ bytes }) => scriptOf([where, bytes], ["end", none])),
    ...of(CONTROL_CASES).map(({ bytes }) => scriptOf(["control", bytes], ["request", bytes])),
    ...[...of(SUBGROUP_CASES), ...of(FETCH_CASES)].map(({ bytes }) =>
      scriptOf(
        ...publish.slice(0, 1).map(({ bytes }): Act => [where, bytes]),
        ["stream", bytes],
        ["reset", Uint8Array.of(1)],
      )
    ),
    ...of(DATAGRAM_CASES).map(({ bytes }) => scriptOf(["datagram", bytes], ["datagram", bytes])),
  ];
}

const TRACK = trackName(["example.com", "cam"], "video");
const ignore = () => {};

const handlers: RequestHandlers = {
  subscribe: async (request) => {
    const publication = request.accept({ largest: { group: 1, object: 1 } });
    const writer = await publication.subgroup({ group: 2 });
    await writer.write({ payload: new Uint8Array(10) });
    await writer.close();
  },
  publish: (request) => void read(request.accept().objects()),
  fetch: ({ end }) => ({ end, items: [] }),
  trackStatus: () => ({}),
  publishNamespace: ignore,
  subscribeNamespace: (request) => request.accept().add(TRACK.namespace),
};

async function read(items: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const _ of items);
  } catch {
    // What is broken ends so.
  }
}

/** Everything a side may ask. */
function askAll(session: MoqtSession): void {
  const subscription = session.subscribe(TRACK, {
    parameters: { filter: { from: "largest-object" } },
  });
  subscription.ready.then(() => void read(session.join(subscription, { groupsBack: 1 })), ignore);
  void read(subscription.objects());
  const start = { group: 0, object: 0 };
  void read(session.fetch({ track: TRACK, start, end: { group: 3, object: 0 } }));
  session.publish(trackName(["x"], "y")).ready.catch(ignore);
  session.publishNamespace(namespace("x")).ready.catch(ignore);
  void read(session.subscribeNamespace(namespace("a")));
  session.trackStatus(TRACK).catch(ignore);
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took too long`)), MAX_END_MS);
  });
  return await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

/** One session with a peer that follows the script. */
async function meet(version: Version, role: "client" | "server", script: Uint8Array) {
  const [ours, theirs] = memoryPair(protocolOf(version));
  const beginning = (role === "client" ? connect : accept)(ours, { handlers, setupTimeoutMs: 500 });
  beginning.then(askAll, ignore);
  try {
    const peer = await Peer.begin(theirs, version, role === "client" ? "server" : "client");
    for (const [act, bytes] of acts(script)) await peer.act(act, bytes);
    await turn();
  } catch (error) {
    // The session may be closed already.
    if (!(error instanceof TransportError)) throw error;
  }
  const session = await within(beginning.catch(() => undefined), "the set-up");
  await within(session?.close() ?? Promise.resolve(), "the end");
  if (session === undefined) ours.close();
  const { closeCode } = await within(theirs.closed, "the close");
  if (!Object.values<number>(CLOSE_CODES).includes(closeCode)) {
    throw new Error(`closed with ${closeCode}`);
  }
}

/** Lets everything that is at hand happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Peers of a relay; others go on meanwhile. */
async function visit(relay: FuzzedRelay, version: Version, script: Uint8Array): Promise<void> {
  const theirs = relay.come(protocolOf(version));
  try {
    const peer = await Peer.begin(theirs, version, "client");
    for (const [act, bytes] of acts(script)) await peer.act(act, bytes);
    await turn();
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
  }
  await within(relay.check(), "an object between two others");
  theirs.close();
  await within(theirs.closed, "the close");
}

/** Every target. */
export function moqtSessionTargets(): FuzzTarget[] {
  const common = { expects: () => false, mostInputs: MOST_INPUTS };
  return VERSIONS.flatMap((version): FuzzTarget[] => {
    const seeds = scriptsOf(version);
    let relay: FuzzedRelay | undefined;
    return [
      ...(["client", "server"] as const).map((role): FuzzTarget => ({
        ...common,
        name: `moqt-session-${version}-${role}`,
        seeds,
        run: (script) => meet(version, role, script),
      })),
      {
        ...common,
        name: `moqt-session-${version}-relay`,
        seeds,
        run: async (script) => await visit(relay ??= await FuzzedRelay.start(), version, script),
        close: () => relay?.close(),
      },
    ];
  });
}
