/**
 * Formats of recordings.
 *
 * @module
 */
import {
  EncodedPacket,
  EncodedVideoPacketSource,
  MkvOutputFormat,
  Mp4OutputFormat,
  Output,
  StreamTarget,
} from "mediabunny";
import { streamInfo, toSample } from "../../media/bitstream.ts";
import type { EncodedFrame, VideoCodec } from "../../media/frame.ts";
import { Timeline } from "../../media/timeline.ts";
import type { DiskFile } from "./disk_file.ts";

/** A recording under way. */
export interface Recording {
  /** Takes a frame; the first one is a key frame. */
  add(frame: EncodedFrame): Promise<void>;
  /** Finishes it. */
  close(): Promise<void>;
}

/** Access units one after the other. */
export class RawRecording implements Recording {
  readonly #file: DiskFile;

  /** Records into this file, and closes it. */
  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** Appends it. */
  add(frame: EncodedFrame): Promise<void> {
    return this.#file.append(frame.data);
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

const NAMES: Partial<Record<VideoCodec, "avc" | "hevc" | "av1">> = {
  h264: "avc",
  hevc: "hevc",
  av1: "av1",
};

/** MP4 or Matroska, by mediabunny. */
export class ContainerRecording implements Recording {
  readonly #file: DiskFile;
  readonly #container: "mp4" | "mkv";
  readonly #output: Output;
  readonly #source: EncodedVideoPacketSource;
  readonly #timeline: Timeline;
  readonly #decoderConfig: VideoDecoderConfig;
  #failure: unknown;
  #begun = false;

  private constructor(
    file: DiskFile,
    container: "mp4" | "mkv",
    key: EncodedFrame,
    fps: number,
  ) {
    this.#file = file;
    this.#container = container;
    this.#timeline = new Timeline(1_000_000, fps, "capture");
    const { codecString, width, height, configuration } = streamInfo(key.codec, key.data);
    this.#decoderConfig = {
      codec: codecString,
      codedWidth: width,
      codedHeight: height,
      description: configuration,
    };
    this.#source = new EncodedVideoPacketSource(NAMES[key.codec]!);
    this.#output = new Output({
      // A fragment, or cluster, for each group of pictures.
      format: container === "mp4"
        ? new Mp4OutputFormat({ fastStart: "fragmented", minimumFragmentDuration: 0 })
        : new MkvOutputFormat({ appendOnly: true, minimumClusterDuration: 0 }),
      target: new StreamTarget(
        new WritableStream({
          write: async ({ data }) => {
            if (this.#failure !== undefined) return;
            try {
              await file.append(data);
            } catch (error) {
              // Kept, not thrown: the caller gets it as it is, and the library none it can't handle.
              this.#failure = error;
            }
          },
        }),
      ),
    });
    this.#output.addVideoTrack(this.#source);
  }

  /** Begins a file with this key frame's parameters. */
  static async begin(
    file: DiskFile,
    container: "mp4" | "mkv",
    key: EncodedFrame,
    fps: number,
  ): Promise<ContainerRecording> {
    const recording = new ContainerRecording(file, container, key, fps);
    await recording.#output.start();
    return recording;
  }

  /** Adds a frame. */
  async add(frame: EncodedFrame): Promise<void> {
    const { time, duration } = this.#timeline.next(frame.captureTime);
    const packet = new EncodedPacket(
      toSample(frame.codec, frame.data),
      frame.key ? "key" : "delta",
      time / 1e6,
      duration / 1e6,
    );
    await this.#source.add(
      packet,
      this.#begun ? undefined : { decoderConfig: this.#decoderConfig },
    );
    this.#begun = true;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes what is left, and closes the file. */
  async close(): Promise<void> {
    try {
      await this.#output.finalize();
      if (this.#failure !== undefined) {
        if (this.#container === "mp4") await cutToWholeFragments(this.#file);
        throw this.#failure;
      }
    } finally {
      await this.#file.close();
    }
  }
}

/** Cuts off a last fragment that is not whole: `moof` without all of its `mdat` (ISO/IEC 14496-12 4.2). */
export async function cutToWholeFragments(file: DiskFile): Promise<void> {
  const { size } = file;
  let whole = 0;
  for (let at = 0; at + 8 <= size;) {
    const header = await file.readAt(at, 16);
    const view = new DataView(header.buffer, header.byteOffset, header.length);
    const type = String.fromCharCode(...header.subarray(4, 8));
    const short = view.getUint32(0);
    const length = short === 1 && header.length === 16 ? Number(view.getBigUint64(8)) : short;
    if (length < 8 || at + length > size) break;
    at += length;
    if (type !== "moof") whole = at;
  }
  await file.cutTo(whole);
}
