/**
 * A camera across the network as a {@link Feed}: attaches, reconnects by itself, watches only while
 * somebody reads, and never hands an old picture on as new.
 *
 * @module
 */
import { DeniedError, LostError, XoqError } from "../errors.ts";
import { Fanout } from "../media/fanout.ts";
import type { EncodedFrame, StreamDescription, VideoCodec } from "../media/frame.ts";
import { VIDEO_CODECS } from "../media/frame.ts";
import type { Attachment, RemoteControl, RemoteDevice } from "../remote.ts";
import { stayAttached } from "../stay_attached.ts";
import { CLOSE } from "../transport/close_codes.ts";
import { type Connection, TransportError } from "../transport/connection.ts";
import { Arrival, Linger } from "./arrival.ts";
import { CAMERA_PROTOCOLS, codecOfProtocol, LEGACY_JPEG_PROTOCOL, PictureParser } from "./wire.ts";

/** What happens to the attachment, for people and `--json`. */
export type RemoteCameraEvent =
  | { type: "attached"; attachment: Attachment }
  | { type: "lost"; reason: string }
  | { type: "retry"; error: unknown };

/** Counters since the beginning. */
export interface RemoteCameraStats {
  /** Pictures received. */
  received: number;
  /** Bytes of pictures received. */
  bytes: number;
  /** Pictures dropped here because they came too late. */
  stale: number;
  /** Times the connection was made anew. */
  reconnects: number;
  /** Capture to arrival of the newest picture in milliseconds, by both clocks; `undefined` without `xoq/1`. */
  latencyMs: number | undefined;
}

/** See the module. */
export class RemoteCamera {
  /** The stream. */
  readonly feed: Fanout;
  /** Called on every change. */
  onEvent: ((event: RemoteCameraEvent) => void) | undefined;
  readonly #remote: RemoteDevice;
  readonly #stats: RemoteCameraStats = {
    received: 0,
    bytes: 0,
    stale: 0,
    reconnects: 0,
    latencyMs: undefined,
  };
  #control: RemoteControl | undefined;
  #described: StreamDescription | undefined;
  /** The ALPN that worked last; at first the one most likely. */
  #protocol: string = CAMERA_PROTOCOLS.h264;
  #wanted = false;
  #demandChanged = Promise.withResolvers<void>();

  /**
   * Makes a feed that is not attached yet: see {@link run}.
   * @param options.eager ask for the stream with the first attachment, though nobody reads yet:
   *   saves a sink that first wants the description a round trip.
   */
  constructor(remote: RemoteDevice, options: { eager?: boolean } = {}) {
    this.#remote = remote;
    this.#wanted = options.eager ?? false;
    this.feed = new Fanout({
      onKeyFrameWanted: () => this.#control?.configure({ key: true }),
      onDemand: (wanted) => {
        this.#wanted = wanted;
        this.#demandChanged.resolve();
        this.#demandChanged = Promise.withResolvers();
      },
    });
  }

  /** The control side of the present attachment. */
  get control(): RemoteControl | undefined {
    return this.#control;
  }

  /** Counters now. */
  stats(): RemoteCameraStats {
    return { ...this.#stats };
  }

  /**
   * Attaches, and stays attached until the signal aborts. Throws what trying again can't mend
   * (`DeniedError`, `UsageError`, `NotFoundError`, `BusyError`), `UnreachableError` when the peer was
   * never reached in time, and `LostError` where reconnecting is switched off.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await stayAttached(this.#remote, {
        signal,
        hint: () => this.#wanted ? this.#protocol : undefined,
        use: (attachment) => this.#attached(attachment, signal),
        onRetry: (error) => this.onEvent?.({ type: "retry", error }),
        onLost: (reason) => {
          if (this.feed.state.state === "live") this.onEvent?.({ type: "lost", reason });
          this.feed.setState({ state: "lost", reason });
        },
        onReconnect: () => this.#stats.reconnects++,
      });
    } finally {
      this.#control = undefined;
      this.feed.setState({ state: "ended", reason: "closed" });
    }
  }

  /** Lives through one attachment. Always ends by throwing, or with the signal. */
  async #attached(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { control } = attachment;
    this.#control = control;
    const ended = AbortSignal.any([signal, attachment.signal]);
    const unsubscribe = control?.onEvent((event) => {
      if (event.type === "lost") {
        this.feed.setState({ state: "lost", reason: event.reason });
        this.onEvent?.({ type: "lost", reason: event.reason });
      } else if (event.type === "back") this.feed.setState({ state: "live" });
    });
    try {
      if (control !== undefined) {
        this.feed.setDescription(describe(control.description));
        this.#protocol = CAMERA_PROTOCOLS[describe(control.description).codec];
      }
      // Where the server tells of a lost device, that is what "live" means; else the stream itself.
      this.feed.setState({ state: "live" });
      this.onEvent?.({ type: "attached", attachment });
      for (;;) {
        // A server that says nothing of its stream must show it, else nobody knows what to want.
        if (control !== undefined || this.#described !== undefined) await this.#untilWanted(ended);
        ended.throwIfAborted();
        await this.#watch(attachment, ended);
      }
    } finally {
      unsubscribe?.();
      this.#control = undefined;
    }
  }

  async #untilWanted(ended: AbortSignal): Promise<void> {
    while (!this.#wanted && !ended.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => resolve();
      ended.addEventListener("abort", end, { once: true });
      await Promise.race([promise, this.#demandChanged.promise]);
      ended.removeEventListener("abort", end);
    }
  }

  /** Reads pictures until nobody wants them. Throws when the connection ends. */
  async #watch(attachment: Attachment, ended: AbortSignal): Promise<void> {
    const [connection, codec] = await this.#dial(attachment, ended);
    const stop = () => connection.close({ closeCode: CLOSE.done });
    ended.addEventListener("abort", stop, { once: true });
    const linger = new Linger(() => this.#wanted, stop);
    const arrival = new Arrival(attachment.control, codec);
    try {
      const { readable, writable } = await connection.createBidirectionalStream();
      // The end of our half makes the stream exist at the server; nothing is owed on it.
      writable.close().catch(() => {});
      const parser = new PictureParser(codec);
      const reader = readable.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new LostError("the server ended the stream");
        for (const frame of parser.push(value)) this.#take(frame, arrival);
        linger.check();
      }
    } catch (error) {
      if (linger.left && !ended.aborted) return;
      ended.throwIfAborted();
      throw await closeReason(connection, error);
    } finally {
      arrival.stop();
      linger.stop();
      ended.removeEventListener("abort", stop);
      connection.close({ closeCode: CLOSE.done });
    }
  }

  #take(frame: EncodedFrame, arrival: Arrival): void {
    this.#stats.received++;
    this.#stats.bytes += frame.data.length;
    arrival.count(frame);
    const fresh = arrival.judge(frame);
    this.#stats.latencyMs = arrival.latencyMs;
    if (!fresh) {
      this.#stats.stale++;
      if (arrival.firstStale) this.#control?.configure({ key: true });
      return;
    }
    if (this.#control === undefined) this.#describeBy(frame);
    this.feed.push(frame);
  }

  /** XoQ's servers say nothing of their stream: the pictures do. */
  #describeBy({ codec, width, height }: EncodedFrame): void {
    const known = this.#described;
    if (known?.codec === codec && known.width === width && known.height === height) return;
    this.#described = { codec, width, height, fps: 0, encoder: "" };
    this.feed.setDescription(this.#described);
  }

  /** Dials the camera's protocol: the one the server named, or XoQ's order of preference. */
  async #dial(attachment: Attachment, signal: AbortSignal): Promise<[Connection, VideoCodec]> {
    const named = attachment.control !== undefined;
    const candidates = named ? [this.#protocol] : [
      this.#protocol,
      CAMERA_PROTOCOLS.h264,
      CAMERA_PROTOCOLS.jpeg,
      LEGACY_JPEG_PROTOCOL,
      CAMERA_PROTOCOLS.hevc,
      CAMERA_PROTOCOLS.av1,
    ];
    let refusal: unknown;
    for (const protocol of new Set(candidates)) {
      try {
        const connection = await attachment.connect(protocol, signal);
        this.#protocol = protocol;
        return [connection, codecOfProtocol(protocol)!];
      } catch (error) {
        if (!(error instanceof TransportError && error.failure === "refused")) throw error;
        refusal = error;
      }
    }
    throw new XoqError("unsupported", "the peer serves no camera that xoq knows", {
      cause: refusal,
    });
  }
}

/** Reads the server's description; what it leaves out or gets wrong is unknown. */
function describe(description: Readonly<Record<string, unknown>>): StreamDescription {
  const number = (name: string) => {
    const value = description[name];
    return typeof value === "number" && value >= 0 && Number.isFinite(value) ? value : 0;
  };
  const codec = VIDEO_CODECS.find((name) => name === description["codec"]);
  if (codec === undefined) {
    throw new XoqError("unsupported", `the camera's codec "${description["codec"]}" is unknown`, {
      hint: "a newer xoq may know it",
    });
  }
  const encoder = description["encoder"];
  return {
    codec,
    width: number("width"),
    height: number("height"),
    fps: number("fps"),
    encoder: typeof encoder === "string" ? encoder.slice(0, 64) : "",
  };
}

/** Why a connection ended, as an error: a refusal by the server is more than a loss. */
async function closeReason(connection: Connection, error: unknown): Promise<Error> {
  if (error instanceof XoqError) return error;
  try {
    const info = await connection.closed;
    if (info.closeCode === CLOSE.denied) {
      return new DeniedError(info.reason || "the server refused", { cause: error });
    }
    return new LostError(info.reason || "the server closed the connection", { cause: error });
  } catch (cause) {
    return new LostError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
