/**
 * The camera without hardware: driver `test`. It gives the test pattern in I420 at any size and
 * rate, keeps its rate without drift, drops pictures as a camera's driver does when nobody asks for
 * them in time, and can be unplugged and plugged in again by tests.
 *
 * Selectors: `test`, `test:640x480`, `test:1920x1080@60`, `test:@15`.
 *
 * @module
 */
import { LostError, NotFoundError, UnsupportedError, UsageError } from "../errors.ts";
import type { RawFrame } from "../media/frame.ts";
import { nowMicros } from "../media/clock.ts";
import type {
  CameraControl,
  CameraDriver,
  CameraFormat,
  CameraInfo,
  CameraMode,
  CameraWish,
  OpenCamera,
} from "./camera.ts";
import { type PatternCanvas, TestPattern } from "./test_pattern.ts";

/** Pictures that may be held by consumers at once. */
const BUFFERS = 4;
const MIN_WIDTH = 128;
const MAX_WIDTH = 7680;
const MIN_HEIGHT = 96;
const MAX_HEIGHT = 4320;
const MAX_FPS = 240;
const DEFAULT = { width: 1280, height: 720, fps: 30 };
/** What `modes()` lists; every other even size works as well. */
const LISTED_SIZES = [[1920, 1080], [1280, 720], [640, 480], [320, 240], [160, 120]] as const;
const LISTED_RATES = [120, 60, 30, 15, 5];

/** The size and rate a selector names; throws `UsageError` where it can't be read. */
export function parseTestSelector(
  selector: string,
): { width?: number; height?: number; fps?: number } {
  const match = /^test(?::(?:(\d{1,5})x(\d{1,5}))?(?:@(\d{1,3}(?:\.\d{1,3})?))?)?$/.exec(selector);
  if (match === null) {
    throw new UsageError(`no test camera is called "${selector}"`, {
      hint: "write test, test:1280x720 or test:1280x720@30",
    });
  }
  const [, width, height, fps] = match;
  return {
    ...(width === undefined ? {} : { width: Number(width) }),
    ...(height === undefined ? {} : { height: Number(height) }),
    ...(fps === undefined ? {} : { fps: Number(fps) }),
  };
}

/** The nearest even number within bounds. */
function nearestSize(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.round(value / 2) * 2));
}

class TestCamera implements OpenCamera {
  readonly format: CameraFormat;
  readonly #pattern: TestPattern;
  readonly #free: PatternCanvas[] = [];
  /** Milliseconds from tick to tick. */
  readonly #interval: number;
  readonly #start: number;
  readonly #onClose: () => void;
  /** The next tick not yet given. */
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending: PromiseWithResolvers<RawFrame> | undefined;
  #ended: Error | undefined;

  constructor(format: CameraFormat, onClose: () => void) {
    this.format = format;
    this.#pattern = new TestPattern(format.width, format.height);
    for (let i = 0; i < BUFFERS; i++) this.#free.push(this.#pattern.createCanvas());
    this.#interval = 1000 / format.fps;
    this.#onClose = onClose;
    this.#start = performance.now();
  }

  next(): Promise<RawFrame> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#pending !== undefined) {
      return Promise.reject(new TypeError("next() is called while another call is pending"));
    }
    this.#pending = Promise.withResolvers<RawFrame>();
    const { promise } = this.#pending;
    this.#serve(true);
    return promise;
  }

  /** Gives the pending call its picture, or sets the timer for it. */
  #serve(asked = false): void {
    if (this.#pending === undefined || this.#timer !== undefined || this.#free.length === 0) return;
    const now = performance.now();
    const tick = Math.max(this.#next, Math.floor((now - this.#start) / this.#interval));
    const due = this.#start + tick * this.#interval;
    if (due > now) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#serve();
      }, due - now);
      return;
    }
    const canvas = this.#free.pop()!;
    const pending = this.#pending;
    this.#pending = undefined;
    this.#next = tick + 1;
    // A picture asked for after its tick is one that has waited in the driver since.
    const age = asked ? Math.round((now - due) * 1000) : 0;
    pending.resolve(this.#capture(canvas, tick, nowMicros() - age));
  }

  #capture(canvas: PatternCanvas, sequence: number, captureTime: number): RawFrame {
    this.#pattern.paint(canvas, { sequence, captureTime });
    const { width, height } = this.format;
    let released = false;
    return {
      format: "I420",
      width,
      height,
      planes: [
        { data: canvas.y, stride: width },
        { data: canvas.u, stride: width / 2 },
        { data: canvas.v, stride: width / 2 },
      ],
      captureTime,
      sequence,
      release: () => {
        if (released) return;
        released = true;
        this.#free.push(canvas);
        this.#serve();
      },
    };
  }

  controls(): CameraControl[] {
    return [];
  }

  setControl(name: string, _value: number): void {
    throw new UsageError(`the test camera has no control "${name}"`);
  }

  requestKeyFrame(): void {}

  /** Ends a pending `next()` and every later one with this error. */
  end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending?.reject(error);
    this.#pending = undefined;
    this.#onClose();
  }

  close(): Promise<void> {
    this.end(new DOMException("the camera is closed", "AbortError"));
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Driver `test`: one camera that is always free, any number of times. */
export class TestCameraDriver implements CameraDriver {
  readonly name = "test";
  readonly #open = new Set<TestCamera>();
  #plugged = true;
  #replugged = Promise.withResolvers<void>();

  /** The camera that a selector (`test`, `test:WxH@FPS`) means. Throws `UsageError`. */
  info(selector = "test"): CameraInfo {
    parseTestSelector(selector);
    return {
      id: "test",
      path: selector,
      label: "Test pattern",
      aliases: ["test"],
      driver: "test",
      bus: "none",
    };
  }

  /** Cameras here now. */
  list(): Promise<CameraInfo[]> {
    return Promise.resolve(this.#plugged ? [this.info()] : []);
  }

  /** The usual sizes; `open()` takes every even size from 128×96 to 7680×4320, up to 240 frames/s. */
  modes(_info: CameraInfo): Promise<CameraMode[]> {
    return Promise.resolve(
      LISTED_SIZES.map(([width, height]) => ({
        format: "I420" as const,
        width,
        height,
        rates: [...LISTED_RATES],
      })),
    );
  }

  /** Opens it; what the wish leaves open the selector decides, then 1280×720 at 30 frames/s. */
  open(info: CameraInfo, wish: CameraWish): Promise<OpenCamera> {
    return Promise.try(() => {
      const named = parseTestSelector(info.path);
      if (!this.#plugged) {
        throw new NotFoundError("the test camera is unplugged");
      }
      if (wish.formats.length > 0 && !wish.formats.includes("I420")) {
        throw new UnsupportedError(
          `the test camera gives I420, not ${wish.formats.join(" or ")}`,
        );
      }
      for (const name of Object.keys(wish.controls ?? {})) {
        throw new UsageError(`the test camera has no control "${name}"`);
      }
      const camera: TestCamera = new TestCamera({
        format: "I420",
        width: nearestSize(wish.width ?? named.width ?? DEFAULT.width, MIN_WIDTH, MAX_WIDTH),
        height: nearestSize(wish.height ?? named.height ?? DEFAULT.height, MIN_HEIGHT, MAX_HEIGHT),
        fps: Math.min(MAX_FPS, Math.max(1, wish.fps ?? named.fps ?? DEFAULT.fps)),
      }, () => this.#open.delete(camera));
      this.#open.add(camera);
      return camera;
    });
  }

  /** Resolves with the camera once it is plugged in; at once when it is. */
  async reappears(info: CameraInfo, options: { signal?: AbortSignal } = {}): Promise<CameraInfo> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#plugged) return info;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([this.#replugged.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    return info;
  }

  /** For tests: every open camera ends with `LostError`, and there is none until `plug()`. */
  unplug(): void {
    if (!this.#plugged) return;
    this.#plugged = false;
    this.#replugged = Promise.withResolvers<void>();
    for (const camera of [...this.#open]) {
      camera.end(new LostError("the test camera was unplugged"));
    }
  }

  /** For tests: the camera is there again. */
  plug(): void {
    this.#plugged = true;
    this.#replugged.resolve();
  }
}
