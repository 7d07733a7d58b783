/**
 * Data streams and datagrams, as bytes and as values. Tests and the fuzzer go through all of them.
 *
 * @module
 */
import type { ObjectDatagram } from "../../lib/moqt/data/datagram.ts";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import type { SubgroupHeader, SubgroupObject } from "../../lib/moqt/data/subgroup.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import { hex } from "./cases.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const NOTHING = new Uint8Array(0);

const object = (id: number, text: string): SubgroupObject => ({
  id,
  status: "normal",
  payload: utf8(text),
});

/** A subgroup stream. */
export interface SubgroupCase {
  /** What it is. */
  name: string;
  /** The draft. */
  version: Version;
  /** The whole stream. */
  bytes: Uint8Array;
  /** Its header. */
  header: SubgroupHeader;
  /** Its objects. */
  objects: SubgroupObject[];
}

const SUBGROUPS: readonly SubgroupCase[] = [
  {
    // draft-14, section 10.5.
    name: "the example of a subgroup",
    version: 14,
    bytes: hex("1002000000" + "0461626364" + "000465666768"),
    header: {
      trackAlias: 2,
      group: 0,
      subgroup: 0,
      priority: 0,
      hasProperties: false,
      endOfGroup: false,
    },
    objects: [object(0, "abcd"), object(1, "efgh")],
  },
  {
    // The example's types, written whole: nothing is a distance from another.
    name: "a subgroup with extension headers, which ends its group",
    version: 14,
    bytes: hex(
      "1d02000109" + "001a" + "04c00000008257dcf3" + "404d0e" + "747261636549443a313233343536" +
        "0461626364" + "00000465666768" + "000000" + "03",
    ),
    header: {
      trackAlias: 2,
      group: 0,
      subgroup: 1,
      priority: 9,
      hasProperties: true,
      endOfGroup: true,
    },
    objects: [
      {
        id: 0,
        status: "normal",
        properties: [
          { type: 4, value: 2_186_796_275n },
          { type: 77, value: utf8("traceID:123456") },
        ],
        payload: utf8("abcd"),
      },
      object(1, "efgh"),
      { id: 2, status: "end-of-group", payload: NOTHING },
    ],
  },
  {
    // draft-16, section 10.5, without the subgroup id that 0 does not need.
    name: "the example of a subgroup",
    version: 16,
    bytes: hex("10020000" + "000461626364" + "000465666768"),
    header: {
      trackAlias: 2,
      group: 0,
      subgroup: 0,
      priority: 0,
      hasProperties: false,
      endOfGroup: false,
    },
    objects: [object(0, "abcd"), object(1, "efgh")],
  },
  {
    name: "a subgroup with properties and the track's priority",
    version: 16,
    bytes: hex(
      "35020001" + "0019" + "04c00000008257dcf3" + "40490d" + "747261636549443a3132333435" +
        "0461626364" + "00000465666768",
    ),
    header: { trackAlias: 2, group: 0, subgroup: 1, hasProperties: true, endOfGroup: false },
    objects: [
      {
        id: 0,
        status: "normal",
        properties: [
          { type: 4, value: 2_186_796_275n },
          { type: 77, value: utf8("traceID:12345") },
        ],
        payload: utf8("abcd"),
      },
      object(1, "efgh"),
    ],
  },
  {
    name: "a subgroup named by its first object, ending the group, with ids left out",
    version: 18,
    bytes: hex("7a0100" + "0501aa" + "8100" + "01bb" + "00" + "0003"),
    header: {
      trackAlias: 1,
      group: 0,
      subgroup: "first-object",
      hasProperties: false,
      endOfGroup: true,
      firstObject: true,
    },
    objects: [
      { id: 5, status: "normal", payload: hex("aa") },
      { id: 262, status: "normal", payload: hex("bb") },
      { id: 263, status: "end-of-group", payload: NOTHING },
    ],
  },
  {
    name: "an empty object, and the track's end",
    version: 18,
    bytes: hex("14c040008fa007" + "09" + "000000" + "000004"),
    header: {
      trackAlias: 16_384,
      group: 4000,
      subgroup: 7,
      priority: 9,
      hasProperties: false,
      endOfGroup: false,
      firstObject: false,
    },
    objects: [
      { id: 0, status: "normal", payload: NOTHING },
      { id: 1, status: "end-of-track", payload: NOTHING },
    ],
  },
];

/** The drafts whose streams are the same as draft-18's. */
const LIKE_18: readonly Version[] = [18, 20, 22];

function copies<T extends { version: Version }>(cases: readonly T[]): readonly T[] {
  return cases.flatMap((entry) =>
    entry.version === 18 ? LIKE_18.map((version) => ({ ...entry, version })) : [entry]
  );
}

/** Subgroup streams. */
export const SUBGROUP_CASES: readonly SubgroupCase[] = copies(SUBGROUPS);

/** A fetch stream. */
export interface FetchCase {
  /** What it is. */
  name: string;
  /** The draft. */
  version: Version;
  /** The whole stream. */
  bytes: Uint8Array;
  /** Whose it is. */
  requestId: number;
  /** Its objects. */
  items: FetchItem[];
  /** Whether groups go down. */
  descending?: boolean;
}

const ITEMS: FetchItem[] = [
  { kind: "object", group: 3, subgroup: 0, id: 0, priority: 128, payload: hex("aa") },
  { kind: "object", group: 3, subgroup: 1, id: 1, priority: 128, payload: hex("bb") },
  { kind: "object", group: 3, subgroup: 1, id: 4, priority: 5, payload: NOTHING },
  { kind: "gap", known: false, group: 3, id: 9 },
  {
    kind: "object",
    group: 5,
    id: 0,
    priority: 5,
    properties: [{ type: 2, value: 7n }],
    payload: hex("cc"),
  },
];

const FETCHES: readonly FetchCase[] = [
  {
    name: "a fetch whose objects say all of themselves",
    version: 14,
    requestId: 2,
    items: ITEMS.filter(({ kind }) => kind === "object").map((item) => ({
      ...item,
      ...(item.group === 5 ? { subgroup: 0 } : {}),
    })),
    bytes: hex(
      "0502" + "03000080" + "0001aa" + "03010180" + "0001bb" + "03010405" + "000000" + "05000005" +
        "020207" + "01cc",
    ),
  },
  {
    name: "a fetch with every kind of field",
    version: 16,
    requestId: 2,
    items: ITEMS,
    bytes: hex(
      "0502" + "1c" + "030080" + "01aa" + "02" + "01bb" + "15" + "0405" + "00" + "410c" + "0309" +
        "406c" + "0500" + "020207" + "01cc",
    ),
  },
  {
    name: "a fetch with every kind of field",
    version: 18,
    requestId: 2,
    items: ITEMS,
    bytes: hex(
      "0502" + "1c" + "030080" + "01aa" + "02" + "01bb" + "15" + "0305" + "00" + "810c" + "0309" +
        "6c" + "0100" + "020207" + "01cc",
    ),
  },
  {
    name: "a fetch whose groups go down",
    version: 18,
    requestId: 0,
    descending: true,
    items: [
      { kind: "object", group: 9, subgroup: 2, id: 1, priority: 0, payload: hex("aa") },
      { kind: "object", group: 7, subgroup: 3, id: 0, priority: 0, payload: hex("bb") },
    ],
    bytes: hex("0500" + "1f" + "09020100" + "01aa" + "0e" + "0100" + "01bb"),
  },
];

/** Fetch streams. */
export const FETCH_CASES: readonly FetchCase[] = [
  ...copies(FETCHES),
  ...LIKE_18.slice(1).map((version): FetchCase => ({
    name: "objects that did not come in time",
    version,
    requestId: 0,
    items: [{ kind: "gap", known: false, timedOut: true, group: 1, id: 2 }],
    bytes: hex("0500" + "820c" + "0102"),
  })),
];

/** A datagram. */
export interface DatagramCase {
  /** What it is. */
  name: string;
  /** The draft. */
  version: Version;
  /** The whole datagram. */
  bytes: Uint8Array;
  /** The object in it; undefined: padding. */
  object: ObjectDatagram | undefined;
}

const datagram = (more: Partial<ObjectDatagram>): ObjectDatagram => ({
  trackAlias: 1,
  group: 2,
  id: 3,
  endOfGroup: false,
  status: "normal",
  payload: hex("aabb"),
  ...more,
});

const WITHOUT_PRIORITY: readonly DatagramCase[] = ([16, ...LIKE_18] as const).flatMap((
  version,
): DatagramCase[] => [
  { name: "a datagram", version, bytes: hex("08010203aabb"), object: datagram({}) },
  {
    name: "an object with properties in a datagram",
    version,
    bytes: hex("09010203" + "020207" + "aabb"),
    object: datagram({ properties: [{ type: 2, value: 7n }] }),
  },
  {
    name: "a track's end in a datagram",
    version,
    bytes: hex("2801020304"),
    object: datagram({ status: "end-of-track", payload: NOTHING }),
  },
  {
    name: "an object without bytes in a datagram",
    version,
    bytes: hex("0c0102"),
    object: datagram({ id: 0, payload: NOTHING }),
  },
]);

/** Datagrams. */
export const DATAGRAM_CASES: readonly DatagramCase[] = [
  ...WITHOUT_PRIORITY,
  ...([14, 16, ...LIKE_18] as const).map((version): DatagramCase => ({
    name: "a group's last object 0 with a priority, in a datagram",
    version,
    bytes: hex("0601020faabb"),
    object: datagram({ id: 0, priority: 15, endOfGroup: true }),
  })),
  {
    name: "an object with extension headers in a datagram",
    version: 14,
    bytes: hex("0101020309" + "020207" + "aabb"),
    object: datagram({ priority: 9, properties: [{ type: 2, value: 7n }] }),
  },
  {
    name: "a group's end in a datagram",
    version: 14,
    bytes: hex("2001020009" + "03"),
    object: datagram({ id: 0, priority: 9, status: "end-of-group", payload: NOTHING }),
  },
  ...LIKE_18.map((version): DatagramCase => ({
    name: "padding in a datagram",
    version,
    bytes: hex("f0132b3e29" + "0000"),
    object: undefined,
  })),
];
