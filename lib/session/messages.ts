/**
 * What is said on `xoq/1` (docs/xoq-1.md): one interface a message.
 *
 * @module
 */

/** Members beyond those listed are kept: that is how the protocol grows. */
export interface OpenMessage {
  /** What a later version adds. */
  readonly [member: string]: unknown;
}

/** First message of a client. */
export interface HelloMessage extends OpenMessage {
  /** The type. */
  t: "hello";
  /** Version of the protocol: 1. */
  version: number;
  /** Program and version, for people. */
  agent?: string | undefined;
  /** What admits the client, as in the ticket behind `#`. */
  grant?: string | undefined;
}

/** Changes settings of a device; which there are, its kind says. */
export interface SettingsMessage extends OpenMessage {
  /** The type. */
  t: "settings";
  /** Name of the device. */
  device: string;
}

/** What has arrived on a device's own connection since that began. */
export interface ReceivedMessage extends OpenMessage {
  /** The type. */
  t: "received";
  /** Name of the device. */
  device: string;
  /** Pictures since the connection began. */
  frames: number;
  /** Bytes of them. */
  bytes: number;
  /** Capture time of the newest picture, µs since the epoch. */
  captured?: number | undefined;
}

/** Asks for counters, of one device or all. */
export interface StatsRequest extends OpenMessage {
  /** The type. */
  t: "stats";
  /** Name of the device. */
  device?: string | undefined;
}

/** Asks for the server's time; `c` is the client's, µs since the epoch. */
export interface ClockRequest extends OpenMessage {
  /** The type. */
  t: "clock";
  /** The client's time, µs since the epoch. */
  c: number;
}

/** Calls a method of a device; `id` comes back with the result. */
export interface CallMessage extends OpenMessage {
  /** The type. */
  t: "call";
  /** Comes back with the result. */
  id: number;
  /** Name of the device. */
  device: string;
  /** Which, as its kind names them. */
  method: string;
  /** What the kind defines. */
  params?: Record<string, unknown> | undefined;
}

/** The controller of a device is alive. */
export interface BeatMessage extends OpenMessage {
  /** The type. */
  t: "beat";
  /** Name of the device. */
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
  /** What its kind says of it. */
  [member: string]: unknown;
  /** In tickets. */
  name: string;
  /** As in the registry. */
  kind: string;
}

/** The client is admitted. */
export interface WelcomeMessage extends OpenMessage {
  /** The type. */
  t: "welcome";
  /** Version of the protocol: 1. */
  version: number;
  /** Program and version, for people. */
  agent?: string | undefined;
  /** What the grant allows. */
  rights: "view" | "control";
  /** When the grant ends, seconds since the epoch. */
  expires?: number | undefined;
  /** By name, or those that the grant opens. */
  devices: RemoteDeviceInfo[];
}

/** A request failed; `re` is its type. */
export interface ErrorMessage extends OpenMessage {
  /** The type. */
  t: "error";
  /** As `ErrorCode`. */
  code: string;
  /** For people. */
  message: string;
  /** The request's type. */
  re?: string | undefined;
}

/** Counters by device. */
export interface StatsMessage extends OpenMessage {
  /** The type. */
  t: "stats";
  /** By name, or those that the grant opens. */
  devices: Record<string, Record<string, unknown>>;
}

/** Answers a clock request: when it came and when this was sent, µs by the server's clock. */
export interface ClockMessage extends OpenMessage {
  /** The type. */
  t: "clock";
  /** The client's time, µs since the epoch. */
  c: number;
  /** When the request came, µs since the epoch. */
  r: number;
  /** When this was sent, µs since the epoch. */
  s: number;
}

/** A device went or came; its description may have changed with it. */
export interface DeviceMessage extends OpenMessage {
  /** The type. */
  t: "device";
  /** Name of the device. */
  device: string;
  /** Gone, or back. */
  state: "lost" | "back";
  /** Why, for people. */
  reason?: string | undefined;
}

/** What a peer is told of a failure. */
export interface ToldError {
  /** As `ErrorCode`. */
  code: string;
  /** For people. */
  message: string;
  /** What to do. */
  hint?: string | undefined;
}

/** Answers a call. */
export interface ResultMessage extends OpenMessage {
  /** The type. */
  t: "result";
  /** Comes back with the result. */
  id: number;
  /** Where it went well. */
  result?: Record<string, unknown> | undefined;
  /** Where it did not. */
  error?: ToldError | undefined;
}

/** Something happened to a device; what, its kind defines. */
export interface NoticeMessage extends OpenMessage {
  /** The type. */
  t: "notice";
  /** Name of the device. */
  device: string;
  /** What the kind defines. */
  event: Record<string, unknown>;
}

/** The server is going away. */
export interface ByeMessage extends OpenMessage {
  /** The type. */
  t: "bye";
  /** Why, for people. */
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
  /** The type. */
  t: "pipe";
  /** Name of the device. */
  device: string;
  /** To use the device, or to watch. */
  role: "viewer" | "controller";
  /** From the present holder. */
  take?: boolean | undefined;
  /** What the kind defines. */
  params?: Record<string, unknown> | undefined;
  /** Datagrams that begin with this number belong to the pipe; absent: it has none. */
  channel?: number | undefined;
}

/** First message on a byte pipe, from the server: only bytes follow an `open`. */
export type PipeAnswer =
  | { t: "open"; answer: Record<string, unknown> }
  | { t: "error" } & ToldError;
