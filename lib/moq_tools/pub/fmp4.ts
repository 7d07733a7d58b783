/**
 * Fragmented MP4 cut into objects: a fragment (`moof` and `mdat`, with what stands before them) is one,
 * a group begins where the video can be decoded from, with the initialisation (`ftyp`, `moov`) as its
 * first object, so that every group plays alone. ISO/IEC 14496-12.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import { type CutObject, Gatherer } from "./cut.ts";

/** Bit of a sample's flags: it can't be decoded alone. */
const NON_SYNC = 0x10000;
/** Bits of `tfhd`'s flags: which fields there are. */
const TFHD = { baseOffset: 0x1, description: 0x2, duration: 0x8, size: 0x10, flags: 0x20 };
/** Bits of `trun`'s flags. */
const TRUN = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400 };

interface Track {
  id: number;
  isVideo: boolean;
  defaultFlags: number;
}

/** Cuts a stream of fragmented MP4. Throws `UsageError` where it is something else. */
export async function* cutFragments(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<CutObject, void, undefined> {
  const gatherer = new Gatherer();
  let init: Uint8Array[] = [];
  let pending: Uint8Array[] = [];
  let track: Track | undefined;
  let startsGroup = true;
  // What comes before the first picture (other tracks' fragments) is in its group.
  let hasPicture = false;
  for await (const chunk of input) {
    gatherer.push(chunk);
    for (let box = takeBox(gatherer); box !== undefined; box = takeBox(gatherer)) {
      const type = typeOf(box);
      if (track === undefined) {
        if (type === "moof" || type === "mdat") throw notFragmented(`${type} before moov`);
        init.push(box);
        if (type === "moov") track = referenceTrack(box);
        continue;
      }
      if (type === "moov") {
        // Another initialisation: what follows needs it.
        init = [...init.filter((known) => typeOf(known) === "ftyp"), box];
        track = referenceTrack(box);
        startsGroup = true;
        hasPicture = false;
        continue;
      }
      pending.push(box);
      if (type === "moof") {
        const sync = startsWithSync(box, track);
        if (sync === true && hasPicture) startsGroup = true;
        if (sync !== undefined) hasPicture = true;
      }
      if (type !== "mdat") continue;
      if (startsGroup) yield { payload: join(init), startsGroup };
      yield { payload: join(pending), startsGroup: false };
      pending = [];
      startsGroup = false;
    }
  }
  if (track === undefined) throw notFragmented("it has no moov box");
}

/** Whether a stream that begins so is MP4. */
export function isMp4(head: Uint8Array): boolean {
  return head.length >= 8 && ["ftyp", "styp", "moov"].includes(typeOf(head));
}

function notFragmented(why: string): UsageError {
  return new UsageError(`the input is no fragmented MP4: ${why}`, {
    hint: "ffmpeg … -movflags frag_keyframe+empty_moov+default_base_moof -f mp4",
  });
}

function takeBox(gatherer: Gatherer): Uint8Array | undefined {
  const { bytes } = gatherer;
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let size = view.getUint32(0);
  if (size === 1) {
    if (bytes.length < 16) return undefined;
    size = Number(view.getBigUint64(8));
  }
  if (size < 8) throw notFragmented(`a box says it has ${size} bytes`);
  return bytes.length < size ? undefined : gatherer.take(size);
}

function typeOf(box: Uint8Array): string {
  return String.fromCharCode(...box.subarray(4, 8));
}

/** Boxes inside one whose children begin at `from`. */
function* children(box: Uint8Array, from = 8): Generator<Uint8Array, void, undefined> {
  const view = new DataView(box.buffer, box.byteOffset, box.length);
  for (let at = from; at + 8 <= box.length;) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > box.length) throw notFragmented("a box is longer than its parent");
    yield box.subarray(at, at + size);
    at += size;
  }
}

function child(box: Uint8Array | undefined, type: string): Uint8Array | undefined {
  if (box === undefined) return undefined;
  for (const inner of children(box)) if (typeOf(inner) === type) return inner;
  return undefined;
}

/** A field of a full box, behind version and flags; 0 where the box is too short. */
function field(box: Uint8Array, offset: number): number {
  if (offset + 4 > box.length) throw notFragmented(`a ${typeOf(box)} box is too short`);
  return new DataView(box.buffer, box.byteOffset).getUint32(offset);
}

function flagsOf(box: Uint8Array): number {
  return field(box, 8) & 0xffffff;
}

/** The first video track, or the first of all. */
function referenceTrack(moov: Uint8Array): Track {
  const defaults = new Map<number, number>();
  const mvex = child(moov, "mvex");
  for (const trex of mvex === undefined ? [] : children(mvex)) {
    if (typeOf(trex) === "trex") defaults.set(field(trex, 12), field(trex, 28));
  }
  const tracks: Track[] = [];
  for (const trak of children(moov)) {
    if (typeOf(trak) !== "trak") continue;
    const tkhd = child(trak, "tkhd");
    const hdlr = child(child(trak, "mdia"), "hdlr");
    if (tkhd === undefined || hdlr === undefined) throw notFragmented("a track is incomplete");
    const id = field(tkhd, field(tkhd, 8) >>> 24 === 1 ? 28 : 20);
    const isVideo = String.fromCharCode(...hdlr.subarray(16, 20)) === "vide";
    tracks.push({ id, isVideo, defaultFlags: defaults.get(id) ?? 0 });
  }
  const track = tracks.find(({ isVideo }) => isVideo) ?? tracks[0];
  if (track === undefined) throw notFragmented("it has no tracks");
  return track;
}

/** Whether a fragment's first sample of the track can be decoded alone; undefined: it has none. */
function startsWithSync(moof: Uint8Array, track: Track): boolean | undefined {
  for (const traf of children(moof)) {
    if (typeOf(traf) !== "traf") continue;
    const tfhd = child(traf, "tfhd");
    const trun = child(traf, "trun");
    if (tfhd === undefined || trun === undefined || field(tfhd, 12) !== track.id) continue;
    return (firstFlags(tfhd, trun) ?? track.defaultFlags & NON_SYNC) === 0;
  }
  return undefined;
}

/** {@link NON_SYNC} of the first sample, where the fragment tells. */
function firstFlags(tfhd: Uint8Array, trun: Uint8Array): number | undefined {
  const told = flagsOf(trun);
  let at = 16 + (told & TRUN.dataOffset ? 4 : 0);
  if (told & TRUN.firstFlags) return field(trun, at) & NON_SYNC;
  if (told & TRUN.flags) {
    at += (told & TRUN.duration ? 4 : 0) + (told & TRUN.size ? 4 : 0);
    return field(trun, at) & NON_SYNC;
  }
  const has = flagsOf(tfhd);
  if (!(has & TFHD.flags)) return undefined;
  const before = (has & TFHD.baseOffset ? 8 : 0) + (has & TFHD.description ? 4 : 0) +
    (has & TFHD.duration ? 4 : 0) + (has & TFHD.size ? 4 : 0);
  return field(tfhd, 16 + before) & NON_SYNC;
}

function join(boxes: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(boxes.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const box of boxes) {
    joined.set(box, at);
    at += box.length;
  }
  return joined;
}
