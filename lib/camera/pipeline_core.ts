/**
 * The pipeline itself, in whatever thread it is made: the worker runs it for the product, tests run
 * it in-process.
 *
 * While one picture is encoded the camera is asked for the next; at most one waits, the latest, and
 * what it displaces is counted as `encoderDropped`.
 *
 * @module
 */
import { LostError, UnsupportedError, XoqError } from "../errors.ts";
import { Interrupt } from "../interrupt.ts";
import type { EncoderChoice } from "../media/auto.ts";
import type { EncodedFrame, StreamDescription, VideoCodec } from "../media/frame.ts";
import type {
  CameraDriver,
  CameraInfo,
  CameraMode,
  CameraWish,
  OpenCamera,
  Picture,
} from "./camera.ts";
import type { Pipeline, PipelineConfig, PipelineEvent, PipelineStats } from "./pipeline.ts";
import { PipelineCounters } from "./pipeline_counters.ts";
import { Lane } from "./pipeline_lane.ts";
import { captureFormats, expectedFormat, nativeFormat, type PlanWish } from "./pipeline_plan.ts";
import { type CodecOpeners, Transcoder } from "./pipeline_transcoder.ts";
import { reopen } from "./pipeline_reopen.ts";
import { selectCamera, type SelectedCamera } from "./select.ts";

/** What the core gets from outside. */
export interface CoreOptions {
  /** Counters to write into. */
  counters?: PipelineCounters;
  /** Finds the camera that a selector means; default: this machine's drivers. */
  find?: (selector: string) => Promise<SelectedCamera>;
  /** Where encoders and decoders come from. */
  openers?: CodecOpeners;
}

/** The camera and what was settled about it. */
interface Source {
  driver: CameraDriver;
  info: CameraInfo;
  wish: CameraWish;
  transcoder: Transcoder;
}

/** One run from `start()` to `stop()`. */
interface Run {
  abort: AbortController;
  done: Promise<void>;
}

/** The pipeline in this thread. */
export class PipelineCore implements Pipeline {
  onFrame: ((frame: EncodedFrame) => void) | undefined;
  onEvent: ((event: PipelineEvent) => void) | undefined;
  /** Called when `description` or `device` changed, before the first picture it holds for. */
  onChange: (() => void) | undefined;
  readonly #config: PipelineConfig;
  readonly #options: CoreOptions;
  readonly #counters: PipelineCounters;
  #description: StreamDescription;
  #device: { id: string; path: string; label: string };
  #source: Source | undefined;
  #run: Run | undefined;
  /** Serializes prepare, start, stop and close. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  #bitrate: number;
  /** Sequence numbers go on where the last opening of the device ended. */
  #sequenceBase = 0;
  #lastSequence = -1;

  /** Makes it; nothing is touched before `prepare()`. */
  constructor(config: PipelineConfig, options: CoreOptions = {}) {
    this.#config = config;
    this.#options = options;
    this.#counters = options.counters ?? new PipelineCounters();
    this.#bitrate = config.bitrate;
    this.#description = {
      codec: config.codec === "auto" ? "h264" : config.codec,
      width: config.width ?? 0,
      height: config.height ?? 0,
      fps: config.fps,
      encoder: "",
    };
    this.#device = { id: config.camera, path: "", label: config.camera };
  }

  get description(): StreamDescription {
    return this.#description;
  }

  get device(): { id: string; path: string; label: string } {
    return this.#device;
  }

  stats(): PipelineStats {
    return this.#counters.read();
  }

  requestKeyFrame(): void {
    this.#source?.transcoder.requestKeyFrame();
    this.#camera?.requestKeyFrame();
  }

  setBitrate(bitsPerSecond: number): void {
    if (!(bitsPerSecond > 0)) throw new RangeError("a bit rate is a positive number of bits/s");
    this.#bitrate = bitsPerSecond;
    if (this.#source !== undefined) this.#source.transcoder.bitrate = bitsPerSecond;
  }

  prepare(): Promise<void> {
    return this.#inTurn(async () => void await this.#prepared());
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#run !== undefined) return;
      const source = await this.#prepared();
      const camera = await source.driver.open(source.info, source.wish);
      await this.#adopt(source, camera);
      const abort = new AbortController();
      const run: Run = { abort, done: Promise.resolve() };
      this.#run = run;
      run.done = this.#keepCapturing(source, camera, abort.signal).catch((error) => {
        this.onEvent?.(errorEvent(error));
      }).finally(() => {
        if (this.#run === run) this.#run = undefined;
      });
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(() => this.#stopRun());
  }

  close(): Promise<void> {
    if (this.#closed) return this.#turn.then(() => {});
    const closing = this.#inTurn(async () => {
      await this.#stopRun();
      await this.#source?.transcoder.close();
      this.#source = undefined;
    });
    this.#closed = true;
    return closing;
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #camera: OpenCamera | undefined;

  #inTurn(step: () => Promise<void>): Promise<void> {
    if (this.#closed) {
      return Promise.reject(new DOMException("the pipeline is closed", "AbortError"));
    }
    const result = this.#turn.then(step);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #stopRun(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    run.abort.abort(new DOMException("the pipeline is stopped", "AbortError"));
    await run.done;
  }

  /** Finds the device and settles codec, format and encoder, once. */
  async #prepared(): Promise<Source> {
    if (this.#source !== undefined) return this.#source;
    const find = this.#options.find ?? selectCamera;
    const { driver, info } = await find(this.#config.camera);
    const modes = await driver.modes(info);
    const [codec, ...others] = codecsToTry(this.#config, modes);
    try {
      return await this.#settle(driver, info, modes, codec);
    } catch (error) {
      if (others.length === 0 || !(error instanceof UnsupportedError)) throw error;
      return await this.#settle(driver, info, modes, others[0]!);
    }
  }

  /** Settles format and encoder for a codec. Throws `UnsupportedError`. */
  async #settle(
    driver: CameraDriver,
    info: CameraInfo,
    modes: readonly CameraMode[],
    codec: VideoCodec,
  ): Promise<Source> {
    const config = this.#config;
    const size = {
      fps: config.fps,
      ...(config.width === undefined ? {} : { width: config.width }),
      ...(config.height === undefined ? {} : { height: config.height }),
    };
    const plan: PlanWish = {
      ...size,
      codec,
      passthrough: config.encoder === "auto" || config.encoder === "device" || codec === "jpeg",
      encode: config.encoder !== "device",
    };
    const formats = captureFormats(modes, plan);
    if (formats.length === 0) throw nothingFits(info, config.encoder, codec);
    const transcoder = new Transcoder(config, codec, plan.passthrough, this.#counters, {
      onReplaced: (encoder, reason) => {
        this.#describe({ encoder });
        this.onEvent?.({ type: "encoder", encoder, reason });
      },
    }, this.#options.openers);
    transcoder.bitrate = this.#bitrate;
    const expected = expectedFormat(modes, formats[0]!, plan);
    try {
      await transcoder.prepare(expected);
    } catch (error) {
      await transcoder.close();
      throw error;
    }
    const { width, height, fps } = expected;
    this.#device = { id: info.id, path: info.path, label: info.label };
    this.#describe({ codec, width, height, fps, encoder: transcoder.encoderName });
    const wish: CameraWish = { ...size, formats, controls: config.controls };
    return this.#source = { driver, info, wish, transcoder };
  }

  /** Takes an opened camera: what it really gives may differ from what was expected. */
  async #adopt(source: Source, camera: OpenCamera): Promise<void> {
    try {
      const { width, height, fps } = camera.format;
      await source.transcoder.prepare(camera.format);
      const encoder = source.transcoder.encoderName;
      this.#describe({ width, height, fps: fps === 0 ? this.#config.fps : fps, encoder });
      this.#camera = camera;
      if (source.transcoder.wantsKeyFrame) camera.requestKeyFrame();
    } catch (error) {
      await camera.close();
      throw error;
    }
  }

  #describe(change: Partial<StreamDescription>): void {
    this.#description = { ...this.#description, ...change };
    this.onChange?.();
  }

  /** Captures until the signal aborts; a lost device is waited for. Throws what can't be mended. */
  async #keepCapturing(source: Source, first: OpenCamera, signal: AbortSignal): Promise<void> {
    let camera = first;
    for (;;) {
      const ended = await this.#capture(source.transcoder, camera, signal);
      this.#camera = undefined;
      if (signal.aborted) return;
      if (!(ended instanceof LostError)) throw ended;
      this.onEvent?.({ type: "lost", reason: ended.message });
      this.#sequenceBase = this.#lastSequence + 1;
      try {
        const back = await reopen(source.driver, source.info, source.wish, signal);
        camera = back.camera;
        source.info = back.info;
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      await this.#adopt(source, camera);
      this.#device = { id: source.info.id, path: source.info.path, label: source.info.label };
      this.onChange?.();
      this.onEvent?.({ type: "back", path: source.info.path });
    }
  }

  /** Captures from one opening of the device and closes it; answers why it ended. */
  async #capture(
    transcoder: Transcoder,
    camera: OpenCamera,
    signal: AbortSignal,
  ): Promise<unknown> {
    const lane = new Lane(transcoder, this.#counters, (frame) => this.#emit(frame));
    const base = this.#sequenceBase;
    let expected: number | undefined;
    const interrupt = new Interrupt();
    lane.failed.catch((error) => interrupt.interrupt(error));
    // Pictures still in the lane lie in the device's memory: the device is closed after them.
    const onAbort = () => interrupt.interrupt(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    let pending: Promise<Picture> | undefined;
    try {
      signal.throwIfAborted();
      for (;;) {
        pending = camera.next();
        const picture = await interrupt.wait(pending);
        pending = undefined;
        const missing = expected === undefined ? 0 : picture.sequence - expected;
        expected = picture.sequence + 1;
        this.#counters.add("captured");
        if (missing > 0) {
          this.#counters.add("driverDropped", missing);
          transcoder.interrupt();
          if (transcoder.wantsKeyFrame) camera.requestKeyFrame();
        }
        picture.sequence += base;
        this.#lastSequence = picture.sequence;
        lane.offer(picture);
        if (transcoder.ordered) await lane.idle;
      }
    } catch (error) {
      return error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      pending?.then((picture) => picture.release(), () => {});
      await lane.close();
      await camera.close();
    }
  }

  #emit(frame: EncodedFrame): void {
    this.#counters.add("encoded");
    this.onFrame?.(frame);
  }
}

/** Codecs to try in turn: the one that was asked for, or what `auto` means for this camera. */
function codecsToTry(
  config: PipelineConfig,
  modes: readonly CameraMode[],
): [VideoCodec, ...VideoCodec[]] {
  if (config.codec !== "auto") return [config.codec];
  if (config.encoder !== "device") return ["h264", "jpeg"];
  const own = (["h264", "hevc", "jpeg"] as const).find((codec) =>
    modes.some((mode) => mode.format === nativeFormat(codec))
  );
  return [own ?? "h264"];
}

function nothingFits(info: CameraInfo, choice: EncoderChoice, codec: VideoCodec): UnsupportedError {
  return choice === "device"
    ? new UnsupportedError(`${info.label} does not give ${codec} by itself`, {
      hint: "choose the codec it gives (xoq ls --json shows them), or --encoder auto",
    })
    : new UnsupportedError(`${info.label} offers no format that can be encoded`, {
      hint: "xoq ls --json shows what it offers",
    });
}

/** The event that tells of an error. */
function errorEvent(error: unknown): PipelineEvent {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof XoqError)) return { type: "error", code: "failed", message };
  const { code, hint } = error;
  return { type: "error", code, message, ...(hint === undefined ? {} : { hint }) };
}
