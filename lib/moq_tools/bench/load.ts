/**
 * What a benchmark publishes: sizes, groups and pace of its objects.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";

/** What is published. */
export interface Load {
  /** Bytes of an object by its id. */
  readonly sizeOf: (id: number) => number;
  /** A frame's letter by its id (`I`, `P`, `B`), where the load is like video. */
  readonly letterOf?: (id: number) => string;
  /** Largest object in bytes. */
  readonly maxBytes: number;
  /** Objects of a group. */
  readonly groupObjects: number;
  /** Subgroups of a group, each a stream of its own; objects go to them in turn. */
  readonly streams: number;
  /** Objects a second; 0: as many as are taken. May be changed while it is published. */
  rate: number;
  /** Whether objects go in datagrams. */
  readonly datagrams: boolean;
}

/** Frame sizes in bytes of a kind of video: first frames, forward and bidirectional predictions. */
export interface VideoProfile {
  /** Of the first frame of a group. */
  readonly i: number;
  /** Of every third one after it. */
  readonly p: number;
  /** Of those between. */
  readonly b: number;
}

/** Frame sizes by resolution: those of aiomoqt's benchmarks, so that both can be compared. */
export const VIDEO: Readonly<Record<string, VideoProfile>> = {
  "240p": { i: 8_000, p: 1_500, b: 800 },
  "270p": { i: 13_000, p: 2_000, b: 1_000 },
  "360p": { i: 26_000, p: 4_000, b: 2_000 },
  "480p": { i: 40_000, p: 6_000, b: 3_000 },
  "720p": { i: 80_000, p: 12_000, b: 6_000 },
  "1080p": { i: 200_000, p: 25_000, b: 10_000 },
  "1440p": { i: 350_000, p: 40_000, b: 18_000 },
  "4k": { i: 600_000, p: 60_000, b: 30_000 },
};

/** Most bytes of an object that goes in a datagram: what every path of QUIC's takes. */
export const MAX_DATAGRAM_OBJECT = 1_152;

/** Numbers that make a load, as options give them. */
export interface LoadOptions {
  /** Bytes of an object. */
  objectBytes: number;
  /** Objects of a group. */
  groupObjects: number;
  /** Subgroups of a group. */
  streams: number;
  /** Objects a second; 0: as many as are taken. */
  rate: number;
  /** Whether objects go in datagrams. */
  datagrams: boolean;
}

/** A load of objects of one size. Throws `UsageError` where they fit no datagram. */
export function plainLoad(options: LoadOptions): Load {
  const { objectBytes, groupObjects, datagrams } = options;
  if (datagrams && objectBytes > MAX_DATAGRAM_OBJECT) {
    throw new UsageError(`objects of ${objectBytes} bytes do not fit a datagram`, {
      hint: `with datagrams give at most --object-size ${MAX_DATAGRAM_OBJECT}`,
    });
  }
  return {
    sizeOf: () => objectBytes,
    maxBytes: objectBytes,
    groupObjects,
    streams: datagrams ? 1 : Math.min(options.streams, groupObjects),
    rate: options.rate,
    datagrams,
  };
}

/** A load like video: a group each second, that begins with a large frame. */
export function videoLoad(resolution: string, framesPerSecond: number): Load {
  const profile = VIDEO[resolution];
  if (profile === undefined) {
    throw new UsageError(`no video profile is called ${JSON.stringify(resolution)}`, {
      hint: `there are ${Object.keys(VIDEO).join(", ")}`,
    });
  }
  const letterOf = (id: number) => id === 0 ? "I" : id % 3 === 0 ? "P" : "B";
  const sizes: Readonly<Record<string, number>> = { I: profile.i, P: profile.p, B: profile.b };
  return {
    sizeOf: (id) => sizes[letterOf(id)]!,
    letterOf,
    maxBytes: profile.i,
    groupObjects: Math.max(1, Math.round(framesPerSecond)),
    streams: 1,
    rate: framesPerSecond,
    datagrams: false,
  };
}
