/**
 * MoQT's decoders: control messages, streams and datagrams of every draft.
 *
 * @module
 */
import { decodeDatagram } from "../../lib/moqt/data/datagram.ts";
import { FetchParser } from "../../lib/moqt/data/fetch.ts";
import { SubgroupParser } from "../../lib/moqt/data/subgroup.ts";
import { MoqtViolation } from "../../lib/moqt/errors.ts";
import { encodeFrame, encodeGroup, GroupParser, LiteStreamError } from "../../lib/moqt/lite/mod.ts";
import {
  type ControlMessage,
  ControlParser,
  encodeControl,
} from "../../lib/moqt/messages/control.ts";
import type { Parameters } from "../../lib/moqt/wire/parameters.ts";
import { hasRequestStreams, type Version, VERSIONS } from "../../lib/moqt/versions.ts";
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

/** What is read can be written, and then is read the same; properties aside, which may be sorted. */
function again(version: Version, input: Uint8Array): void {
  const messages: ControlMessage[] = [];
  halves(new ControlParser(version), input, (item) => messages.push(item as ControlMessage));
  for (const message of messages) {
    const parser = new ControlParser(version);
    // The number of REQUEST_OK is PUBLISH_OK's, too, where requests have streams.
    const alias = message.kind === "request-ok" && hasRequestStreams(version);
    parser.push(
      encodeControl(
        alias
          ? { kind: "publish-ok", requestId: 0, parameters: withoutLargest(message.parameters) }
          : message,
        version,
      ),
    );
    if (parser.next()?.kind === undefined) throw new Error(`${message.kind} is not read again`);
  }
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

/** Every target. */
export function moqtTargets(): FuzzTarget[] {
  return [liteMessages, liteGroup, ...draftTargets()];
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
