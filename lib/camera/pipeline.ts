/**
 * From a camera to encoded pictures: capture, decode where needed, encode, off the main thread.
 * This is what the serving side holds. Nothing is captured or encoded before `start()`.
 *
 * @module
 */
import type { EncodedFrame, StreamDescription, VideoCodec } from "../media/frame.ts";

export { createPipeline } from "./pipeline_carrier.ts";

/** What to capture and how to encode it: structured-cloneable, it goes to the worker as it is. */
export interface PipelineConfig {
  /** The camera as the user named it: `0`, `/dev/video0`, by-id, a piece of the name, `test`. */
  camera: string;
  /** Wanted codec, or `auto`: H.264 where an encoder is at hand, else JPEG. */
  codec: VideoCodec | "auto";
  /** `--encoder`. */
  encoder: "auto" | "device" | "nvenc" | "videotoolbox" | "v4l2m2m" | "libav" | "embedded";
  /** Pixels. */
  width?: number;
  /** Pixels. */
  height?: number;
  /** Frames per second. */
  fps: number;
  /** JPEG quality, 1 to 100. */
  quality: number;
  /** Bits per second. */
  bitrate: number;
  /** Frames from key frame to key frame. */
  gop: number;
  /** Controls by name. */
  controls: Record<string, number>;
}

/** What happened to the device. */
export type PipelineEvent =
  | { type: "lost"; reason: string }
  | { type: "back"; path: string }
  /** The encoder failed and another one took its place, from a key frame on. */
  | { type: "encoder"; encoder: string; reason: string }
  /** It can't go on: the pipeline is stopped. */
  | { type: "error"; code: string; message: string; hint?: string };

/** Counters since the pipeline was made. */
export interface PipelineStats {
  /** Pictures the driver gave. */
  captured: number;
  /** Pictures lost in the driver (sequence gaps). */
  driverDropped: number;
  /** Pictures not encoded because the encoder was busy (latest wins). */
  encoderDropped: number;
  /** Pictures encoded or passed through. */
  encoded: number;
  /** Pictures that could not be decoded (a broken JPEG). */
  corrupt: number;
  /** Mean time in the encoder over the last second, ms. */
  encodeMs: number;
}

/** A camera's encoded stream. */
export interface Pipeline extends AsyncDisposable {
  /** What it gives: known after `prepare()` or `start()`; changes when the device came back different. */
  readonly description: StreamDescription;
  /** The device as found: stable id and node. */
  readonly device: { id: string; path: string; label: string };
  /** Finds the device, chooses format and encoder; fails as `open()` of a camera does. Does not capture. */
  prepare(): Promise<void>;
  /** Captures and encodes until `stop()`. A lost device is waited for and taken again by id. Idempotent. */
  start(): Promise<void>;
  /** Stops capturing; the device is closed (its light goes off). Idempotent. */
  stop(): Promise<void>;
  /** The next picture is a key frame. */
  requestKeyFrame(): void;
  /** Bits per second from the next picture on. */
  setBitrate(bitsPerSecond: number): void;
  /** Called for each picture, in order. One consumer: the fan-out. */
  onFrame: ((frame: EncodedFrame) => void) | undefined;
  /** Called when the device goes, comes, or fails. */
  onEvent: ((event: PipelineEvent) => void) | undefined;
  /** Counters now. */
  stats(): PipelineStats;
  /** Stops, and frees encoder and worker. Idempotent; every other call rejects afterwards. */
  close(): Promise<void>;
}
