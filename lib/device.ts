/**
 * What every device kind gives the rest of the program. A new kind is one folder under `lib/` that
 * exports a {@link DeviceKind}, and one line in `lib/registry.ts`: the CLI, `xoq serve`, `xoq ls`,
 * shell completions and the configuration's JSON schema are derived from it.
 *
 * @module
 */
import type { RemoteDevice } from "./remote.ts";
import type { BidirectionalStream, CongestionControl, Connection } from "./transport/connection.ts";

/** Kinds of option values; see {@link OptionSpec}. */
export type OptionType =
  | "string"
  | "number"
  | "boolean"
  | "optional"
  | "enum"
  | "list"
  | "duration";

/** One flag: of a command line (`--key-dir DIR`, `XOQ_KEY_DIR`), and a key of a configuration file. */
export interface OptionSpec {
  /**
   * Kind of value. `optional` is `--http` or `--http=ADDR`, never `--http ADDR`: it takes the next
   * word only where `values` lists it (`--stdout jpeg`). `list` may be repeated (in the environment:
   * separated by commas). `duration` is written `500ms`, `15s`, `2h`
   * and read as milliseconds.
   */
  type: OptionType;
  /** One line of help, lower case, no full stop. */
  brief: string;
  /** What stands for the value in help: `DIR`. */
  value?: string;
  /** Default, shown in help; a `duration`'s in milliseconds. */
  default?: string | number | boolean;
  /** Values of an `enum`, or of an `optional`. */
  values?: readonly string[];
  /** Bounds of a `number` or `duration`, both inclusive; a value outside is a usage error. */
  min?: number;
  /** Upper bound. */
  max?: number;
  /** Numbers with a fraction are taken too. */
  fraction?: boolean;
  /** Another name that means the same. */
  alias?: string;
  /** One letter that means the same: `v` for `-v`. */
  short?: string;
  /** Heading in `--help` under which it stands; default `Options`. */
  section?: string;
  /** Not in `--help` (but in the manual). */
  hidden?: boolean;
}

/** Flags by name in kebab case without dashes. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Values as parsed: `undefined` where neither given nor defaulted; `optional` without a value is `""`. */
export type OptionValues = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** The type of an option's value, where its table is declared `as const satisfies OptionTable`. */
export type ValueOf<S extends OptionSpec> = S["type"] extends "boolean" ? boolean
  : S["type"] extends "list" ? readonly string[]
  : S["type"] extends "enum" ? Defaulted<S, NonNullable<S["values"]>[number]>
  : S["type"] extends "number" | "duration" ? Defaulted<S, number>
  : Defaulted<S, string>;

/** `T`, or also `undefined` where the option has no default. */
export type Defaulted<S extends OptionSpec, T> = S extends { default: string | number } ? T
  : T | undefined;

/** The values of a table that is declared `as const satisfies OptionTable`. */
export type ValuesOf<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** A device found on this machine, for `xoq ls`. */
export interface DeviceListing {
  /** Kind's name. */
  kind: string;
  /** What to type after `xoq KIND`. */
  selector: string;
  /** Name for people. */
  label: string;
  /** Everything else, printed by `--json` as it is. */
  detail: Record<string, unknown>;
}

/** What happened to the device behind a server. */
export type DeviceEvent =
  | { type: "lost"; reason: string }
  | { type: "back"; path: string }
  /** Worth telling, nothing lost: another encoder took over. */
  | { type: "notice"; message: string }
  | { type: "error"; code: string; message: string; hint?: string };

/** Who a connection belongs to, once it is admitted. */
export interface Peer {
  /** The peer's endpoint id. */
  id: string;
  /** What it may do. */
  rights: "view" | "control";
  /** Aborts when the peer's admission ends (grant expired, session closed). */
  signal: AbortSignal;
}

/** A device being served. */
export interface ServedDevice extends AsyncDisposable {
  /** Kind's name. */
  readonly kind: string;
  /** Device name in tickets. */
  readonly name: string;
  /** ALPNs that lead straight to this device (XoQ's). */
  readonly protocols: readonly string[];
  /** How its connections should share the network; absent: as the transport does by default. */
  readonly congestion?: CongestionControl;
  /** For `ready`, `welcome` and `ls`: stable id, label, codec, size, … */
  describe(): Record<string, unknown>;
  /** Serves one admitted connection on one of `protocols` until it ends. Never throws for the peer's faults. */
  accept(connection: Connection, peer: Peer): Promise<void>;
  /** Applies `settings` sent by a peer (key frame, bit rate). Unknown keys are ignored. */
  configure(settings: Record<string, unknown>, peer: Peer): void;
  /** Feedback of a viewer about what it received (see docs/xoq-1.md). */
  feedback(report: Record<string, unknown>, peer: Peer): void;
  /**
   * Serves one byte pipe on `xoq/1` until either side ends it; absent: the kind has no pipes. The
   * answer to the request is sent with `reply`, before any byte, or the returned promise rejects
   * with an `XoqError`, which becomes the answer. Throws for the request's faults only.
   */
  pipe?(
    stream: BidirectionalStream,
    request: PipeRequest,
    peer: Peer,
    reply: (answer: Record<string, unknown>) => Promise<void>,
  ): Promise<void>;
  /** Answers a call on the control stream; absent: the kind has none. Throws `XoqError` for a refusal. */
  call?(
    method: string,
    params: Record<string, unknown>,
    peer: Peer,
  ): Promise<Record<string, unknown>>;
  /** The peer is alive: safe-state deadlines begin anew. */
  beat?(peer: Peer): void;
  /** Live tracks that anybody admitted may subscribe to over MoQT; absent: the kind has none. */
  readonly tracks?: readonly TrackOffer[];
  /** Set by the session: tells every client that may see the device of something that happened to it. */
  notify?: ((event: Record<string, unknown>) => void) | undefined;
  /** Counters for `stats`. */
  stats(): Record<string, unknown>;
  /** Called when the device goes, comes or fails. */
  onEvent: ((event: DeviceEvent) => void) | undefined;
  /** Called when somebody begins or stops to use the device. */
  onClient: ((event: ClientEvent) => void) | undefined;
}

/** What a client says when it opens a byte pipe. */
export interface PipeRequest {
  /** To use the device, or only to watch. */
  role: "viewer" | "controller";
  /** Take the device over from its present holder. */
  take: boolean;
  /** What the kind defines beyond that (baud rate, filters, …): not yet checked. */
  params: Readonly<Record<string, unknown>>;
  /** Datagrams beside the bytes, where the client asked for them. */
  datagrams?: PipeDatagrams;
}

/**
 * Datagrams of one byte pipe: unordered, sent at once or dropped, never sent again. For what is worth
 * nothing when it is late. They may overtake the pipe's bytes, and be overtaken.
 */
export interface PipeDatagrams {
  /** Longest payload that the path takes now, in bytes; 0 when the peer takes none. */
  readonly maxSize: number;
  /** Sends, or drops. */
  send(payload: Uint8Array): void;
  /** Takes what comes; what comes while it is not set is dropped. */
  onDatagram: ((payload: Uint8Array) => void) | undefined;
}

/**
 * A live track that a device offers (docs/moqt.md, "Devices as tracks"). It is attached only while
 * somebody subscribes: one sink an endpoint, however many subscribers that has.
 */
export interface TrackOffer {
  /** Its name below the device's namespace: `pose`, `video`. */
  readonly name: string;
  /** 0 (first) to 255: what is sent first where not everything can be. */
  readonly priority: number;
  /**
   * Groups before the newest that may still be on their way to a subscriber. Older ones are cut off:
   * what is late is not sent.
   */
  readonly lateGroups: number;
  /**
   * Each group is one object, and goes as a datagram where it fits one: at once or never. Default: by
   * streams.
   */
  readonly datagrams?: boolean;
  /** What the objects are, for subscribers: JSON, at most some hundred bytes. */
  describe(): Record<string, unknown>;
  /** Begins to send to the sink, until disposed of. */
  attach(sink: TrackSink): Disposable;
  /** Another subscriber came to a sink that is attached: it waits for the next group. */
  joined?(): void;
}

/** Options of kinds whose devices offer tracks: they stand in the kinds' own tables. */
export const TRACK_OPTIONS = {
  listen: {
    type: "string",
    value: "ADDR:PORT",
    brief: "serve the MoQT tracks on this address, too (QUIC and WebTransport); :PORT is 127.0.0.1",
    section: "Network",
  },
} as const satisfies OptionTable;

/** Where a device sends the objects of a track. Nothing here waits. */
export interface TrackSink {
  /** Begins a group, and ends the one before. Subscribers join at the beginning of a group. */
  startGroup(): void;
  /**
   * Adds an object to the group; it must not change any more.
   *
   * @param captured µs since the epoch
   */
  write(payload: Uint8Array, captured?: number): void;
  /** The group is complete. */
  endGroup(): void;
}

/** Somebody begins or stops to use a device. */
export interface ClientEvent {
  /** `client` or `gone`. */
  type: "client" | "gone";
  /** Endpoint id; `IP:PORT` of who came by address. */
  id: string;
  /** What it does. */
  role: "viewer" | "controller";
  /** Why it went. */
  reason?: string;
}

/** Where a device kind tells of itself while it works; the command line's `Output` is one. */
export interface Reporter {
  /** An event of `--json` (`client`, `gone`, `stats`, `lost`, `back`, …), shown to people in words. */
  event(event: Readonly<Record<string, unknown> & { type: string }>): void;
  /** A line for people. Not shown with `-q`. */
  notice(text: string): void;
  /** Data for stdout, where the command was asked for it. Awaiting a write is the backpressure. */
  readonly stdout: WritableStream<Uint8Array>;
}

/** What serving a device gets beside its options. */
export interface ServeContext {
  /** Ends it. */
  signal: AbortSignal;
  /** Tells people and programs. */
  reporter: Reporter;
  /** The device's name in tickets, where the user chose one. */
  name?: string;
  /**
   * Checks a grant shown elsewhere than on `xoq/1` (a page off loopback): when it ends, or
   * `undefined` when it admits nobody.
   */
  authorize?: (grant: string) => Promise<{ expires?: number } | undefined>;
  /** Whether it may announce itself on the LAN; default true. */
  announce?: boolean;
  /** Standard input and output, where the command is for this device alone and its data goes there. */
  standard?: StandardStreams;
}

/** Where data goes by that is neither for the network nor for people. */
export interface StandardStreams {
  /** Standard input; `undefined` where it is a terminal, which is for people. */
  readonly input: ReadableStream<Uint8Array> | undefined;
  /** Standard output. Awaiting a write is the backpressure. */
  readonly output: WritableStream<Uint8Array>;
}

/** What opening a remote device gets beside its options. */
export interface OpenContext {
  /** Ends it. */
  signal: AbortSignal;
  /** Tells people and programs. */
  reporter: Reporter;
  /** Standard input; absent where it is a terminal. Nothing is read of it before it is asked for. */
  input?: ReadableStream<Uint8Array>;
  /** As in {@link ServeContext}: whether a visitor of a page shows the grant of the opened ticket. */
  authorize?: (grant: string) => Promise<{ expires?: number } | undefined>;
}

/** What a device is known by before it is opened. */
export interface DeviceIdentity {
  /** Stable id: the same after replugging, another for another device. */
  deviceId: string;
  /**
   * XoQ's names of its key file, for `--key-dir`, best first: `.xoq_camera_key_idx0`. The first that
   * is there is used; where none is, the first is made.
   */
  keyFiles: readonly string[];
}

/**
 * One kind of device. Loaded when it is needed; its option tables are imported without it
 * (`lib/<kind>/options.ts`).
 */
export interface DeviceKind {
  /** `camera`. */
  readonly name: string;
  /** Options of `xoq KIND`, and keys of the configuration file. */
  readonly options: OptionTable;
  /** Sinks and settings of `xoq open` for this kind. */
  readonly openOptions: OptionTable;
  /** The devices here now. Gives an empty list, rather than throw, where the system has none. */
  list(options: { signal: AbortSignal }): Promise<DeviceListing[]>;
  /** What the device named by `selector` is known by. Throws `NotFoundError`. */
  identify(selector: string, values: OptionValues): Promise<DeviceIdentity>;
  /** Prepares a device for serving. Throws as the device's own opening does. */
  serve(selector: string, values: OptionValues, context: ServeContext): Promise<ServedDevice>;
  /**
   * Does something else than serve, where the options ask for it (a simulated device, say), until it
   * is done or the signal aborts. Whether it did; absent: the kind knows nothing else.
   */
  instead?(values: OptionValues, context: ServeContext): Promise<boolean>;
  /** Opens a remote device into the sinks that `values` ask for, until `signal` aborts. */
  open(remote: RemoteDevice, values: OptionValues, context: OpenContext): Promise<void>;
}
