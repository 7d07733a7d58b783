/**
 * The server's side of the page's WebSocket (`lib/web/wire.ts` describes the messages).
 *
 * @module
 */
import { XoqError } from "../../errors.ts";
import { streamInfo } from "../../media/bitstream.ts";
import { nowMicros } from "../../media/clock.ts";
import { CmafWriter, DEFAULT_TIMESCALE, fitsMp4, mp4MimeType } from "../../media/cmaf.ts";
import type { Feed, FeedState } from "../../media/feed.ts";
import type { EncodedFrame } from "../../media/frame.ts";
import {
  encodeMedia,
  MAX_TEXT,
  type PageMessage,
  type ServerMessage,
  WINDOW,
} from "../../web/wire.ts";
import { type ClientSeat, isServerClosing } from "./http_clients.ts";

/** How often counters are sent, in ms. */
const STATS_MS = 1000;

/** Serves one page until it goes. */
export class PageSocket {
  readonly #socket: WebSocket;
  readonly #feed: Feed;
  readonly #device: string;
  readonly #seat: ClientSeat;
  readonly #clients: () => number;
  readonly #unsubscribe: () => void;
  #watch: AbortController | undefined;
  #sent = 0;
  #acknowledged = 0;
  #room: (() => void) | undefined;
  #statsAt = 0;

  /** Begins to serve as soon as the socket is open. `clients` says how many watch now. */
  constructor(
    socket: WebSocket,
    feed: Feed,
    device: string,
    seat: ClientSeat,
    clients: () => number,
  ) {
    this.#socket = socket;
    this.#feed = feed;
    this.#device = device;
    this.#seat = seat;
    this.#clients = clients;
    socket.binaryType = "arraybuffer";
    this.#unsubscribe = feed.onState((state) => this.#sendState(state));
    socket.onopen = () => {
      this.#send({ t: "hello", version: 1, device: this.#device });
      this.#sendState(feed.state);
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#gone();
    // An error is always followed by close.
    socket.onerror = () => {};
    seat.signal.addEventListener("abort", () => {
      this.#gone();
      const closing = isServerClosing(seat.signal.reason);
      try {
        socket.close(closing ? 1001 : 1013, closing ? "server closes" : "page reads nothing");
      } catch {
        // still connecting, or closed already
      }
    }, { once: true });
  }

  #gone(): void {
    this.#unsubscribe();
    this.#watch?.abort();
    this.#watch = undefined;
    this.#room?.();
    this.#seat[Symbol.dispose]();
  }

  #send(message: ServerMessage | Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  #sendState(state: FeedState): void {
    this.#send({ t: "state", ...state });
  }

  #receive(data: unknown): void {
    if (typeof data !== "string" || data.length > MAX_TEXT) return;
    let message: PageMessage;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    switch (message?.t) {
      case "watch":
        this.#begin(message.as);
        break;
      case "ack":
        this.#acknowledge(message.n);
        break;
      case "ping":
        if (typeof message.sent === "number") {
          this.#send({ t: "pong", sent: message.sent, now: nowMicros() });
        }
        break;
      case "key":
        this.#feed.requestKeyFrame();
    }
  }

  #acknowledge(count: unknown): void {
    if (typeof count !== "number" || !(count > this.#acknowledged && count <= this.#sent)) return;
    this.#acknowledged = count;
    // Each acknowledgement is a sign of life, also from a page that always has something under way.
    this.#seat.idle();
    if (count < this.#sent) this.#seat.busy();
    this.#room?.();
  }

  #begin(as: "frames" | "mp4" | "nothing"): void {
    this.#watch?.abort();
    this.#room?.();
    this.#watch = undefined;
    this.#sent = this.#acknowledged = 0;
    this.#seat.idle();
    if (as !== "frames" && as !== "mp4") return;
    const watch = new AbortController();
    this.#watch = watch;
    const run = as === "frames" ? this.#sendFrames(watch.signal) : this.#sendMp4(watch.signal);
    run.catch((error) => {
      if (watch.signal.aborted) return;
      const message = error instanceof XoqError && error.hint
        ? `${error.message}: ${error.hint}`
        : error?.message ?? String(error);
      this.#send({ t: "error", message });
    });
  }

  /** Frames for this page; the next one is taken only when there is room for it. */
  async *#frames(signal: AbortSignal): AsyncGenerator<EncodedFrame> {
    using subscription = this.#feed.subscribe({ signal });
    this.#seat.subscription = subscription;
    for (;;) {
      while (this.#sent - this.#acknowledged >= WINDOW && !signal.aborted) {
        await new Promise<void>((resolve) => this.#room = resolve);
        this.#room = undefined;
      }
      const result = await subscription.next();
      if (result.done || signal.aborted) return;
      yield result.value;
      this.#sendStats(subscription.stats);
    }
  }

  #sendStats(stats: { delivered: number; dropped: number }): void {
    const now = performance.now();
    if (now - this.#statsAt < STATS_MS) return;
    this.#statsAt = now;
    const { delivered, dropped } = stats;
    this.#send({ t: "stats", delivered, dropped, clients: this.#clients() });
  }

  #sendMedia(kind: number, frame: EncodedFrame, payload: Uint8Array, mediaTime: number): void {
    this.#sent++;
    this.#seat.busy();
    const { key, sequence, captureTime } = frame;
    this.#send(encodeMedia({ kind, key, sequence, captureTime, mediaTime, payload }));
  }

  async #sendFrames(signal: AbortSignal): Promise<void> {
    let known = "";
    for await (const frame of this.#frames(signal)) {
      if (frame.key) known = await this.#describe(frame, known);
      if (signal.aborted) return;
      this.#sendMedia(1, frame, frame.data, 0);
    }
  }

  async #sendMp4(signal: AbortSignal): Promise<void> {
    const { fps } = await this.#feed.description();
    const writer = new CmafWriter({ fps, timeline: "contiguous" });
    let known = "";
    for await (const frame of this.#frames(signal)) {
      const chunk = writer.write(frame);
      if (chunk === undefined) continue;
      const mediaTime = chunk.at.time / DEFAULT_TIMESCALE * 1e6;
      if (chunk.init !== undefined) {
        known = await this.#describe(frame, known);
        if (signal.aborted) return;
        this.#sendMedia(2, frame, chunk.init, mediaTime);
      }
      this.#sendMedia(3, frame, chunk.fragment, mediaTime);
    }
  }

  /** Says what the frames are from this key frame on, if that is news. */
  async #describe(keyFrame: EncodedFrame, known: string): Promise<string> {
    const info = streamInfo(keyFrame.codec, keyFrame.data);
    const { codec, codecString, width, height } = info;
    const stream = `${codecString} ${width}×${height}`;
    if (stream === known) return known;
    const { fps, encoder } = await this.#feed.description();
    const mime = fitsMp4(codec) ? mp4MimeType(info) : "";
    this.#send({ t: "stream", codec, codecString, mime, width, height, fps, encoder });
    return stream;
  }
}
