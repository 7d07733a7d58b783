/** The system's ffmpeg and ffprobe, as peers to test against and as a source of real streams. */
import type { EncodedFrame, VideoCodec } from "../../lib/media/frame.ts";
import { findStartCode } from "../../lib/media/annexb.ts";
import { splitObus } from "../../lib/media/av1.ts";
import { isKeyFrame } from "../../lib/media/bitstream.ts";

/** Runs a program to its end with `input` on stdin. */
export async function run(
  program: string,
  args: string[],
  input?: Uint8Array,
): Promise<{ code: number; stdout: Uint8Array; stderr: string }> {
  const child = new Deno.Command(program, {
    args,
    stdin: input ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input) {
    const writer = child.stdin.getWriter();
    // The program may end before it read everything.
    writer.write(input).then(() => writer.close()).catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout, stderr: new TextDecoder().decode(stderr) };
}

async function works(program: string): Promise<boolean> {
  try {
    return (await run(program, ["-version"])).code === 0;
  } catch {
    return false;
  }
}

/** Why tests with ffmpeg are skipped, or `undefined` where it is there. */
export const noFfmpeg: string | undefined = await works("ffmpeg") && await works("ffprobe")
  ? undefined
  : "ffmpeg and ffprobe are not installed";

/** What {@link testStream} makes. */
export interface TestStream {
  codec: VideoCodec;
  width?: number;
  height?: number;
  frames?: number;
  fps?: number;
  gop?: number;
}

const ENCODERS: Record<VideoCodec, { args: string[]; format: string; gop?: string[] }> = {
  h264: {
    args: [
      "-c:v",
      "libx264",
      "-preset",
      "ultrafast",
      "-tune",
      "zerolatency",
      "-bsf:v",
      "h264_metadata=aud=insert",
    ],
    format: "h264",
  },
  hevc: {
    args: [
      "-c:v",
      "libx265",
      "-preset",
      "ultrafast",
      "-tune",
      "zerolatency",
      "-bsf:v",
      "hevc_metadata=aud=insert",
    ],
    format: "hevc",
  },
  av1: {
    args: ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"],
    format: "obu",
  },
  jpeg: { args: ["-c:v", "mjpeg", "-q:v", "5", "-pix_fmt", "yuvj420p"], format: "mjpeg" },
};

/** A real stream of ffmpeg's test picture, cut into access units, 1/fps apart from 1.7e15 µs on. */
export async function testStream(options: TestStream): Promise<EncodedFrame[]> {
  const { codec, width = 320, height = 240, frames = 30, fps = 30, gop = 10 } = options;
  const { args, format } = ENCODERS[codec];
  const gopArgs = codec === "hevc"
    ? ["-x265-params", `log-level=none:keyint=${gop}:min-keyint=${gop}:repeat-headers=1`]
    : ["-g", `${gop}`];
  const { code, stdout, stderr } = await run("ffmpeg", [
    ..."-hide_banner -loglevel error -f lavfi -i".split(" "),
    `testsrc=size=${width}x${height}:rate=${fps}`,
    ..."-pix_fmt yuv420p -frames:v".split(" "),
    `${frames}`,
    ...args,
    ...gopArgs,
    "-f",
    format,
    "-",
  ]);
  if (code !== 0) throw new Error(`ffmpeg: ${stderr}`);
  return accessUnits(codec, stdout).map((data, sequence) => ({
    codec,
    data,
    key: isKeyFrame(codec, data),
    width,
    height,
    captureTime: 1_700_000_000_000_000 + Math.round(sequence * 1e6 / fps),
    sequence,
  }));
}

/** Cuts an elementary stream (with access unit delimiters) into access units. */
export function accessUnits(codec: VideoCodec, stream: Uint8Array): Uint8Array[] {
  const cuts: number[] = [];
  if (codec === "h264" || codec === "hevc") {
    for (let at = findStartCode(stream); at >= 0; at = findStartCode(stream, at + 3)) {
      const byte = stream[at + 3] ?? 0;
      const delimiter = codec === "h264" ? (byte & 0x1f) === 9 : ((byte >> 1) & 0x3f) === 35;
      if (delimiter) cuts.push(stream[at - 1] === 0 ? at - 1 : at);
    }
  } else if (codec === "av1") {
    let at = 0;
    for (const obu of splitObus(stream)) {
      if (obu.type === 2) cuts.push(at);
      at += obu.bytes.length;
    }
  } else {
    for (let at = 0; at < stream.length - 2; at++) {
      if (stream[at] === 0xff && stream[at + 1] === 0xd8 && stream[at + 2] === 0xff) cuts.push(at);
    }
  }
  return cuts.map((cut, i) => stream.subarray(cut, cuts[i + 1] ?? stream.length));
}

/** What ffprobe says of a file: its first video stream, and every packet or frame counted by decoding. */
export interface Probe {
  codec: string;
  profile: string;
  width: number;
  height: number;
  rate: number;
  /** Frames that decoded. */
  frames: number;
  /** Presentation times in seconds, one a frame. */
  times: number[];
  /** Whatever ffprobe complained about. */
  errors: string;
}

/** Probes a file (or URL) by decoding all of it. */
export async function ffprobe(path: string, args: string[] = []): Promise<Probe> {
  const { stdout, stderr } = await run("ffprobe", [
    ..."-hide_banner -loglevel warning -of json -select_streams v:0 -count_frames -show_streams"
      .split(" "),
    ..."-show_frames -show_entries frame=pts_time,best_effort_timestamp_time".split(" "),
    ...args,
    path,
  ]);
  const json = JSON.parse(new TextDecoder().decode(stdout));
  const stream = json.streams?.[0] ?? {};
  const [num = 0, den = 1] = String(stream.avg_frame_rate ?? "0/1").split("/").map(Number);
  const frames: Record<string, string>[] = json.frames ?? [];
  return {
    codec: stream.codec_name ?? "",
    profile: stream.profile ?? "",
    width: stream.width ?? 0,
    height: stream.height ?? 0,
    rate: den === 0 ? 0 : num / den,
    frames: Number(stream.nb_read_frames ?? 0),
    times: frames.map((f) => Number(f.pts_time ?? f.best_effort_timestamp_time)),
    errors: stderr,
  };
}
