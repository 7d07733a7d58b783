/**
 * The peer's unidirectional streams and datagrams, given to whom they belong.
 *
 * @module
 */
import { concat } from "../../bytes/concat.ts";
import { type Connection, type ReceiveStream, TransportError } from "../../transport/connection.ts";
import { resetCode } from "../codes.ts";
import { decodeDatagram } from "../data/datagram.ts";
import { FETCH_STREAM, FetchParser } from "../data/fetch.ts";
import { isSubgroupType, SubgroupParser } from "../data/subgroup.ts";
import { MoqtViolation, violation } from "../errors.ts";
import { hasPadding, hasRequestStreams, type Version } from "../versions.ts";
import { integersOf } from "../wire/integers.ts";
import type { Fetched } from "./fetch.ts";
import { ForwardReceiver } from "./forward.ts";
import type { Subscription } from "./subscription.ts";
import { Turns } from "./turns.ts";

const SETUP_STREAM = 0x2f00;
const PADDING_STREAM = 0x132b3e28;

/**
 * Streams that wait: for the message that tells their track, or for its reader. With so many, no more
 * are taken, which holds the peer back: what was read of a stream gives its credit back, so that the
 * transport alone would let any number of short ones wait.
 */
const MAX_WAITING = 1024;

/** Who streams belong to. */
export interface DataOwner {
  /** The subscription of an alias; waits a little for it. Undefined: nobody wants the stream. */
  subscription(alias: number): Promise<Subscription | undefined>;
  /** The subscription of an alias that is there now. */
  knownSubscription(alias: number): Subscription | undefined;
  /** The fetch of an id. */
  fetched(requestId: number): Fetched | undefined;
  /** The peer's control stream, and what was read of it. */
  control(stream: ReceiveStream, first: Uint8Array): void;
  /** The peer broke a rule, or the connection is lost. */
  fail(error: unknown): void;
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** Reads all streams and datagrams of a connection. */
export class DataStreams {
  readonly #connection: Connection;
  readonly #version: Version;
  readonly #owner: DataOwner;
  readonly #maxObjectBytes: number;
  readonly #turns = new Turns();
  #waiting = 0;
  #goOn: (() => void) | undefined;

  /** Objects of more than `maxObjectBytes` close the session. */
  constructor(
    connection: Connection,
    version: Version,
    owner: DataOwner,
    maxObjectBytes: number,
  ) {
    this.#connection = connection;
    this.#version = version;
    this.#owner = owner;
    this.#maxObjectBytes = maxObjectBytes;
  }

  /** Begins. */
  start(): void {
    this.#streams().catch((error) => this.#owner.fail(error));
    this.#datagrams().catch((error) => this.#owner.fail(error));
  }

  async #streams(): Promise<void> {
    const streams = this.#connection.incomingUnidirectionalStreams;
    for await (const stream of streams.values({ preventCancel: true })) {
      this.#stream(stream).catch((error) => {
        // A reset says that the rest of one stream does not come, which concerns only that stream.
        if (error instanceof MoqtViolation) this.#owner.fail(error);
      });
      const turn = this.#turns.step();
      if (turn !== undefined) await turn;
      while (this.#waiting >= MAX_WAITING) {
        await new Promise<void>((resolve) => this.#goOn = resolve);
        this.#goOn = undefined;
      }
    }
  }

  /** Waits for what a stream cannot go on without. */
  async #hold<T>(wait: Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      return await wait;
    } finally {
      this.#waiting--;
      this.#goOn?.();
    }
  }

  async #datagrams(): Promise<void> {
    const datagrams = this.#connection.datagrams.readable;
    for await (const bytes of datagrams.values({ preventCancel: true })) {
      const object = decodeDatagram(bytes, this.#version);
      if (object === undefined) continue;
      this.#owner.knownSubscription(object.trackAlias)?.datagram(object);
    }
  }

  async #stream(stream: ReceiveStream): Promise<void> {
    const reader = stream.getReader();
    const start = await this.#type(reader);
    if (start === undefined) return;
    const { type, first } = start;
    if (isSubgroupType(type, this.#version)) await this.#subgroup(reader, first);
    else if (type === FETCH_STREAM) await this.#fetch(reader, first);
    else if (type === SETUP_STREAM && hasRequestStreams(this.#version)) {
      reader.releaseLock();
      this.#owner.control(stream, first);
    } else if (type === PADDING_STREAM && hasPadding(this.#version)) this.#stop(reader);
    else throw violation(`0x${type.toString(16)} is no stream's type`);
  }

  async #type(reader: Reader): Promise<{ type: number; first: Uint8Array } | undefined> {
    const integers = integersOf(this.#version);
    let first: Uint8Array = new Uint8Array(0);
    while (true) {
      if (first.length > 0 && first.length >= integers.length(first[0]!)) {
        return { type: integers.read(first, 0), first };
      }
      const { done, value } = await reader.read();
      if (done) {
        if (first.length > 0) throw violation("a stream ends inside its type");
        return undefined;
      }
      first = first.length === 0 ? value : concat(first, value);
    }
  }

  #stop(reader: Reader): void {
    const error = new TransportError("cancelled", {
      streamErrorCode: resetCode("cancelled", this.#version),
    });
    reader.cancel(error).catch(() => {});
  }

  async #subgroup(reader: Reader, first: Uint8Array): Promise<void> {
    const parser = new SubgroupParser(this.#version, this.#maxObjectBytes);
    parser.push(first);
    let header = parser.header();
    while (header === undefined) {
      const { done, value } = await reader.read();
      if (done) throw violation("a stream ends inside its header");
      parser.push(value);
      header = parser.header();
    }
    const subscription = this.#owner.knownSubscription(header.trackAlias) ??
      await this.#hold(this.#owner.subscription(header.trackAlias));
    if (subscription === undefined) return this.#stop(reader);
    const opened = subscription.opened(header, this.#maxObjectBytes);
    const receiver = opened instanceof Promise ? await this.#hold(opened) : opened;
    if (receiver === undefined) return this.#stop(reader);
    if (receiver instanceof ForwardReceiver) {
      return receiver.run(reader, parser.rest(), (wait) => this.#hold(wait));
    }
    receiver.onStop(() => this.#stop(reader));
    let whole = false;
    try {
      let before: Uint8Array | undefined;
      while (true) {
        for (let wait = receiver.take(parser); wait !== undefined; wait = receiver.take(parser)) {
          await this.#hold(wait);
        }
        const turn = this.#turns.step();
        if (turn !== undefined) await turn;
        const { done, value } = await reader.read();
        if (done) break;
        // What was not taken of the bytes before is copied here.
        parser.push(value);
        if (before !== undefined) receiver.spent(before);
        before = value;
      }
      if (receiver.isStopped) return;
      if (!parser.between) throw violation("a stream ends inside an object");
      whole = true;
    } finally {
      receiver.ended(whole);
    }
  }

  async #fetch(reader: Reader, first: Uint8Array): Promise<void> {
    const parser = new FetchParser(this.#version, this.#maxObjectBytes);
    parser.push(first);
    let requestId = parser.requestId();
    while (requestId === undefined) {
      const { done, value } = await reader.read();
      if (done) throw violation("a stream ends inside its header");
      parser.push(value);
      requestId = parser.requestId();
    }
    const fetched = this.#owner.fetched(requestId);
    if (fetched === undefined) return this.#stop(reader);
    fetched.opened();
    parser.order = fetched.order;
    const stop = () => this.#stop(reader);
    fetched.signal.addEventListener("abort", stop, { once: true });
    try {
      while (true) {
        for (let next = parser.next(); next !== undefined; next = parser.next()) {
          await fetched.item(next);
        }
        const { done, value } = await reader.read();
        if (done) break;
        parser.push(value);
      }
      if (!fetched.signal.aborted && !parser.between) {
        throw violation("a stream ends inside an object");
      }
      fetched.ended();
    } catch (error) {
      fetched.ended(error);
      throw error;
    } finally {
      fetched.signal.removeEventListener("abort", stop);
    }
  }
}
