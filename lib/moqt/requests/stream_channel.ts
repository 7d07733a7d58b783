/**
 * A request that has a bidirectional stream of its own: draft-18, section 3.3.2; draft-20, sections
 * 3.3.2 and 3.3.3; in draft-16 SUBSCRIBE_NAMESPACE alone.
 *
 * @module
 */
import { type BidirectionalStream, TransportError } from "../../transport/connection.ts";
import { resetCode, type ResetName } from "../codes.ts";
import { MoqtViolation, violation } from "../errors.ts";
import type { ControlMessage } from "../messages/control.ts";
import { hasFinCancel, hasRequestStreams, hasUpdateCredit, type Version } from "../versions.ts";
import { checkScope, type Parameters } from "../wire/parameters.ts";
import { type Channel, type ChannelHandler, ControlWriter, isRequest } from "./channel.ts";
import { readMessages, type RequestMessage, type UpdateAnswer } from "./channel.ts";

/** What a stream's channel needs of the session. */
export interface StreamChannelHost {
  /** The peer broke a rule. */
  fail(error: unknown): void;
  /** An incoming stream's first message; throws a violation. */
  first?(message: ControlMessage, channel: StreamChannel): ChannelHandler;
  /** An id for an update. */
  nextId(): Promise<number>;
  /** Updates that the peer lets wait for answers; 0 and absent: any number. */
  maxUpdates?(): number;
  /** Checks the id of a peer's update; throws a violation. */
  accept?(id: number): void;
  /** The request is over on both sides. */
  over?(): void;
}

/** Updates of one request that may wait for their answers. */
export const MAX_UPDATES = 64;

/** A request on its own stream. */
export class StreamChannel implements Channel {
  readonly #stream: BidirectionalStream;
  readonly #version: Version;
  readonly #host: StreamChannelHost;
  readonly #writer: ControlWriter;
  readonly #updates: {
    answer: PromiseWithResolvers<UpdateAnswer>;
    answered: ((answer: UpdateAnswer) => void) | undefined;
  }[] = [];
  /** Updates of ours that wait for an id. */
  #begun = 0;
  /** The peer's updates that were not answered yet. */
  #unanswered = 0;
  #handler: ChannelHandler | undefined;
  #kind: RequestMessage["kind"] | undefined;
  #ours = false;
  #finished = false;
  #heard = false;
  #over = false;
  #goneAway = false;
  #answered = false;
  /** What resets the request after this side's GOAWAY; 0: nothing does. */
  #wentAway: ReturnType<typeof setTimeout> | 0 | undefined;
  /** The request's id; -1 until an incoming one is known. */
  requestId: number = -1;

  /** Takes a stream. */
  constructor(stream: BidirectionalStream, version: Version, host: StreamChannelHost) {
    this.#stream = stream;
    this.#version = version;
    this.#host = host;
    this.#writer = new ControlWriter(stream.writable, version, () => {});
  }

  /** Opens a request of ours on a new stream. */
  static open(
    stream: BidirectionalStream,
    version: Version,
    message: RequestMessage,
    handler: ChannelHandler,
    host: StreamChannelHost,
  ): StreamChannel {
    const channel = new StreamChannel(stream, version, host);
    channel.#ours = true;
    channel.#begin(message, handler);
    channel.#writer.send(message);
    handler.begun?.(channel);
    channel.read();
    return channel;
  }

  #begin(message: RequestMessage, handler: ChannelHandler): void {
    this.requestId = message.requestId;
    this.#kind = message.kind;
    this.#handler = handler;
  }

  /** Reads what comes, until the end. */
  read(): void {
    readMessages(this.#stream.readable, this.#version, (message) => this.#take(message)).then(
      ({ between }) => {
        if (!between) return this.#host.fail(violation("a request's stream ends inside a message"));
        this.#peerEnded(true);
      },
      (error) => {
        if (error instanceof MoqtViolation) this.#host.fail(error);
        else this.#peerEnded(false);
      },
    );
  }

  /** FIN ends what the peer has to say; anything else ends the request. */
  #peerEnded(finished: boolean): void {
    if (this.#heard) return;
    this.#heard = true;
    // A requester that says nothing more still wants what it asked for; older drafts except namespaces.
    const endsByFin = hasFinCancel(this.#version) && (this.#kind === "subscribe-namespace" ||
      this.#kind === "subscribe-tracks" || this.#kind === "publish-namespace");
    const stays = finished && !this.#ours && !endsByFin;
    if (stays && !this.#finished) return;
    // These requests have one answer, after which their streams end.
    const complete = finished && this.#ours && this.#answered &&
      (this.#kind === "fetch" || this.#kind === "track-status");
    const wasOver = this.#over || complete || this.#finished && finished;
    if (!this.#finished && !this.#over) {
      this.#finished = true;
      if (finished) this.#writer.finish();
      else this.#writer.abort(this.#reason("cancelled"));
    }
    this.#end();
    if (!wasOver) this.#handler?.canceled();
  }

  #take(message: ControlMessage): void {
    if (this.#over) return;
    if (this.#handler === undefined) {
      if (!isRequest(message)) throw violation(`a stream begins with ${message.kind}`);
      this.requestId = message.requestId;
      this.#kind = message.kind;
      const handler = this.#host.first!(message, this);
      this.#handler = handler;
      return;
    }
    if (isRequest(message)) throw violation(`${message.kind} inside a request`);
    if (message.kind === "request-update") {
      this.#host.accept?.(message.requestId);
      if (++this.#unanswered > MAX_UPDATES && hasUpdateCredit(this.#version)) {
        throw new MoqtViolation(
          "too-many-request-updates",
          "more updates than there is credit for",
        );
      }
      this.#handler.update(message.requestId, message.parameters);
      return;
    }
    if (message.kind === "goaway") {
      if (this.#goneAway) throw violation("a second GOAWAY for a request");
      this.#goneAway = true;
      this.#handler.message(message);
      return;
    }
    const isPublishOk = this.#kind === "publish" && !this.#answered;
    if (message.kind === "request-ok") {
      checkScope(message.parameters, isPublishOk ? "PUBLISH_OK" : "REQUEST_OK", this.#version);
      if (message.properties !== undefined && this.#kind !== "track-status") {
        throw violation("REQUEST_OK carries properties, and is not of TRACK_STATUS");
      }
    }
    const answer = message.kind === "request-ok" || message.kind === "request-error";
    if (answer && this.#updates.length > 0 && this.#answered) {
      const { answer, answered } = this.#updates.shift()!;
      answered?.(message);
      return answer.resolve(message);
    }
    this.#answered = true;
    this.#handler.message(this.#owned(message));
  }

  /** Puts in the request's id, and names the answer to PUBLISH for what it is. */
  #owned(message: ControlMessage): ControlMessage {
    const { requestId } = this;
    if (message.kind === "request-ok" && this.#kind === "publish") {
      return { kind: "publish-ok", requestId, parameters: message.parameters };
    }
    return "requestId" in message && message.kind !== "goaway"
      ? { ...message, requestId }
      : message;
  }

  /** Sends a message of this request. */
  send(message: ControlMessage): void {
    if (this.#over || this.#finished) return;
    const isAnswer = message.kind === "request-ok" || message.kind === "request-error";
    if (isAnswer && message.requestId !== this.requestId) this.#unanswered--;
    this.#writer.send(message);
  }

  /** Changes the request. */
  async update(
    parameters: Parameters,
    answered?: (answer: UpdateAnswer) => void,
  ): Promise<UpdateAnswer> {
    const most = Math.min(MAX_UPDATES, this.#host.maxUpdates?.() || MAX_UPDATES);
    if (this.#updates.length + this.#begun >= most) {
      throw new RangeError(`${most} updates of a request wait for answers already`);
    }
    this.#begun++;
    const id = await this.#host.nextId().finally(() => this.#begun--);
    const answer = Promise.withResolvers<UpdateAnswer>();
    answer.promise.catch(() => {});
    if (this.#over) throw new TransportError("the request is over");
    this.#updates.push({ answer, answered });
    this.#answered = true;
    this.#writer.send({
      kind: "request-update",
      requestId: id,
      existingRequestId: this.requestId,
      parameters,
    });
    return await answer.promise;
  }

  /** Asks the peer to make the request elsewhere. */
  goaway(uri: string, timeoutMs: number): void {
    if (!hasRequestStreams(this.#version)) {
      throw new TypeError(`draft ${this.#version} has no GOAWAY for one request`);
    }
    if (this.#over || this.#finished || this.#wentAway !== undefined) return;
    this.#writer.send({ kind: "goaway", uri, timeoutMs });
    const late = () => this.cancel("going-away");
    this.#wentAway = timeoutMs === 0 ? 0 : setTimeout(late, timeoutMs);
  }

  /** Sends FIN. */
  finish(): void {
    if (this.#finished || this.#over) return;
    this.#finished = true;
    this.#writer.finish();
    // Who answers has the last word; the requester then ends its side. Stopping that would look like a
    // cancellation, which may overtake what was said last.
    if (this.#heard || !this.#ours) this.#end();
  }

  #stop(code: ResetName): void {
    const reason = this.#reason(code);
    this.#stream.readable.cancel(reason).catch(() => {});
    this.#heard = true;
    this.#end();
  }

  #reason(code: ResetName): TransportError {
    return new TransportError(code, { streamErrorCode: resetCode(code, this.#version) });
  }

  /** Resets the stream, and stops the peer's. */
  cancel(code: ResetName = "cancelled"): void {
    if (this.#over) return;
    if (!this.#finished) this.#writer.abort(this.#reason(code));
    this.#stop(code);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#wentAway);
    const error = new TransportError("the request is over");
    for (const { answer } of this.#updates.splice(0)) answer.reject(error);
    if (!this.#ours && this.requestId >= 0) this.#host.over?.();
  }
}
