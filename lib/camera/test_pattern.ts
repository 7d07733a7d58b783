/**
 * Paints the test pattern into I420 memory: colour bars with a ball moving over them, a clock
 * (`HH:MM:SS.mmm`) with the frame number, and the machine-readable strip of `pattern_code.ts`.
 * Each canvas keeps what it shows and only what differs is painted again, which makes a 1280×720
 * picture cost far less than a millisecond.
 *
 * Levels are those of limited range (16 to 235), as cameras and video codecs take them.
 *
 * @module
 */
import {
  CODE_COLUMNS,
  CODE_ROWS,
  codeTop,
  encodePattern,
  type PatternReading,
} from "./pattern_code.ts";
import { GLYPH_HEIGHT, GLYPH_WIDTH, glyphPixel } from "./pattern_font.ts";

const BLACK = 16;
const WHITE = 235;
const NEUTRAL = 128;

/** The usual eight bars at 75 % (ITU-R BT.601 limited range): Y, U, V. */
const BARS: readonly (readonly [number, number, number])[] = [
  [180, 128, 128],
  [162, 44, 142],
  [131, 156, 44],
  [112, 72, 58],
  [84, 184, 198],
  [65, 100, 212],
  [35, 212, 114],
  [16, 128, 128],
];

/** Where the clock's band begins, as a part of the height; the strip follows it. */
const CLOCK_TOP = 0.58;
const CLOCK_LENGTH = 20;
/** Seconds the ball takes across and back, and up and down. */
const BALL_PERIODS = [4, 2.6] as const;

/** Makes a number even, downwards: chroma is sampled at every second pixel. */
function even(value: number): number {
  return Math.floor(value / 2) * 2;
}

/** 0 to 1 and back, once in a period; times in seconds. */
function triangle(time: number, period: number): number {
  const phase = time % period / period;
  return phase < 0.5 ? phase * 2 : 2 - phase * 2;
}

/** The clock's text: local time of day with milliseconds, and the frame number modulo a million. */
function clockText(reading: PatternReading): string {
  const date = new Date(reading.captureTime / 1000);
  const two = (value: number) => value.toString().padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${
    date.getMilliseconds().toString().padStart(3, "0")
  }`;
  return `${time} #${(reading.sequence % 1_000_000).toString().padStart(6, "0")}`;
}

/** One picture's memory and what is painted in it. */
export class PatternCanvas {
  /** Luma, `width` bytes a row. */
  readonly y: Uint8Array;
  /** Chroma, half the width a row. */
  readonly u: Uint8Array;
  /** Chroma, half the width a row. */
  readonly v: Uint8Array;
  /** Text shown now. */
  text = "";
  /** The strip's bytes shown now. */
  readonly code: Uint8Array = new Uint8Array(CODE_COLUMNS * CODE_ROWS / 8);
  /** The ball's upper left corner now; negative when not painted. */
  ballX: number = -1;
  /** The ball's upper left corner now. */
  ballY: number = -1;

  /** Takes the planes as views into one block of I420 memory. */
  constructor(width: number, height: number) {
    const luma = width * height;
    const memory = new Uint8Array(luma * 3 / 2);
    this.y = memory.subarray(0, luma);
    this.u = memory.subarray(luma, luma * 5 / 4);
    this.v = memory.subarray(luma * 5 / 4);
  }
}

/** Paints pictures of one size. */
export class TestPattern {
  /** Pixels; even. */
  readonly width: number;
  /** Pixels; even. */
  readonly height: number;
  readonly #template: PatternCanvas;
  readonly #clockTop: number;
  readonly #scale: number;
  readonly #textLeft: number;
  readonly #textTop: number;
  readonly #ballSize: number;
  /** Half the ball's width in each of its rows. */
  readonly #ballSpans: Uint16Array;
  readonly #code = new Uint8Array(CODE_COLUMNS * CODE_ROWS / 8);

  /**
   * Prepares the still parts.
   *
   * @throws RangeError for an odd size or one below 128×96.
   */
  constructor(width: number, height: number) {
    if (width % 2 !== 0 || height % 2 !== 0 || width < 128 || height < 96) {
      throw new RangeError(`a test pattern of ${width}×${height}: both even, at least 128×96`);
    }
    this.width = width;
    this.height = height;
    this.#clockTop = even(height * CLOCK_TOP);
    const band = codeTop(height) - this.#clockTop;
    const cell = GLYPH_WIDTH + 1;
    this.#scale = Math.max(
      1,
      Math.floor(Math.min(width / ((CLOCK_LENGTH + 1) * cell), band / (GLYPH_HEIGHT + 2))),
    );
    this.#textLeft = Math.floor((width - CLOCK_LENGTH * cell * this.#scale) / 2);
    this.#textTop = this.#clockTop + Math.floor((band - GLYPH_HEIGHT * this.#scale) / 2);
    this.#ballSize = Math.max(8, even(Math.min(width, this.#clockTop) / 4));
    this.#ballSpans = new Uint16Array(this.#ballSize);
    const radius = this.#ballSize / 2;
    for (let row = 0; row < this.#ballSize; row++) {
      const dy = row + 0.5 - radius;
      this.#ballSpans[row] = even(Math.sqrt(radius * radius - dy * dy));
    }
    this.#template = this.#paintTemplate();
  }

  /** Memory for one picture, with the still parts painted. */
  createCanvas(): PatternCanvas {
    const canvas = new PatternCanvas(this.width, this.height);
    canvas.y.set(this.#template.y);
    canvas.u.set(this.#template.u);
    canvas.v.set(this.#template.v);
    return canvas;
  }

  /** Makes the canvas show this frame. */
  paint(canvas: PatternCanvas, reading: PatternReading): void {
    this.#paintBall(canvas, reading.captureTime / 1e6);
    this.#paintText(canvas, clockText(reading));
    this.#paintCode(canvas, reading);
  }

  #paintTemplate(): PatternCanvas {
    const { width, height } = this;
    const canvas = new PatternCanvas(width, height);
    canvas.y.fill(BLACK);
    canvas.u.fill(NEUTRAL);
    canvas.v.fill(NEUTRAL);
    for (const [index, [y, u, v]] of BARS.entries()) {
      const left = even(width * index / BARS.length);
      const right = index + 1 === BARS.length ? width : even(width * (index + 1) / BARS.length);
      for (let row = 0; row < this.#clockTop; row++) {
        canvas.y.fill(y, row * width + left, row * width + right);
        if (row % 2 !== 0) continue;
        const chroma = row / 2 * (width / 2);
        canvas.u.fill(u, chroma + left / 2, chroma + right / 2);
        canvas.v.fill(v, chroma + left / 2, chroma + right / 2);
      }
    }
    return canvas;
  }

  #paintBall(canvas: PatternCanvas, seconds: number): void {
    const size = this.#ballSize;
    const x = even(triangle(seconds, BALL_PERIODS[0]) * (this.width - size));
    const y = even(triangle(seconds, BALL_PERIODS[1]) * (this.#clockTop - size));
    if (x === canvas.ballX && y === canvas.ballY) return;
    if (canvas.ballX >= 0) this.#restore(canvas, canvas.ballX, canvas.ballY, size);
    const { width } = this;
    const chromaWidth = width / 2;
    for (let row = 0; row < size; row++) {
      const span = this.#ballSpans[row] ?? 0;
      const left = x + size / 2 - span;
      const right = x + size / 2 + span;
      canvas.y.fill(WHITE, (y + row) * width + left, (y + row) * width + right);
      if (row % 2 !== 0) continue;
      const start = (y + row) / 2 * chromaWidth;
      canvas.u.fill(NEUTRAL, start + (left >> 1), start + (right >> 1));
      canvas.v.fill(NEUTRAL, start + (left >> 1), start + (right >> 1));
    }
    canvas.ballX = x;
    canvas.ballY = y;
  }

  #restore(canvas: PatternCanvas, x: number, y: number, size: number): void {
    const { width } = this;
    const from = this.#template;
    for (let row = y; row < y + size; row++) {
      const start = row * width + x;
      canvas.y.set(from.y.subarray(start, start + size), start);
    }
    const half = width / 2;
    for (let row = y / 2; row < (y + size) / 2; row++) {
      const start = row * half + x / 2;
      canvas.u.set(from.u.subarray(start, start + size / 2), start);
      canvas.v.set(from.v.subarray(start, start + size / 2), start);
    }
  }

  #paintText(canvas: PatternCanvas, text: string): void {
    for (let index = 0; index < text.length; index++) {
      const character = text.charAt(index);
      if (character !== canvas.text.charAt(index)) this.#paintGlyph(canvas, index, character);
    }
    canvas.text = text;
  }

  #paintGlyph(canvas: PatternCanvas, index: number, character: string): void {
    const { width } = this;
    const scale = this.#scale;
    const left = this.#textLeft + index * (GLYPH_WIDTH + 1) * scale;
    for (let row = 0; row < GLYPH_HEIGHT; row++) {
      const start = (this.#textTop + row * scale) * width + left;
      for (let column = 0; column < GLYPH_WIDTH; column++) {
        const level = glyphPixel(character, column, row) ? WHITE : BLACK;
        canvas.y.fill(level, start + column * scale, start + (column + 1) * scale);
      }
      for (let copy = 1; copy < scale; copy++) {
        canvas.y.copyWithin(start + copy * width, start, start + GLYPH_WIDTH * scale);
      }
    }
  }

  #paintCode(canvas: PatternCanvas, reading: PatternReading): void {
    const code = encodePattern(reading, this.#code);
    const { width, height } = this;
    const top = codeTop(height);
    const bytesPerRow = CODE_COLUMNS / 8;
    for (let row = 0; row < CODE_ROWS; row++) {
      let changed = false;
      for (let i = row * bytesPerRow; i < (row + 1) * bytesPerRow; i++) {
        changed ||= canvas.code[i] !== code[i];
      }
      if (!changed) continue;
      const first = top + Math.round(row * (height - top) / CODE_ROWS);
      const end = top + Math.round((row + 1) * (height - top) / CODE_ROWS);
      const start = first * width;
      for (let column = 0; column < CODE_COLUMNS; column++) {
        const bit = (code[row * bytesPerRow + (column >> 3)] ?? 0) >> (7 - (column & 7)) & 1;
        canvas.y.fill(
          bit === 1 ? WHITE : BLACK,
          start + Math.round(column * width / CODE_COLUMNS),
          start + Math.round((column + 1) * width / CODE_COLUMNS),
        );
      }
      for (let copy = first + 1; copy < end; copy++) {
        canvas.y.copyWithin(copy * width, start, start + width);
      }
    }
    canvas.code.set(code);
  }
}
