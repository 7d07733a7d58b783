/**
 * A load whose every byte is known: what is sent as fast as it is taken is checked object by object
 * where it comes out.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Publication, SubgroupWriter } from "../../lib/moqt/publish/publication.ts";
import type { ReceivedObject } from "../../lib/moqt/receive/objects.ts";

/** What is sent. */
export interface CheckedLoad {
  /** Bytes of an object by its place. */
  sizeOf(group: number, id: number): number;
  /** Objects of a group. */
  groupObjects: number;
  /** Subgroups of a group; objects go to them in turn. */
  streams: number;
  /** Objects a second; 0: as many as are taken. */
  rate?: number;
  /** Priority of a group's streams. */
  priorityOf?(group: number): number;
}

/** Bytes that tell their place. */
const HEAD_BYTES = 12;

/** An object's bytes: its place, then a pattern that differs from place to place. */
export function payloadOf(group: number, id: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const fill = group * 31 + id * 17;
  for (let at = 0; at < size; at++) bytes[at] = fill + at * 7;
  if (size >= HEAD_BYTES) {
    const view = new DataView(bytes.buffer);
    view.setUint32(0, group);
    view.setUint32(4, id);
    view.setUint32(8, size);
  }
  return bytes;
}

/** Sends groups until `signal` aborts, all of them whole; resolves with how many objects. */
export async function sendChecked(
  publication: Publication,
  load: CheckedLoad,
  signal: AbortSignal,
): Promise<number> {
  const { groupObjects, streams, rate = 0, priorityOf } = load;
  const ending = new Set<Promise<void>>();
  const began = performance.now();
  let sent = 0;
  for (let group = 0; !signal.aborted; group++) {
    const priority = priorityOf?.(group);
    const writers: SubgroupWriter[] = [];
    for (let subgroup = 0; subgroup < streams; subgroup++) {
      const endOfGroup = subgroup === (groupObjects - 1) % streams;
      const options = {
        group,
        subgroup,
        endOfGroup,
        ...(priority === undefined ? {} : { priority }),
      };
      writers.push(await publication.subgroup(options));
    }
    for (let id = 0; id < groupObjects; id++) {
      const object = { id, payload: payloadOf(group, id, load.sizeOf(group, id)) };
      const writer = writers[id % streams]!;
      while (!writer.tryWrite(object)) await writer.ready;
      sent++;
      const ahead = rate > 0 ? began + sent * 1000 / rate - performance.now() : 0;
      if (ahead > 1) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
    for (const writer of writers) {
      const closing = writer.close().finally(() => ending.delete(closing));
      ending.add(closing);
    }
    // What is written without waiting leaves nobody else a turn.
    if (group % 16 === 15) await new Promise((resolve) => setTimeout(resolve));
    while (ending.size > 64) await ending.values().next().value;
  }
  await Promise.all(ending);
  return sent;
}

/** Checks what comes: bytes, order within a subgroup, nothing twice. */
export class Checker {
  readonly #load: CheckedLoad;
  /** The next id of each subgroup that is being received. */
  readonly #next = new Map<string, number>();
  /** Objects that came. */
  objects = 0;
  /** Objects of subgroups that are missing between others, or at their ends. */
  gaps = 0;

  /** Expects a load. */
  constructor(load: CheckedLoad) {
    this.#load = load;
  }

  /** Objects came. Throws an `AssertionError` where they are not what was sent. */
  take(batch: readonly ReceivedObject[]): void {
    const { groupObjects, streams } = this.#load;
    for (const { group, subgroup = 0, id, payload, status } of batch) {
      if (status !== "normal") continue;
      const place = `${group}.${id}`;
      assert.equal(id % streams, subgroup, `${place} came in subgroup ${subgroup}`);
      assert.ok(id < groupObjects, `${place} does not exist`);
      const key = `${group}/${subgroup}`;
      const expected = this.#next.get(key) ?? subgroup;
      assert.ok(id >= expected, `${place} came after ${group}.${expected - streams}`);
      this.gaps += (id - expected) / streams;
      if (id + streams >= groupObjects) this.#next.delete(key);
      else this.#next.set(key, id + streams);
      this.objects++;
      const size = this.#load.sizeOf(group, id);
      assert.equal(payload.length, size, `${place} has another size`);
      checkBytes(payload, group, id, place);
    }
  }
}

/** All bytes of small objects, and some of large ones, which would take most of the time. */
function checkBytes(payload: Uint8Array, group: number, id: number, place: string): void {
  const fill = group * 31 + id * 17;
  const size = payload.length;
  if (size >= HEAD_BYTES) {
    const view = new DataView(payload.buffer, payload.byteOffset, size);
    assert.deepEqual([view.getUint32(0), view.getUint32(4), view.getUint32(8)], [group, id, size]);
  }
  const step = size <= 256 ? 1 : size / 64 | 0;
  for (let at = size < HEAD_BYTES ? 0 : HEAD_BYTES; at < size; at += step) {
    if (payload[at] !== (fill + at * 7 & 0xff)) {
      assert.fail(`byte ${at} of ${place} is not what was sent`);
    }
  }
  const last = size - 1;
  if (size > HEAD_BYTES) {
    assert.equal(payload[last], fill + last * 7 & 0xff, `the last of ${place}`);
  }
}
