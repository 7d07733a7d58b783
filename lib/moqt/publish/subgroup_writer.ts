/**
 * One subgroup's stream, as its publisher writes it. An object goes out at once where nothing is under
 * way; small ones that come meanwhile go together with the next write. No timer is involved.
 *
 * @module
 */
import { type SendStream, TransportError } from "../../transport/connection.ts";
import { resetCode, type ResetName } from "../codes.ts";
import { SubgroupEncoder, type SubgroupObject } from "../data/subgroup.ts";
import type { Version } from "../versions.ts";
import { type Batch, borrowBatch, DIRECT_BYTES, returnBatch } from "./batches.ts";
import { DeliveryTimer } from "./delivery_timer.ts";

/** An object to send. */
export interface OutgoingObject {
  /** Its id; default: the one after the last. */
  id?: number;
  /** Its bytes. Below 16 KiB they are copied at once; from there on they must not change before the transport took them. */
  payload: Uint8Array;
  /** Its properties. */
  properties?: SubgroupObject["properties"];
  /** What it is; default `normal`. */
  status?: SubgroupObject["status"];
}

/** An object that did not fit any more. */
interface Waiting {
  object: OutgoingObject;
  since: number;
  taken: PromiseWithResolvers<void>;
}

/** Says of an object whether the subscriber wants it. */
type Passes = (id: number, properties: SubgroupObject["properties"]) => boolean;

/** One subgroup's stream. */
export class SubgroupWriter implements AsyncDisposable {
  readonly #stream: SendStream;
  readonly #version: Version;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder: SubgroupEncoder;
  readonly #timer: DeliveryTimer;
  readonly #endTimeoutMs: () => number | undefined;
  readonly #over: () => void;
  readonly #passes: Passes | undefined;
  /** What the stream begins with, until it is written. */
  #head: Uint8Array | undefined;
  /** What the transport has not taken yet. */
  #underWay: Batch | undefined;
  /** What gathers meanwhile. */
  #next: Batch | undefined;
  /** What does not fit there; only where writes are not awaited. */
  readonly #waiting: Waiting[] = [];
  #ready: PromiseWithResolvers<void> | undefined;
  #id = 0;
  #state: "open" | "closed" | "reset" = "open";
  #closing: Promise<void> | undefined;
  #reason: unknown;

  /** Made by its publication. */
  constructor(
    stream: SendStream,
    version: Version,
    options: {
      head: Uint8Array;
      hasProperties: boolean;
      timeoutMs: () => number | undefined;
      endTimeoutMs: () => number | undefined;
      over: () => void;
      /** Whether the subscriber wants an object; absent: all of them. */
      passes?: Passes;
    },
  ) {
    this.#stream = stream;
    this.#version = version;
    this.#head = options.head;
    this.#endTimeoutMs = options.endTimeoutMs;
    this.#over = options.over;
    this.#passes = options.passes;
    this.#writer = stream.getWriter();
    this.#encoder = new SubgroupEncoder(options, version);
    this.#timer = new DeliveryTimer(options.timeoutMs, {
      oldest: () => (this.#underWay ?? this.#next)?.since,
      late: () => this.reset("delivery-timeout"),
    });
    this.#writer.closed.catch((error) => this.#failed(error));
  }

  /** Whether it is open, ended, or was cut off by either side. */
  get state(): "open" | "closed" | "reset" {
    return this.#state;
  }

  /** The stream's priority; higher ones go first. */
  set sendOrder(order: number) {
    this.#stream.sendOrder = order;
  }

  /**
   * Sends an object; resolves when the transport took its bytes, so awaiting it is the backpressure.
   * Rejects where the stream was cut off: by the subscriber, or because the object's delivery timed
   * out. Where writes are not awaited, objects pile up.
   */
  write(object: OutgoingObject): Promise<void> {
    try {
      this.#assertOpen();
      if (this.#hasRoom(object)) {
        if (this.#skips(object)) return Promise.resolve();
        const batch = this.#add(object);
        this.#sendNext();
        return batch.taken;
      }
    } catch (error) {
      return Promise.reject(error);
    }
    const taken = Promise.withResolvers<void>();
    this.#waiting.push({ object, since: performance.now(), taken });
    return taken.promise;
  }

  /**
   * Sends an object if there is room for it, which costs no promise: the way of loops that send many.
   * False: nothing was done; await {@link ready} and try again. Throws where the stream is not open.
   *
   * ```ts
   * while (!writer.tryWrite(object)) await writer.ready;
   * ```
   */
  tryWrite(object: OutgoingObject): boolean {
    this.#assertOpen();
    if (!this.#hasRoom(object)) return false;
    if (this.#skips(object)) return true;
    this.#add(object);
    this.#sendNext();
    return true;
  }

  /** Sends the first of `objects`, as many as there is room for, together; returns how many. */
  tryWriteMany(objects: readonly OutgoingObject[]): number {
    this.#assertOpen();
    let count = 0;
    try {
      for (; count < objects.length && this.#hasRoom(objects[count]!); count++) {
        if (!this.#skips(objects[count]!)) this.#add(objects[count]!);
      }
    } finally {
      this.#sendNext();
    }
    return count;
  }

  /** Resolves when there is room after {@link tryWrite} found none, or the stream has ended. */
  get ready(): Promise<void> {
    if (this.#underWay === undefined) return Promise.resolve();
    return (this.#ready ??= Promise.withResolvers()).promise;
  }

  /** Resolves when the transport took all that was written; rejects where the stream was cut off. */
  get flushed(): Promise<void> {
    if (this.#state === "reset") return Promise.reject(this.#reason);
    return this.#waiting.at(-1)?.taken.promise ?? (this.#next ?? this.#underWay)?.taken ??
      Promise.resolve();
  }

  #assertOpen(): void {
    if (this.#state === "open" && this.#closing === undefined) return;
    const code = this.#reason instanceof TransportError ? this.#reason.streamErrorCode : null;
    throw new TransportError(`the stream is ${this.#state === "reset" ? "reset" : "closed"}`, {
      ...(code === null ? {} : { streamErrorCode: code }),
      cause: this.#reason,
    });
  }

  #hasRoom({ payload }: OutgoingObject): boolean {
    return this.#waiting.length === 0 &&
      (this.#next === undefined || this.#next.hasRoom(payload.length));
  }

  /** Passes over an object that the subscriber does not want. */
  #skips({ id = this.#id, properties }: OutgoingObject): boolean {
    if (this.#passes === undefined || this.#passes(id, properties)) return false;
    this.#id = id + 1;
    return true;
  }

  /** Adds to what is written next. */
  #add({ id = this.#id, payload, properties, status }: OutgoingObject, since?: number): Batch {
    const batch = this.#next ?? this.#begin(since);
    const fields = { id, status: status ?? "normal", properties, payload };
    this.#encoder.encodeHead(fields, batch.writer);
    this.#next = batch;
    this.#id = id + 1;
    if (payload.length < DIRECT_BYTES) batch.writer.bytes(payload);
    else batch.direct = payload;
    return batch;
  }

  #begin(since = performance.now()): Batch {
    const batch = borrowBatch(this.#version);
    batch.since = since;
    if (this.#head !== undefined) batch.writer.bytes(this.#head);
    this.#timer.start();
    return batch;
  }

  /** Writes what gathered where nothing is under way. */
  #sendNext(): void {
    const batch = this.#next;
    if (batch === undefined || this.#underWay !== undefined) return;
    this.#next = undefined;
    this.#underWay = batch;
    this.#head = undefined;
    let written = this.#writer.write(batch.writer.finish());
    if (batch.direct !== undefined) {
      written.catch(() => {});
      written = this.#writer.write(batch.direct);
    }
    written.then(() => this.#taken(batch), (error) => this.#failed(error));
  }

  #taken(batch: Batch): void {
    if (this.#state !== "open") return;
    this.#underWay = undefined;
    returnBatch(batch);
    this.#refill();
    this.#sendNext();
    this.#ready?.resolve();
    this.#ready = undefined;
  }

  #refill(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { object, since, taken } = first;
      if (this.#next?.hasRoom(object.payload.length) === false) return;
      this.#waiting.shift();
      try {
        if (this.#skips(object)) taken.resolve();
        else this.#add(object, since).taken.then(taken.resolve, taken.reject);
      } catch (error) {
        taken.reject(error);
      }
    }
  }

  /**
   * Ends the stream once all that was written is taken: the subgroup is complete. Where that takes
   * longer than the subgroup's delivery timeout, the stream is cut off (draft-18, section 8).
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    if (this.#state !== "open") return;
    const timeoutMs = this.#underWay === undefined ? undefined : this.#endTimeoutMs();
    const late = timeoutMs === undefined
      ? undefined
      : setTimeout(() => this.reset("delivery-timeout"), timeoutMs);
    try {
      await this.flushed;
      if (this.#head !== undefined) await this.#writer.write(this.#head);
      await this.#writer.close();
      this.#ended("closed");
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(late);
    }
  }

  /** Cuts the stream off. Idempotent. */
  reset(reason: ResetName): void {
    if (this.#state !== "open") return;
    const error = new TransportError(reason, {
      streamErrorCode: resetCode(reason, this.#version),
    });
    this.#writer.abort(error).catch(() => {});
    this.#failed(error);
  }

  /** Cuts the stream off unless it was closed: what is left early is not complete. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing === undefined) this.reset("internal-error");
    else await this.#closing;
  }

  #failed(error: unknown): void {
    if (this.#state !== "open") return;
    this.#reason = error;
    // The transport may still look at their memory: nobody gets it again.
    this.#underWay?.fail(error);
    this.#next?.fail(error);
    for (const { taken } of this.#waiting.splice(0)) taken.reject(error);
    this.#ended("reset");
  }

  #ended(state: "closed" | "reset"): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#timer.stop();
    this.#ready?.resolve();
    this.#underWay = this.#next = this.#ready = undefined;
    this.#over();
  }
}
