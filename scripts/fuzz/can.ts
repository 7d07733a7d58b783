/**
 * Decoders of CAN: records, pipes, cannelloni, socketcand, candump's lines, rtnetlink.
 *
 * @module
 */
import { concat, parseLink, readMessages } from "../../ffi/rtnetlink_message.ts";
import { CannelloniParser, encodeCannelloni } from "../../lib/can/cannelloni_codec.ts";
import { parseLogLine } from "../../lib/can/candump.ts";
import { parseFilter } from "../../lib/can/filter.ts";
import { type CanFrame, checked, dataFrame, remoteFrame } from "../../lib/can/frame.ts";
import { encodeRecords, RecordParser } from "../../lib/can/record.ts";
import {
  classicFrame,
  fdFrame,
  requestFrame,
  SocketcandParser,
} from "../../lib/can/socketcand_text.ts";
import { CanRecordParser, encodeCanRecords } from "../../lib/can/wire.ts";
import { XoqError } from "../../lib/errors.ts";
import type { FuzzTarget } from "./targets.ts";

const known = (error: unknown) => error instanceof XoqError;
const utf8 = (text: string) => new TextEncoder().encode(text);
const FRAMES = [
  dataFrame(0x123, Uint8Array.of(1, 2, 3)),
  dataFrame(0x12345678, new Uint8Array(64).fill(7), { brs: true }),
  remoteFrame(0x7ff, 4),
];

/** Whole or in two pieces, the same bytes are the same frames, which a bus can carry. */
function cut(
  make: () => (chunk: Uint8Array) => readonly CanFrame[],
  input: Uint8Array,
): void {
  const half = input.length >> 1;
  const push = make();
  const pieces = [...push(input.slice(0, half)), ...push(input.slice(half))];
  const whole = make()(input.slice());
  const shown = (frames: readonly CanFrame[]) =>
    JSON.stringify(frames.map((frame) => ({ ...frame, data: [...frame.data] })));
  if (shown(pieces) !== shown(whole)) throw new Error("a cut changes the frames");
  for (const frame of whole) if (frame.kind !== "error") checked(frame);
}

/** Targets of this room. */
export const canTargets: readonly FuzzTarget[] = [
  {
    name: "can-records",
    seeds: [encodeRecords(FRAMES)],
    run: (input) =>
      cut(() => {
        const parser = new RecordParser();
        return (chunk) => parser.push(chunk);
      }, input),
    expects: known,
  },
  {
    name: "can-pipe",
    seeds: [
      encodeCanRecords([
        ...FRAMES.map((frame) => ({ type: "frame" as const, frame })),
        { type: "received", frames: 3 },
        { type: "outcome", index: 2, dropped: "stale", time: 1 },
      ]),
    ],
    run: (input) =>
      cut(() => {
        const parser = new CanRecordParser();
        return (chunk) =>
          parser.push(chunk).flatMap((each) => each.type === "frame" ? [each.frame] : []);
      }, input),
    expects: known,
  },
  {
    name: "cannelloni",
    seeds: [concat([utf8("CANNELLONIv1"), encodeCannelloni(FRAMES)])],
    run: (input) =>
      cut(() => {
        const parser = new CannelloniParser();
        return (chunk) => parser.push(chunk);
      }, input),
    expects: known,
  },
  {
    name: "socketcand",
    seeds: [utf8("< send 123 2 1 F1 >< fdsend 12345678 01 3 1 2 3 >< sendrtr 7FF 4 >< echo >")],
    run(input) {
      const readers: Record<string, (words: string[]) => unknown> = {
        send: classicFrame,
        fdsend: fdFrame,
        sendrtr: requestFrame,
      };
      for (const [verb = "", ...words] of new SocketcandParser().push(input)) {
        if (Object.hasOwn(readers, verb)) readers[verb]!(words);
      }
    },
    expects: known,
  },
  {
    name: "can-text",
    seeds: ["(1436509052.249713) can0 123#1122", "12345678##1AABB", "7FF#R4", "123~7FF"].map(utf8),
    run(input) {
      const text = new TextDecoder().decode(input);
      for (const parse of [parseLogLine, parseFilter]) {
        try {
          parse(text);
        } catch (error) {
          if (!known(error)) throw error;
        }
      }
    },
    expects: () => false,
  },
  {
    name: "rtnetlink",
    seeds: [
      Uint8Array.of(40, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24, 1, 5, 0, 0, 0)
        .slice(),
    ],
    run(input) {
      parseLink(input);
      for (const { payload } of readMessages(input)) parseLink(payload);
    },
    expects: () => false,
  },
];
