/**
 * Recording: `--out f.mp4`. By extension:
 *
 * | extension | what |
 * | --- | --- |
 * | `.mp4`, `.m4v`, `.mov` | fragmented MP4, a fragment a group of pictures (by mediabunny) |
 * | `.mkv` | Matroska, a cluster a group of pictures (by mediabunny) |
 * | `.h264`, `.hevc`, `.obu` | elementary stream |
 * | `.mjpeg`, `.mjpg` | JPEG images one after the other |
 *
 * A stream in JPEG goes into MP4 and Matroska as H.264. All of them are only ever appended to and can
 * be played whatever ends the recording: what is lost with a killed process is the group of pictures
 * that was not finished (at most as long as the distance of key frames). Every group goes to the
 * kernel at once, and to the disk (`fdatasync`) every five seconds and at the end, which is what a
 * power failure can cost.
 *
 * When the picture's size or codec changes, recording goes on in a new file: `f-2.mp4`, `f-3.mp4`.
 * A loss of the camera is a gap in the time line.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import { streamInfo } from "../../media/bitstream.ts";
import { fitsMp4 } from "../../media/cmaf.ts";
import type { Feed } from "../../media/feed.ts";
import type { EncodedFrame, VideoCodec } from "../../media/frame.ts";
import { checkTarget, fileError } from "./file_errors.ts";
import { DiskFile } from "./disk_file.ts";
import { ContainerRecording, RawRecording, type Recording } from "./recording.ts";
import { abortable, endOf, inCodec, requireCodec, type SinkContext, untilAborted } from "./sink.ts";

/** Where to. */
export interface FileOptions {
  /** The file; its extension decides the format. */
  path: string;
  /** Replace it where it is there. */
  force?: boolean;
}

const RAW: Readonly<Record<string, VideoCodec>> = {
  h264: "h264",
  "264": "h264",
  hevc: "hevc",
  h265: "hevc",
  obu: "av1",
  mjpeg: "jpeg",
  mjpg: "jpeg",
};
const CONTAINERS: Readonly<Record<string, "mp4" | "mkv">> = {
  mp4: "mp4",
  m4v: "mp4",
  mov: "mp4",
  mkv: "mkv",
};

/** What a file's extension means. Throws `UsageError` for one that means nothing. */
export function fileFormat(path: string): { container: "mp4" | "mkv" } | { raw: VideoCodec } {
  const extension = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const container = CONTAINERS[extension];
  if (container !== undefined) return { container };
  const raw = RAW[extension];
  if (raw !== undefined) return { raw };
  throw new UsageError(`"${path}" doesn't say what to record into`, {
    hint: "name it something.mp4, .mkv, .h264 or .mjpeg",
  });
}

/**
 * Records until `signal` aborts. Throws `UsageError` (extension, or the file is there without
 * `force`), `NotFoundError`, `DeniedError`, `XoqError` for a full disk, `LostError` when the feed
 * ended: in each case what was recorded is whole.
 */
export async function recordFile(
  feed: Feed,
  options: FileOptions,
  context: SinkContext = {},
): Promise<void> {
  const format = fileFormat(options.path);
  await checkTarget(options.path, options.force ?? false);
  await untilAborted(context.signal, async () => {
    // A frame of a recording is not stale because the disk was slow.
    const reading = { queue: 64, maxAgeMs: Infinity, policy: "queue" as const };
    const { codec } = await abortable(feed.description(), context.signal);
    const wanted = "raw" in format ? format.raw : fitsMp4(codec) ? codec : "h264";
    const source = await inCodec(feed, wanted, context);
    const { fps } = await source.description();
    using subscription = source.subscribe(
      context.signal ? { ...reading, signal: context.signal } : reading,
    );
    const open = async (path: string, key: EncodedFrame): Promise<Recording> => {
      const file = await DiskFile.open(path, options.force ?? false);
      context.onEvent?.({ type: "file", path });
      return "raw" in format
        ? new RawRecording(file)
        : await ContainerRecording.begin(file, format.container, key, fps);
    };
    const recorder = new Recorder(options.path, open);
    try {
      for await (const frame of subscription) {
        requireCodec(frame, wanted);
        await recorder.add(frame);
      }
    } catch (error) {
      await recorder.close().catch(() => {});
      throw fileError(error, recorder.path);
    }
    await recorder.close();
    if (context.signal?.aborted !== true) throw endOf(source);
  });
}

/** One file after the other. */
class Recorder {
  path: string;
  readonly #first: string;
  readonly #open: (path: string, key: EncodedFrame) => Promise<Recording>;
  #recording: Recording | undefined;
  #stream = "";
  #files = 0;

  constructor(path: string, open: (path: string, key: EncodedFrame) => Promise<Recording>) {
    this.path = path;
    this.#first = path;
    this.#open = open;
  }

  async add(frame: EncodedFrame): Promise<void> {
    if (frame.key) await this.#follow(frame);
    await this.#recording?.add(frame);
  }

  async #follow(key: EncodedFrame): Promise<void> {
    const { codecString, width, height } = streamInfo(key.codec, key.data);
    const stream = `${codecString} ${width}×${height}`;
    if (stream === this.#stream) return;
    await this.close();
    this.#stream = stream;
    const number = ++this.#files;
    if (number > 1) this.path = this.#first.replace(/(\.[^.]+)$/, `-${number}$1`);
    this.#recording = await this.#open(this.path, key);
  }

  async close(): Promise<void> {
    const recording = this.#recording;
    this.#recording = undefined;
    await recording?.close();
  }
}
