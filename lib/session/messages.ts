/**
 * What is said on `xoq/1` (docs/xoq-1.md): one interface a message.
 *
 * @module
 */

/** Members beyond those listed are kept: that is how the protocol grows. */
interface Open {
  readonly [member: string]: unknown;
}

/** First message of a client. */
export interface HelloMessage extends Open {
  t: "hello";
  /** Version of the protocol: 1. */
  version: number;
  /** Program and version, for people. */
  agent?: string | undefined;
  /** What admits the client, as in the ticket behind `#`. */
  grant?: string | undefined;
}

/** Changes settings of a device; which there are, its kind says. */
export interface SettingsMessage extends Open {
  t: "settings";
  device: string;
}

/** What has arrived on a device's own connection since that began. */
export interface ReceivedMessage extends Open {
  t: "received";
  device: string;
  frames: number;
  bytes: number;
  /** Capture time of the newest picture, µs since the epoch. */
  captured?: number | undefined;
}

/** Asks for counters, of one device or all. */
export interface StatsRequest extends Open {
  t: "stats";
  device?: string | undefined;
}

/** Asks for the server's time; `c` is the client's, µs since the epoch. */
export interface ClockRequest extends Open {
  t: "clock";
  c: number;
}

/** Calls a method of a device; `id` comes back with the result. */
export interface CallMessage extends Open {
  t: "call";
  id: number;
  device: string;
  method: string;
  params?: Record<string, unknown> | undefined;
}

/** The controller of a device is alive. */
export interface BeatMessage extends Open {
  t: "beat";
  device: string;
}

/** A message from a client. */
export type ClientMessage =
  | HelloMessage
  | SettingsMessage
  | ReceivedMessage
  | StatsRequest
  | ClockRequest
  | CallMessage
  | BeatMessage;

/** A device as `welcome` lists it: what it says of itself besides, its kind defines. */
export interface RemoteDeviceInfo {
  [member: string]: unknown;
  name: string;
  kind: string;
}

/** The client is admitted. */
export interface WelcomeMessage extends Open {
  t: "welcome";
  version: number;
  agent?: string | undefined;
  rights: "view" | "control";
  /** When the grant ends, seconds since the epoch. */
  expires?: number | undefined;
  devices: RemoteDeviceInfo[];
}

/** A request failed; `re` is its type. */
export interface ErrorMessage extends Open {
  t: "error";
  /** As `ErrorCode`. */
  code: string;
  message: string;
  re?: string | undefined;
}

/** Counters by device. */
export interface StatsMessage extends Open {
  t: "stats";
  devices: Record<string, Record<string, unknown>>;
}

/** Answers a clock request: when it came and when this was sent, µs by the server's clock. */
export interface ClockMessage extends Open {
  t: "clock";
  c: number;
  r: number;
  s: number;
}

/** A device went or came; its description may have changed with it. */
export interface DeviceMessage extends Open {
  t: "device";
  device: string;
  state: "lost" | "back";
  reason?: string | undefined;
}

/** What a peer is told of a failure. */
export interface ToldError {
  /** As `ErrorCode`. */
  code: string;
  message: string;
  hint?: string | undefined;
}

/** Answers a call. */
export interface ResultMessage extends Open {
  t: "result";
  id: number;
  result?: Record<string, unknown> | undefined;
  error?: ToldError | undefined;
}

/** Something happened to a device; what, its kind defines. */
export interface NoticeMessage extends Open {
  t: "notice";
  device: string;
  event: Record<string, unknown>;
}

/** The server is going away. */
export interface ByeMessage extends Open {
  t: "bye";
  reason: string;
}

/** A message from a server. */
export type ServerMessage =
  | WelcomeMessage
  | ErrorMessage
  | StatsMessage
  | ClockMessage
  | DeviceMessage
  | ResultMessage
  | NoticeMessage
  | ByeMessage;

/** First message on a byte pipe, from the client. */
export interface PipeMessage {
  t: "pipe";
  device: string;
  role: "viewer" | "controller";
  /** From the present holder. */
  take?: boolean | undefined;
  params?: Record<string, unknown> | undefined;
  /** Datagrams that begin with this number belong to the pipe; absent: it has none. */
  channel?: number | undefined;
}

/** First message on a byte pipe, from the server: only bytes follow an `open`. */
export type PipeAnswer =
  | { t: "open"; answer: Record<string, unknown> }
  | { t: "error" } & ToldError;
