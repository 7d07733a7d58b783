/**
 * A camera on the network: one encoded stream, any number of viewers, each with its own bounded,
 * latest-wins view of it. The camera is open only while somebody watches.
 *
 * @module
 */
import type { ClientEvent, DeviceEvent, Peer, ServedDevice, TrackOffer } from "../device.ts";
import { DeniedError, XoqError } from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import { Fanout } from "../media/fanout.ts";
import type { EncodedFrame } from "../media/frame.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { Connection } from "../transport/connection.ts";
import type { Pipeline, PipelineEvent } from "./pipeline.ts";
import { videoTrack } from "./tracks.ts";
import { Viewer } from "./viewer.ts";
import { CAMERA_PROTOCOLS, encodePicture, LEGACY_JPEG_PROTOCOL } from "./wire.ts";

/** How long the camera stays open after its last viewer went, in milliseconds: a reconnecting one finds it warm. */
const LINGER_MS = 1_000;
/** How long after a camera failed it is tried again while somebody waits, in milliseconds. */
const RETRY_MS = 2_000;
/** Most viewers at once; a further one is refused with `busy`. */
export const MAX_VIEWERS = 256;
/** Bounds of a bit rate a peer may ask for, in bits per second. */
const MIN_BITRATE = 10_000;
/** Upper bound, in bits per second. */
const MAX_BITRATE = 200_000_000;

/** How to serve a camera. */
export interface CameraServerOptions {
  /** Device name in tickets. */
  name: string;
  /** Capture and encode all the time, not only while somebody watches. */
  always: boolean;
}

/** Smoothed means of where a picture's time goes, in milliseconds. */
interface Timing {
  captureToEncodedMs: number | undefined;
  encodedToSentMs: number | undefined;
}

/** Serves one camera. Made after `pipeline.prepare()`, whose description it needs. */
export class CameraServer implements ServedDevice {
  readonly kind = "camera";
  /** Pictures that wait behind a collapsed window are no news any more. */
  readonly congestion = "bbr3";
  readonly name: string;
  /** The stream, for sinks on this machine (`xoq camera --http`). */
  readonly feed: Fanout;
  /** The stream as a track of MoQT. */
  readonly tracks: readonly TrackOffer[];
  onEvent: ((event: DeviceEvent) => void) | undefined;
  onClient: ((event: ClientEvent) => void) | undefined;
  readonly #pipeline: Pipeline;
  readonly #always: boolean;
  readonly #viewers = new Map<Connection, Viewer>();
  readonly #wire = new WeakMap<EncodedFrame, Uint8Array>();
  readonly #sinks = new AsyncDisposableStack();
  readonly #timing: Timing = { captureToEncodedMs: undefined, encodedToSentMs: undefined };
  /** Stops the idle camera, or tries a failed one again. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #demanded = false;
  #bytesSent = 0;
  #closed = false;

  /** Takes the pipeline over. */
  constructor(pipeline: Pipeline, options: CameraServerOptions) {
    this.name = options.name;
    this.#pipeline = pipeline;
    this.#always = options.always;
    this.feed = new Fanout({
      onKeyFrameWanted: () => pipeline.requestKeyFrame(),
      onDemand: (wanted) => this.#demand(wanted),
    });
    this.feed.setDescription(pipeline.description);
    this.tracks = [videoTrack(this.feed, () => pipeline.description)];
    pipeline.onFrame = (frame) => this.#distribute(frame);
    pipeline.onEvent = (event) => this.#deviceEvent(event);
    if (this.#always) this.#start();
  }

  /** XoQ's ALPN of the stream's codec; JPEG also under the legacy one. */
  get protocols(): readonly string[] {
    const { codec } = this.#pipeline.description;
    const protocol = CAMERA_PROTOCOLS[codec];
    return codec === "jpeg" ? [protocol, LEGACY_JPEG_PROTOCOL] : [protocol];
  }

  /** Takes a sink on this machine over: it is closed with the device. */
  attach(sink: AsyncDisposable): void {
    this.#sinks.use(sink);
  }

  /** For `ready`, `welcome` and the control stream. */
  describe(): Record<string, unknown> {
    return { ...this.#pipeline.description, ...this.#pipeline.device };
  }

  /** Sends the stream to one admitted viewer until either side ends it. */
  async accept(connection: Connection, peer: Peer): Promise<void> {
    if (this.#viewers.size >= MAX_VIEWERS) {
      connection.close({ closeCode: CLOSE.busy, reason: `already ${MAX_VIEWERS} viewers` });
      return;
    }
    const viewer = new Viewer(connection, peer.id);
    this.#viewers.set(connection, viewer);
    this.onClient?.({ type: "client", id: peer.id, role: "viewer" });
    let reason = "it closed the connection";
    try {
      reason = await viewer.serve(this.feed, (frame) => this.#onWire(frame));
    } finally {
      this.#viewers.delete(connection);
      this.onClient?.({ type: "gone", id: peer.id, role: "viewer", reason });
    }
  }

  /** `key: true` for anyone, `bitrate` for who may control. */
  configure(settings: Record<string, unknown>, peer: Peer): void {
    if (settings["key"] === true) this.feed.requestKeyFrame();
    const bitrate = settings["bitrate"];
    if (typeof bitrate === "number" && Number.isFinite(bitrate)) {
      if (peer.rights !== "control") {
        throw new DeniedError("changing the bit rate needs a control grant");
      }
      this.#pipeline.setBitrate(Math.round(Math.min(Math.max(bitrate, MIN_BITRATE), MAX_BITRATE)));
    }
  }

  /** A viewer tells what it has received. */
  feedback(report: Record<string, unknown>, peer: Peer): void {
    const frames = report["frames"];
    if (typeof frames !== "number") return;
    let newest: Viewer | undefined;
    for (const viewer of this.#viewers.values()) if (viewer.id === peer.id) newest = viewer;
    newest?.acknowledge(frames);
  }

  /** Counters now. */
  stats(): Record<string, unknown> {
    const { captureToEncodedMs, encodedToSentMs } = this.#timing;
    return {
      ...this.#pipeline.stats(),
      viewers: this.#viewers.size,
      readers: this.feed.stats().readers,
      bytesSent: this.#bytesSent,
      dropped: this.feed.stats().dropped,
      late: [...this.#viewers.values()].reduce((sum, viewer) => sum + viewer.late, 0),
      ...(captureToEncodedMs === undefined ? {} : { captureToEncodedMs }),
      ...(encodedToSentMs === undefined ? {} : { encodedToSentMs }),
    };
  }

  /** Ends the stream and closes the camera. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.feed.setState({ state: "ended", reason: "the server stops" });
    await this.#sinks.disposeAsync();
    await this.#pipeline.close();
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #distribute(frame: EncodedFrame): void {
    if (frame.encodedTime !== undefined) {
      smooth(this.#timing, "captureToEncodedMs", (frame.encodedTime - frame.captureTime) / 1000);
    }
    this.feed.push(frame);
  }

  /** The frame as it goes over the network: made once, whoever asks first, shared by all. */
  #onWire(frame: EncodedFrame): Uint8Array {
    let bytes = this.#wire.get(frame);
    if (bytes === undefined) {
      bytes = encodePicture(frame);
      this.#wire.set(frame, bytes);
      if (frame.encodedTime !== undefined) {
        smooth(this.#timing, "encodedToSentMs", (nowMicros() - frame.encodedTime) / 1000);
      }
    }
    this.#bytesSent += bytes.length;
    return bytes;
  }

  #demand(wanted: boolean): void {
    this.#demanded = wanted;
    clearTimeout(this.#timer);
    if (wanted) this.#start();
    else if (!this.#always && !this.#closed) {
      this.#timer = setTimeout(() => void this.#pipeline.stop(), LINGER_MS);
    }
  }

  /** Failures arrive as events: viewers wait, and are told. */
  #start(): void {
    this.#pipeline.start().catch((error) => {
      const known = error instanceof XoqError ? error : undefined;
      this.#deviceEvent({
        type: "error",
        code: known?.code ?? "failed",
        message: error instanceof Error ? error.message : String(error),
        ...(known?.hint === undefined ? {} : { hint: known.hint }),
      });
    });
  }

  #deviceEvent(event: PipelineEvent): void {
    if (event.type === "encoder") {
      this.feed.setDescription(this.#pipeline.description);
      this.feed.discontinuity();
      this.onEvent?.({ type: "notice", message: `${event.reason}: now ${event.encoder}` });
      return;
    }
    if (event.type === "lost") this.feed.setState({ state: "lost", reason: event.reason });
    else if (event.type === "back") {
      this.feed.setDescription(this.#pipeline.description);
      this.feed.setState({ state: "live" });
    } else {
      this.feed.setState({ state: "lost", reason: event.message });
      this.#retrySoon();
    }
    this.onEvent?.(event);
  }

  /** What held the camera, or kept it from opening, may let go of it while viewers wait. */
  #retrySoon(): void {
    if (this.#closed || !(this.#demanded || this.#always)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#pipeline.start().then(() => this.feed.setState({ state: "live" }), () => {
        this.#retrySoon();
      });
    }, RETRY_MS);
  }
}

function smooth(timing: Timing, name: keyof Timing, value: number): void {
  const before = timing[name];
  timing[name] = before === undefined ? value : before * 0.95 + value * 0.05;
}
