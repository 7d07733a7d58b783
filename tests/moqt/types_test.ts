/** Every number that a stream or a datagram may begin with, by draft, and what each bit means. */
import assert from "node:assert/strict";
import { decodeDatagram } from "../../lib/moqt/data/datagram.ts";
import { SubgroupParser } from "../../lib/moqt/data/subgroup.ts";
import { MoqtViolation } from "../../lib/moqt/errors.ts";
import { type Version, VERSIONS } from "../../lib/moqt/versions.ts";

const PROTOCOL_VIOLATION = 0x3;

const SUBGROUPS_14 = [0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d];
// And those that leave out the priority.
const SUBGROUPS_16 = [...SUBGROUPS_14, ...SUBGROUPS_14.map((type) => type + 0x20)];
// And those that begin with the subgroup's first object.
const SUBGROUPS_18 = [...SUBGROUPS_16, ...SUBGROUPS_16.map((type) => type + 0x40)];

const DATAGRAMS_14 = [0, 1, 2, 3, 4, 5, 6, 7, 0x20, 0x21];
const DATAGRAMS_16 = [
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  ...[0x20, 0x21, 0x24, 0x25, 0x28, 0x29, 0x2c, 0x2d],
];

function legal(version: Version): { subgroups: readonly number[]; datagrams: readonly number[] } {
  if (version === 14) return { subgroups: SUBGROUPS_14, datagrams: DATAGRAMS_14 };
  if (version === 16) return { subgroups: SUBGROUPS_16, datagrams: DATAGRAMS_16 };
  return { subgroups: SUBGROUPS_18, datagrams: DATAGRAMS_16 };
}

/** A number below 16,384. */
function integer(value: number, version: Version): number[] {
  const short = version < 18 ? 0x40 : 0x80;
  return value < short ? [value] : [short | value >> 8, value & 0xff];
}

const isViolation = (error: unknown) =>
  error instanceof MoqtViolation && error.closeCode === PROTOCOL_VIOLATION;

/** Types that are no subgroup's, but another stream's. */
const OTHER_STREAMS = [0x05];

for (const version of VERSIONS) {
  const { subgroups, datagrams } = legal(version);

  Deno.test(`draft ${version}: a subgroup begins with each of ${subgroups.length} types, and no other`, () => {
    for (let type = 0; type < 0x100; type++) {
      if (OTHER_STREAMS.includes(type)) continue;
      const id = type >> 1 & 3;
      const bytes = Uint8Array.of(
        ...integer(type, version),
        ...[7, 9],
        ...(id === 2 ? [5] : []),
        ...((type & 0x20) === 0 ? [33] : []),
        // The first object, 3, with no properties, and one byte.
        ...[3, ...((type & 1) === 1 ? [0] : []), 1, 0xaa],
      );
      const parser = new SubgroupParser(version);
      const read = () => {
        parser.push(bytes);
        return { header: parser.header(), object: parser.next() };
      };
      if (!subgroups.includes(type)) {
        assert.throws(read, isViolation, `0x${type.toString(16)}`);
        continue;
      }
      const { header, object } = read();
      assert.ok(header !== undefined && object !== undefined, `0x${type.toString(16)}`);
      assert.equal(header.trackAlias, 7);
      assert.equal(header.group, 9);
      assert.equal(header.subgroup, id === 0 ? 0 : id === 1 ? "first-object" : 5);
      assert.equal(header.priority, (type & 0x20) === 0 ? 33 : undefined);
      assert.equal(header.hasProperties, (type & 1) === 1);
      assert.equal(header.endOfGroup, (type & 8) === 8);
      assert.equal(header.firstObject ?? false, (type & 0x40) === 0x40);
      assert.deepEqual([object.id, ...object.payload], [3, 0xaa]);
    }
  });

  Deno.test(`draft ${version}: a datagram begins with each of ${datagrams.length} types, and no other`, () => {
    for (let type = 0; type < 0x100; type++) {
      // In draft 14 the object id of a status is always there.
      const zero = (type & 4) === 4;
      const status = (type & 0x20) === 0x20;
      const bytes = Uint8Array.of(
        ...integer(type, version),
        ...[7, 9],
        ...(zero ? [] : [3]),
        ...((type & 8) === 0 ? [33] : []),
        // A property of type 2, unless a status forbids them: then the status is normal.
        ...((type & 1) === 1 ? [2, 2, 5] : []),
        ...(status ? [(type & 1) === 1 ? 0 : 3] : [0xaa]),
      );
      if (!datagrams.includes(type)) {
        assert.throws(
          () => decodeDatagram(bytes, version),
          isViolation,
          `0x${type.toString(16)}`,
        );
        continue;
      }
      const object = decodeDatagram(bytes, version);
      assert.ok(object !== undefined, `0x${type.toString(16)}`);
      assert.deepEqual([object.trackAlias, object.group, object.id], [7, 9, zero ? 0 : 3]);
      assert.equal(object.priority, (type & 8) === 0 ? 33 : undefined);
      assert.equal(object.endOfGroup, (type & 2) === 2);
      assert.equal(object.status, status && (type & 1) === 0 ? "end-of-group" : "normal");
      assert.deepEqual(object.properties, (type & 1) === 1 ? [{ type: 2, value: 5n }] : undefined);
      assert.deepEqual([...object.payload], status ? [] : [0xaa]);
    }
  });
}
