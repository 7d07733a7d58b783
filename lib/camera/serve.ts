/**
 * A camera on the network: one encoded stream, any number of viewers, each with its own bounded,
 * latest-wins view of it. The camera is open only while somebody watches.
 *
 * @module
 */
import type { ClientEvent, DeviceEvent, Peer, ServedDevice } from "../device.ts";
import { DeniedError } from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import { Fanout } from "../media/fanout.ts";
import type { EncodedFrame } from "../media/frame.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { Connection } from "../transport/connection.ts";
import type { Pipeline, PipelineEvent } from "./pipeline.ts";
import { Viewer } from "./viewer.ts";
import { CAMERA_PROTOCOLS, encodePicture, LEGACY_JPEG_PROTOCOL } from "./wire.ts";

/** How long the camera stays open after its last viewer went, in milliseconds: a reconnecting one finds it warm. */
const LINGER_MS = 1_000;
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
  readonly name: string;
  /** The stream, for sinks on this machine (`xoq camera --http`). */
  readonly feed: Fanout;
  onEvent: ((event: DeviceEvent) => void) | undefined;
  onClient: ((event: ClientEvent) => void) | undefined;
  readonly #pipeline: Pipeline;
  readonly #always: boolean;
  readonly #viewers = new Map<Connection, Viewer>();
  readonly #wire = new WeakMap<EncodedFrame, Uint8Array>();
  readonly #timing: Timing = { captureToEncodedMs: undefined, encodedToSentMs: undefined };
  #lingering: ReturnType<typeof setTimeout> | undefined;
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
    clearTimeout(this.#lingering);
    this.feed.setState({ state: "ended", reason: "the server stops" });
    await this.#pipeline[Symbol.asyncDispose]();
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
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    if (wanted) this.#start();
    else if (!this.#always && !this.#closed) {
      this.#lingering = setTimeout(() => void this.#pipeline.stop(), LINGER_MS);
    }
  }

  #start(): void {
    // Failures arrive as events: viewers wait, and are told.
    this.#pipeline.start().catch((error) => {
      this.#deviceEvent({
        type: "error",
        code: (error as { code?: string }).code ?? "failed",
        message: error instanceof Error ? error.message : String(error),
      });
    });
  }

  #deviceEvent(event: PipelineEvent): void {
    if (event.type === "lost") this.feed.setState({ state: "lost", reason: event.reason });
    else if (event.type === "back") {
      this.feed.setDescription(this.#pipeline.description);
      this.feed.setState({ state: "live" });
    } else this.feed.setState({ state: "lost", reason: event.message });
    this.onEvent?.(event);
  }
}

function smooth(timing: Timing, name: keyof Timing, value: number): void {
  const before = timing[name];
  timing[name] = before === undefined ? value : before * 0.95 + value * 0.05;
}
