/**
 * What the parts of a session say to each other about requests, whatever carries them: one stream
 * for all (draft-14, draft-16) or a stream each (since draft-18).
 *
 * @module
 */
import type { CloseName, ResetName } from "../codes.ts";
import type { MoqtViolation } from "../errors.ts";
import { type ControlMessage, ControlParser, encodeControl } from "../messages/control.ts";
import type { MessageOf } from "../messages/control.ts";
import type { SetupOptions } from "../messages/setup.ts";
import type { ReceiveStream, SendStream } from "../../transport/connection.ts";
import type { Version } from "../versions.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { Role } from "./request_ids.ts";

/** Messages that begin a request. */
export type RequestMessage = MessageOf<
  | "subscribe"
  | "publish"
  | "fetch"
  | "track-status"
  | "publish-namespace"
  | "subscribe-namespace"
  | "subscribe-tracks"
>;

const REQUESTS: ReadonlySet<string> = new Set<RequestMessage["kind"]>([
  "subscribe",
  "publish",
  "fetch",
  "track-status",
  "publish-namespace",
  "subscribe-namespace",
  "subscribe-tracks",
]);

/** Whether a message begins a request. */
export function isRequest(message: ControlMessage): message is RequestMessage {
  return REQUESTS.has(message.kind);
}

/** An answer to an update. */
export type UpdateAnswer = MessageOf<"request-ok"> | MessageOf<"request-error">;

/** Who is told what comes for a request. */
export interface ChannelHandler {
  /** The request, one of this side's, was sent. Called before anything comes of it. */
  begun?(channel: Channel): void;
  /** A message of this request came: an answer, or what follows it. */
  message(message: ControlMessage): void;
  /** The peer changes the request; answer with `channel.send`. */
  update(updateId: number, parameters: Parameters): void;
  /** The peer wants no more of it. No more calls follow. */
  canceled(): void;
}

/** One request, from either side. */
export interface Channel {
  /** The request's id. */
  readonly requestId: number;
  /** Sends a message of this request. */
  send(message: ControlMessage): void;
  /** Nothing follows from this side; the request is forgotten where both are done. */
  finish(): void;
  /**
   * Asks the peer to make the request elsewhere; after `timeoutMs` (0: never) the request is reset. A
   * `TypeError` where the draft does not have that.
   */
  goaway(uri: string, timeoutMs: number): void;
  /** Ends the request from this side, in the draft's way. Idempotent. */
  cancel(code?: ResetName): void;
  /**
   * Changes the request; resolves with the answer. `answered` is called with it before anything that
   * follows is heard.
   */
  update(
    parameters: Parameters,
    answered?: (answer: UpdateAnswer) => void,
  ): Promise<UpdateAnswer>;
}

/** Who is told what comes for the session. */
export interface SignalsOwner {
  /** The peer makes a request. */
  request(message: RequestMessage, channel: Channel): ChannelHandler;
  /** The peer goes away. */
  goaway(message: MessageOf<"goaway">): void;
  /** The peer broke a rule, or the connection is lost. */
  fail(error: unknown): void;
}

/** The control plane of one session. */
export interface Signals {
  /** This side's. */
  readonly role: Role;
  /** Exchanges set-ups; resolves with the peer's. */
  start(options: SetupOptions): Promise<SetupOptions>;
  /** Makes a request; waits until the peer allows one. The id is put in. */
  request(
    message: RequestMessage,
    handler: ChannelHandler,
    signal?: AbortSignal,
  ): Promise<Channel>;
  /** Says that this side goes away. */
  goaway(uri: string, timeoutMs: number): void;
  /** A peer's request is over, so it may make another. */
  release(): void;
  /** Nothing follows; pending requests fail with `error`. */
  end(error: unknown): void;
}

/** Most bytes of control messages that wait for a peer that does not read. */
const MAX_PENDING_BYTES = 1 << 20;

/** Writes messages to a stream in order, without making their senders wait. */
export class ControlWriter {
  readonly #version: Version;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #fail: (error: unknown) => void;
  #pending = 0;

  /** Writes to `stream`; `fail` is told what goes wrong. */
  constructor(stream: SendStream, version: Version, fail: (error: unknown) => void) {
    this.#version = version;
    this.#fail = fail;
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
  }

  /** Sends a message. Throws where the draft cannot say it. */
  send(message: ControlMessage): void {
    const bytes = encodeControl(message, this.#version);
    this.#pending += bytes.length;
    if (this.#pending > MAX_PENDING_BYTES) {
      this.#fail(new Error("the peer does not read control messages"));
      return;
    }
    this.#writer.write(bytes).then(() => this.#pending -= bytes.length, this.#fail);
  }

  /** Sends FIN. */
  finish(): void {
    this.#writer.close().catch(() => {});
  }

  /** Resets the stream. */
  abort(reason: unknown): void {
    this.#writer.abort(reason).catch(() => {});
  }
}

/** Reads messages of a stream until its end, and gives each to `take`. Resolves at FIN. */
export async function readMessages(
  stream: ReceiveStream,
  version: Version,
  take: (message: ControlMessage) => void,
  first: Uint8Array = new Uint8Array(0),
): Promise<{ between: boolean }> {
  const parser = new ControlParser(version);
  parser.push(first);
  const reader = stream.getReader();
  try {
    while (true) {
      for (let next = parser.next(); next !== undefined; next = parser.next()) take(next);
      const { done, value } = await reader.read();
      if (done) return { between: parser.between };
      parser.push(value);
    }
  } finally {
    reader.releaseLock();
  }
}

/** What a violation closes with; for the rest, an internal error. */
export function closeNameOf(error: unknown): CloseName {
  const name = (error as Partial<MoqtViolation>)?.closeName;
  return name ?? "internal-error";
}
