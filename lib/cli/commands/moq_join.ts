/**
 * `xoq moq join`: a MoQT track from some groups back on, and live from there, without a gap.
 *
 * @module
 */
import type { OptionTable } from "../../device.ts";
import { type Command, defineCommand } from "../command.ts";
import { RECEIVE_OPTIONS, receiveTrack } from "../moq_receive.ts";
import { SESSION_OPTIONS } from "../moq_session.ts";

/** It dials: what was published before, only a server has. */
const { listen: _listen, cert: _cert, key: _key, public: _public, ...DIALLING } = SESSION_OPTIONS;

const OPTIONS = {
  "groups": {
    type: "number",
    value: "N",
    default: 1,
    min: 0,
    brief: "groups before the present one to begin with",
  },
  "from": {
    type: "number",
    value: "GROUP",
    min: 0,
    brief: "the group to begin with, instead of --groups",
  },
  ...RECEIVE_OPTIONS,
  ...DIALLING,
} as const satisfies OptionTable;

/** The command. */
export const moqJoinCommand: Command = defineCommand({
  positionals: [{ value: "URL", brief: "moqt://…, https://… or a ticket" }],
  options: OPTIONS,
  description: "SUBSCRIBE for what comes and a joining FETCH for what was: nothing is missing\n" +
    "between the two. A session that is lost is joined again where it left off.",
  examples: [
    [
      "xoq moq join URL --namespace live/cam --track video | ffplay -",
      "from the last key frame on",
    ],
    ["xoq moq join URL --groups 5 --format json", "five groups back"],
    ["xoq moq join URL --from 0 --out all.bin", "from the first group, where the relay keeps it"],
  ],
  dataOnStdout: (values) => values["out"] === undefined,
  run: async ([target], values, context) => {
    const { from, groups } = values;
    const history = from === undefined ? { groupsBack: groups } : { group: from };
    const none = { listen: undefined, cert: undefined, key: undefined, public: false };
    await receiveTrack(target, { ...values, ...none }, {}, context, history);
  },
});
