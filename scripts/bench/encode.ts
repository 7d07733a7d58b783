/**
 * `deno task bench encode [--json]`: how long one picture takes in each encoder of each library, one
 * in, one out, at 1280×720 and 1920×1080. The pictures are the test camera's.
 */
import { TestPattern } from "../../lib/camera/test_pattern.ts";
import { codecLibraries } from "../../lib/media/auto.ts";
import type { CodecLibrary, EncoderConfig } from "../../lib/media/codec.ts";
import { VIDEO_CODECS, type VideoCodec } from "../../lib/media/frame.ts";

const SIZES = [[1280, 720], [1920, 1080]] as const;
const WARM_UP = 5;
const PICTURES = 90;

/** One line of the table. */
interface Result {
  case: string;
  encoder: string;
  open_ms: number;
  p50_ms: number;
  p95_ms: number;
  kbit_per_second: number;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

async function measure(
  library: CodecLibrary,
  codec: VideoCodec,
  width: number,
  height: number,
  exclude: ReadonlySet<string>,
): Promise<Result & { name: string }> {
  const config: EncoderConfig = {
    codec,
    width,
    height,
    fps: 30,
    bitrate: 2_000_000,
    quality: 80,
    gop: 60,
  };
  const begun = performance.now();
  await using encoder = await library.createEncoder(config, { exclude });
  const opened = performance.now() - begun;
  const pattern = new TestPattern(width, height);
  const canvas = pattern.createCanvas();
  const planes = [
    { data: canvas.y, stride: width },
    { data: canvas.u, stride: width / 2 },
    { data: canvas.v, stride: width / 2 },
  ];
  const times: number[] = [];
  let bytes = 0;
  for (let sequence = 0; sequence < WARM_UP + PICTURES; sequence++) {
    const captureTime = 1_700_000_000_000_000 + Math.round(sequence * 1e6 / 30);
    pattern.paint(canvas, { sequence, captureTime });
    const start = performance.now();
    const { data } = await encoder.encode({
      format: "I420",
      width,
      height,
      planes,
      captureTime,
      sequence,
      release: () => {},
    });
    if (sequence < WARM_UP) continue;
    times.push(performance.now() - start);
    bytes += data.byteLength;
  }
  times.sort((a, b) => a - b);
  const rounded = (value: number) => Math.round(value * 100) / 100;
  return {
    case: `encode ${codec} ${height}p`,
    name: encoder.name,
    encoder: encoder.name,
    open_ms: rounded(opened),
    p50_ms: rounded(quantile(times, 0.5)),
    p95_ms: rounded(quantile(times, 0.95)),
    kbit_per_second: Math.round(bytes * 8 * 30 / PICTURES / 1000),
  };
}

/** Runs the bench; answers the process's exit code. */
export async function benchEncode(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  if (!json) {
    console.log("case                encoder               open ms   p50 ms   p95 ms   kbit/s");
  }
  for (const [width, height] of SIZES) {
    for (const codec of VIDEO_CODECS) {
      for (const library of codecLibraries()) {
        const exclude = new Set<string>();
        const count = (await library.probe()).encoders[codec]?.length ?? 0;
        for (let i = 0; i < count; i++) {
          const { name, ...result } = await measure(library, codec, width, height, exclude);
          exclude.add(name);
          print(result, json);
        }
      }
    }
  }
  return 0;
}

function print(result: Result, json: boolean): void {
  if (json) {
    const { p50_ms, ...rest } = result;
    console.log(JSON.stringify({ ...rest, unit: "ms", ours: p50_ms, peer: null, ratio: null }));
    return;
  }
  const number = (value: number) => value.toString().padStart(9);
  console.log(
    result.case.padEnd(20) + result.encoder.padEnd(20) + number(result.open_ms) +
      number(result.p50_ms) + number(result.p95_ms) + number(result.kbit_per_second),
  );
}

if (import.meta.main) Deno.exit(await benchEncode(Deno.args));
