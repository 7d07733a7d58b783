/**
 * MoQT's decoders: control messages, streams and datagrams of every draft.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { decodeDatagram } from "../../lib/moqt/data/datagram.ts";
import { FetchParser } from "../../lib/moqt/data/fetch.ts";
import { encodeSubgroupHeader, SubgroupParser } from "../../lib/moqt/data/subgroup.ts";
import { MoqtViolation } from "../../lib/moqt/errors.ts";
import { encodeFrame, encodeGroup, GroupParser, LiteStreamError } from "../../lib/moqt/lite/mod.ts";
import { GroupScanner } from "../../lib/moqt/lite/scan.ts";
import {
  type ControlMessage,
  ControlParser,
  encodeControl,
} from "../../lib/moqt/messages/control.ts";
import type { Parameters } from "../../lib/moqt/wire/parameters.ts";
import { integersOf } from "../../lib/moqt/wire/integers.ts";
import { hasRequestStreams, NEWEST, type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { rewriterOf } from "../../lib/relay/live/framing.ts";
import { CONTROL_CASES } from "../../tests/moqt/cases.ts";
import { DATAGRAM_CASES, FETCH_CASES, SUBGROUP_CASES } from "../../tests/moqt/data_cases.ts";
import { LITE_CASES } from "../../tests/moqt/lite/cases.ts";
import type { FuzzTarget } from "./targets.ts";

/** Most bytes an object may have here. */
const LIMIT = 1 << 20;

/** A parser that takes bytes as they come. */
interface PushParser {
  push(bytes: Uint8Array): void;
  next(): unknown;
}

const expects = (error: unknown) => error instanceof MoqtViolation;

function seedsOf(version: Version, cases: readonly { version: Version; bytes: Uint8Array }[]) {
  return cases.filter((entry) => entry.version === version).map(({ bytes }) => bytes);
}

function halves(parser: PushParser, input: Uint8Array, each: (item: unknown) => void): void {
  const half = input.length >> 1;
  for (const part of [input.slice(0, half), input.slice(half)]) {
    parser.push(part);
    for (let item = parser.next(); item !== undefined; item = parser.next()) each(item);
  }
}

/**
 * What is read can be written, and what is written says the same. It is compared as bytes: some of
 * what is read has another form that means the same, and is written in one.
 */
function again(version: Version, input: Uint8Array): void {
  const messages: ControlMessage[] = [];
  halves(new ControlParser(version), input, (item) => messages.push(item as ControlMessage));
  for (const message of messages) {
    const once = encodeControl(sendable(message, version), version);
    const parser = new ControlParser(version);
    parser.push(once);
    const read = parser.next();
    if (read === undefined) throw new Error(`${message.kind} is not read again`);
    const twice = encodeControl(sendable(read, version), version);
    if (isDeepStrictEqual(once, twice)) continue;
    throw new Error(`${message.kind} is read otherwise when it is written again`);
  }
}

/** The number of REQUEST_OK is PUBLISH_OK's, too, where requests have streams. */
function sendable(message: ControlMessage, version: Version): ControlMessage {
  if (message.kind !== "request-ok" || !hasRequestStreams(version)) return message;
  const { requestId, parameters } = message;
  return { kind: "publish-ok", requestId, parameters: withoutLargest(parameters) };
}

function typeLength(version: Version, bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : integersOf(version).length(bytes[0]!);
}

function withoutLargest({ largest: _, ...parameters }: Parameters): Parameters {
  return parameters;
}

/** Bodies of moq-lite's messages: each is given to every reader. */
const liteMessages: FuzzTarget = {
  name: "moq-lite-messages",
  seeds: LITE_CASES.map(({ bytes, head }) => bytes.slice(head)),
  run: (input) => {
    for (const { decode } of LITE_CASES) {
      try {
        decode(input);
      } catch (error) {
        if (!expects(error)) throw error;
      }
    }
  },
  expects,
};

const liteGroup: FuzzTarget = {
  name: "moq-lite-group",
  seeds: [0, 3, 70].map((size) =>
    Uint8Array.of(
      ...encodeGroup({ subscribe: size, sequence: 70_000 }).subarray(1),
      ...encodeFrame(new Uint8Array(size)),
      ...encodeFrame(Uint8Array.of(1, 2)),
    )
  ),
  run: (input) => {
    const parser = new GroupParser(undefined, LIMIT);
    const half = input.length >> 1;
    let header: unknown;
    for (const part of [input.slice(0, half), input.slice(half)]) {
      parser.push(part);
      header ??= parser.header();
      while (header !== undefined && parser.next() !== undefined);
    }
  },
  expects: (error) => expects(error) || error instanceof LiteStreamError,
};

/** Groups as the relay scans and rewrites them: the same frames as who parses them gets. */
const liteForward: FuzzTarget = {
  name: "moq-lite-forward",
  seeds: [0, 3, 70].map((size) =>
    Uint8Array.of(...encodeFrame(new Uint8Array(size)), ...encodeFrame(Uint8Array.of(1, 2)))
  ),
  run: (input) => {
    const [scanner, parser] = [new GroupScanner(LIMIT), new GroupParser(undefined, LIMIT)];
    const rewriter = rewriterOf("lite", NEWEST, false);
    const objects = new SubgroupParser(NEWEST);
    objects.push(encodeSubgroupHeader({ ...SUBGROUP, trackAlias: 0 }, NEWEST));
    objects.header();
    const half = input.length >> 1;
    for (const part of [input.slice(0, half), input.slice(half)]) {
      const piece = scanner.push(part.slice());
      if (piece !== undefined) objects.push(rewriter.push(piece)!.bytes);
      parser.push(part);
      for (let frame = parser.next(); frame !== undefined; frame = parser.next()) {
        const object = objects.next();
        if (object === undefined || !sameBytes(object.payload, frame)) {
          throw new Error("a frame was rewritten to something else");
        }
      }
      if (objects.next() !== undefined) throw new Error("there are more objects than frames");
    }
    if (scanner.between !== parser.between) throw new Error("they end otherwise");
  },
  expects: (error) => expects(error) || error instanceof LiteStreamError,
};

const SUBGROUP = { group: 0, subgroup: 0, hasProperties: false, endOfGroup: true } as const;

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** Every target. */
export function moqtTargets(): FuzzTarget[] {
  return [liteMessages, liteGroup, liteForward, ...draftTargets()];
}

function draftTargets(): FuzzTarget[] {
  return VERSIONS.flatMap((version): FuzzTarget[] => [
    {
      name: `moqt-${version}-control`,
      seeds: seedsOf(version, CONTROL_CASES),
      run: (input) => again(version, input),
      expects,
    },
    {
      // Whose length is right whatever was done to the fields: what is broken is found behind it.
      name: `moqt-${version}-fields`,
      seeds: seedsOf(version, CONTROL_CASES).map((bytes) => {
        const head = typeLength(version, bytes);
        return Uint8Array.of(...bytes.subarray(0, head), ...bytes.subarray(head + 2));
      }),
      run: (input) => {
        const head = typeLength(version, input);
        const { length } = input.subarray(head);
        again(
          version,
          Uint8Array.of(...input.subarray(0, head), length >> 8, length, ...input.subarray(head)),
        );
      },
      expects,
    },
    {
      name: `moqt-${version}-subgroup`,
      seeds: seedsOf(version, SUBGROUP_CASES),
      run: (input) => halves(new SubgroupParser(version, LIMIT), input, () => {}),
      expects,
    },
    {
      name: `moqt-${version}-fetch`,
      seeds: seedsOf(version, FETCH_CASES),
      run: (input) => halves(new FetchParser(version, LIMIT), input, () => {}),
      expects,
    },
    {
      name: `moqt-${version}-datagram`,
      seeds: seedsOf(version, DATAGRAM_CASES),
      run: (input) => void decodeDatagram(input, version),
      expects,
    },
  ]);
}
