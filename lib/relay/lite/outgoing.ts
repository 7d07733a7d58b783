/**
 * A track that the relay sends by moq-lite, as the relay sends tracks: groups are the streams of
 * subgroup 0, and objects that come in datagrams are groups of one frame.
 *
 * @module
 */
import type { SendStream } from "../../transport/connection.ts";
import type { DoneName, ResetName } from "../../moqt/codes.ts";
import type { ObjectDatagram } from "../../moqt/data/datagram.ts";
import type { SubgroupHeader } from "../../moqt/data/subgroup.ts";
import { LiteStreamError, resetReason } from "../../moqt/lite/errors.ts";
import { encodeFrame } from "../../moqt/lite/messages/group.ts";
import type { LitePublication } from "../../moqt/lite/publication.ts";
import { LITE_RESETS, type LiteResetName } from "../../moqt/lite/versions.ts";
import { sendOrderOf } from "../../moqt/publish/publication.ts";
import type { Location } from "../../moqt/wire/location.ts";
import type { Parameters } from "../../moqt/wire/parameters.ts";
import type { RelayPublication, RelayWriter } from "../session.ts";

/** Groups whose streams began, so that none begins twice; older ones are too late to begin. */
const KNOWN_GROUPS = 256;
/** Datagrams that are on their way as groups; further ones are dropped, as datagrams are. */
const MAX_DATAGRAMS = 64;
/** Ends at which a subscriber that asks again may find the track. */
const AGAIN: ReadonlySet<DoneName> = new Set(["going-away", "internal-error", "excessive-load"]);

/** A subscription of somebody who speaks moq-lite. */
export class LiteOutgoing implements RelayPublication {
  readonly #publication: LitePublication;
  readonly #groups = new Set<number>();
  readonly #writers = new Set<GroupWriter>();
  #datagrams = 0;
  #ending = false;
  #parameters: Parameters;
  /** Where it begins. */
  readonly start: Location;
  /** The same, as there is no other filter. */
  readonly largest: Location;
  /** moq-lite has none. */
  readonly deliveryTimeoutMs: undefined = undefined;
  /** Resolves when it is over. */
  readonly closed: Promise<void>;

  /** Sends from a group on. */
  constructor(publication: LitePublication, group: number) {
    this.#publication = publication;
    this.start = { group, object: 0 };
    this.largest = this.start;
    this.#parameters = {
      forward: true,
      priority: 255 - publication.priority,
      groupOrder: "descending",
      filter: { from: "start", start: this.start },
    };
    this.closed = new Promise((resolve) => {
      publication.signal.addEventListener("abort", () => {
        for (const writer of [...this.#writers]) writer.reset("cancelled");
        resolve();
      }, { once: true });
    });
  }

  /** The largest location is nobody's business. */
  follow(): void {}

  /** Everything from the newest group's beginning on. */
  get parameters(): Parameters {
    return this.#parameters;
  }

  /** Calls back when the subscriber changes its priority, which is all it can. */
  onUpdate(listener: (parameters: Parameters) => void): () => void {
    return this.#publication.onUpdate((priority) => {
      this.#parameters = { ...this.#parameters, priority: 255 - priority };
      listener(this.#parameters);
    });
  }

  /** The order in which a group's stream is sent: the subscriber's priority, then newer ones first. */
  sendOrder(group: number, priority: number = DEFAULT_PRIORITY): number {
    return sendOrderOf(255 - this.#publication.priority, priority, group, "descending");
  }

  /** Opens a group's stream. Rejects for other subgroups than the first, and for groups that were sent. */
  async forward(
    header: Omit<SubgroupHeader, "trackAlias">,
    signal?: AbortSignal,
  ): Promise<RelayWriter> {
    const { group, subgroup, firstObject, priority } = header;
    if (subgroup !== 0 && subgroup !== "first-object" || firstObject === false) {
      throw new LiteStreamError("unroutable", "moq-lite has no such stream");
    }
    this.#claim(group);
    const sendOrder = this.sendOrder(group, priority);
    const { stream, head } = await this.#publication.group(group, {
      sendOrder,
      ...(signal === undefined ? {} : { signal }),
    });
    const writer: GroupWriter = new GroupWriter(stream, head, () => this.#writers.delete(writer));
    this.#writers.add(writer);
    if (this.#publication.signal.aborted) writer.reset("cancelled");
    return writer;
  }

  #claim(group: number): void {
    if (this.#groups.has(group)) throw new LiteStreamError("old", "the group was sent already");
    this.#groups.add(group);
    if (this.#groups.size <= KNOWN_GROUPS) return;
    const [oldest] = this.#groups;
    this.#groups.delete(oldest!);
  }

  /** Sends what came in a datagram, where it is all of its group; false: it was dropped. */
  datagram(object: Omit<ObjectDatagram, "trackAlias">): boolean {
    const { group, id, status, payload, priority } = object;
    if (id !== 0 || status !== "normal" || this.#datagrams >= MAX_DATAGRAMS || this.#ending) {
      return false;
    }
    this.#datagrams++;
    const header = {
      group,
      subgroup: 0,
      hasProperties: false,
      endOfGroup: true,
      ...(priority === undefined ? {} : { priority }),
    };
    const send = async () => {
      const writer = await this.forward(header);
      await writer.write(encodeFrame(payload));
      await writer.close();
    };
    // Who is gone, or has it, gets nothing.
    send().catch(() => {}).finally(() => this.#datagrams--);
    return true;
  }

  /** Says that nothing follows, and why. Streams that are open are reset. Idempotent. */
  done(reason: DoneName = "track-ended"): void {
    if (this.#ending) return;
    this.#ending = true;
    for (const writer of [...this.#writers]) writer.reset("cancelled");
    if (AGAIN.has(reason)) this.#publication.reset("going-away");
    else this.#publication.finish();
  }
}

const DEFAULT_PRIORITY = 128;

/** One group's stream. */
class GroupWriter implements RelayWriter {
  readonly #stream: SendStream;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #over: () => void;
  #head: Uint8Array | undefined;
  #isOver = false;

  constructor(stream: SendStream, head: Uint8Array, over: () => void) {
    this.#stream = stream;
    this.#head = head;
    this.#over = over;
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => this.#end());
  }

  set sendOrder(order: number) {
    this.#stream.sendOrder = order;
  }

  get sendOrder(): number {
    return this.#stream.sendOrder;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const head = this.#head;
    this.#head = undefined;
    if (head === undefined) return await this.#writer.write(bytes);
    const both = new Uint8Array(head.length + bytes.length);
    both.set(head);
    both.set(bytes, head.length);
    await this.#writer.write(both);
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    try {
      if (this.#head !== undefined) await this.#writer.write(this.#head);
      await this.#writer.close();
    } catch {
      // The subscriber did not want it any more.
    }
    this.#end();
  }

  reset(reason: ResetName): void {
    if (this.#isOver) return;
    this.#writer.abort(resetReason(LITE_NAMES[reason] ?? liteName(reason))).catch(() => {});
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over();
  }
}

/** Names of MoQT that moq-lite has another for. */
const LITE_NAMES: Readonly<Partial<Record<ResetName, LiteResetName>>> = {
  "delivery-timeout": "old",
};

function liteName(name: ResetName): LiteResetName {
  return name in LITE_RESETS ? name as LiteResetName : "internal-error";
}
