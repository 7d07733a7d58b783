/**
 * Namespaces below a prefix, where they are told as if nobody had asked: with PUBLISH_NAMESPACE and
 * PUBLISH_NAMESPACE_DONE (draft-14, section 6.1). Makes of them the messages of later drafts, which
 * belong to the request that asked.
 *
 * @module
 */
import type { ControlMessage, MessageOf } from "../messages/control.ts";
import { formatNamespace, hasPrefix, type Namespace } from "../wire/track_name.ts";
import type { ChannelHandler, RequestMessage } from "./channel.ts";
import type { VirtualChannel } from "./virtual_channel.ts";

/** What announcements need of the control stream. */
export interface AnnouncementHost {
  /** The requests that are open. */
  channels(): Iterable<VirtualChannel>;
  /** Makes a request. */
  request(message: RequestMessage, handler: ChannelHandler): Promise<VirtualChannel>;
}

/** The namespaces of one session that were told because they were asked for. */
export class Announcements {
  readonly #host: AnnouncementHost;
  /** Ours, by the peer's request that asked. */
  readonly #told = new Map<VirtualChannel, Map<string, { over: boolean; made?: VirtualChannel }>>();
  /** The peer's, by our request that asked. */
  readonly #heard = new Map<VirtualChannel, Set<VirtualChannel>>();

  /** Works over a control stream. */
  constructor(host: AnnouncementHost) {
    this.#host = host;
  }

  /** Sends what tells of a namespace; false: the message does not. */
  send(asked: VirtualChannel, message: ControlMessage): boolean {
    if (message.kind !== "namespace" && message.kind !== "namespace-done") return false;
    const namespace = [...asked.subject!, ...message.suffix];
    const told = this.#told.get(asked) ?? new Map();
    this.#told.set(asked, told);
    const key = formatNamespace(namespace);
    this.#withdraw(told, key);
    if (message.kind === "namespace") this.#announce(told, key, namespace);
    return true;
  }

  #announce(
    told: Map<string, { over: boolean; made?: VirtualChannel }>,
    key: string,
    namespace: Namespace,
  ): void {
    const announcement: { over: boolean; made?: VirtualChannel } = { over: false };
    told.set(key, announcement);
    const over = () => {
      announcement.over = true;
      announcement.made?.finish();
    };
    this.#host.request(
      { kind: "publish-namespace", requestId: 0, namespace, parameters: {} },
      {
        // Whether the peer takes it is of no consequence: it asked.
        message: (answer) => {
          if (answer.kind === "request-error") over();
        },
        update: () => {},
        canceled: over,
      },
    ).then((made) => {
      announcement.made = made;
      if (announcement.over) made.cancel();
    }, over);
  }

  #withdraw(
    told: Map<string, { over: boolean; made?: VirtualChannel }>,
    key: string,
  ): void {
    const announcement = told.get(key);
    if (announcement === undefined) return;
    told.delete(key);
    if (!announcement.over) announcement.made?.cancel();
    announcement.over = true;
  }

  /** Takes a namespace that was asked for; false: nobody asked. */
  take(message: MessageOf<"publish-namespace">, channel: VirtualChannel): boolean {
    const { namespace } = message;
    for (const asked of this.#host.channels()) {
      const { kind, ours, subject } = asked;
      if (kind !== "subscribe-namespace" || !ours || !hasPrefix(namespace, subject!)) continue;
      const suffix = namespace.slice(subject!.length);
      const heard = this.#heard.get(asked) ?? new Set();
      this.#heard.set(asked, heard.add(channel));
      channel.handler = {
        message: () => {},
        update: () => {},
        canceled: () => {
          if (heard.delete(channel)) asked.handler.message({ kind: "namespace-done", suffix });
        },
      };
      channel.send({ kind: "request-ok", requestId: channel.requestId, parameters: {} });
      asked.handler.message({ kind: "namespace", suffix });
      return true;
    }
    return false;
  }

  /** A request is over. */
  forget(asked: VirtualChannel): void {
    const told = this.#told.get(asked);
    this.#told.delete(asked);
    for (const key of [...told?.keys() ?? []]) this.#withdraw(told!, key);
    const heard = this.#heard.get(asked) ?? [];
    this.#heard.delete(asked);
    for (const channel of [...heard]) channel.finish();
  }
}
