/**
 * What every device kind gives the rest of the program. A new kind is one folder under `lib/` that
 * exports a {@link DeviceKind}, and one line in `lib/registry.ts`: the CLI, `xoq serve`, `xoq ls`,
 * shell completions and the configuration's JSON schema are derived from it.
 *
 * @module
 */
import type { Connection } from "./transport/connection.ts";

/** One flag: of a command line (`--key-dir DIR`, `XOQ_KEY_DIR`), and a key of a configuration file. */
export interface OptionSpec {
  /** Kind of value. `optional` is `--http` or `--http=ADDR`, never `--http ADDR`. `list` may be repeated. */
  type: "string" | "number" | "boolean" | "optional" | "enum" | "list";
  /** One line of help, lower case, no full stop. */
  brief: string;
  /** What stands for the value in help: `DIR`. */
  value?: string;
  /** Default, shown in help. */
  default?: string | number | boolean;
  /** Values of an `enum`. */
  values?: readonly string[];
  /** Bounds of a `number`, both inclusive; a value outside is a usage error. */
  min?: number;
  /** Upper bound. */
  max?: number;
  /** Another name that means the same. */
  alias?: string;
  /** Not in `--help` (but in the manual). */
  hidden?: boolean;
}

/** Flags by name in kebab case without dashes. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Values as parsed: `undefined` where neither given nor defaulted; `optional` without a value is `""`. */
export type OptionValues = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

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
  /** For `ready`, `welcome` and `ls`: stable id, label, codec, size, … */
  describe(): Record<string, unknown>;
  /** Serves one admitted connection on one of `protocols` until it ends. Never throws for the peer's faults. */
  accept(connection: Connection, peer: Peer): Promise<void>;
  /** Applies `settings` sent by a peer (key frame, bit rate). Unknown keys are ignored. */
  configure(settings: Record<string, unknown>, peer: Peer): void;
  /** Feedback of a viewer about what it received (see docs/xoq-1.md). */
  feedback(report: Record<string, unknown>, peer: Peer): void;
  /** Counters for `stats`. */
  stats(): Record<string, unknown>;
  /** Called when the device goes, comes or fails. */
  onEvent: ((event: DeviceEvent) => void) | undefined;
  /** Called when somebody begins or stops to use the device. */
  onClient: ((event: ClientEvent) => void) | undefined;
}

/** Somebody begins or stops to use a device. */
export interface ClientEvent {
  /** `client` or `gone`. */
  type: "client" | "gone";
  /** Endpoint id. */
  id: string;
  /** What it does. */
  role: "viewer" | "controller";
  /** Why it went. */
  reason?: string;
}
