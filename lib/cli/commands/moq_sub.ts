/**
 * `xoq moq sub`: a MoQT track to stdout or a file.
 *
 * @module
 */
import type { OptionTable } from "../../device.ts";
import { UsageError } from "../../errors.ts";
import { type Command, defineCommand } from "../command.ts";
import { SESSION_OPTIONS } from "../moq_session.ts";
import { RECEIVE_OPTIONS, receiveTrack } from "../moq_receive.ts";
import { parseTrackFilter } from "../track_filter.ts";

const OPTIONS = {
  "filter": {
    type: "string",
    value: "FILTER",
    brief:
      "where to begin: largest (after the largest object), next-group, GROUP or GROUP:OBJECT, " +
      "or a range GROUP[:OBJECT]..GROUP[:OBJECT]; absent: all that is published from now on; " +
      "since draft 20 also which objects, by words like objects=0-3,8- subgroups=0 " +
      "priorities=0-127 0x20=5 (a property)",
  },
  "order": {
    type: "enum",
    values: ["ascending", "descending"],
    brief: "which groups are sent first where not all fit; absent: as the publisher prefers",
  },
  ...RECEIVE_OPTIONS,
  ...SESSION_OPTIONS,
} as const satisfies OptionTable;

/** The command. */
export const moqSubCommand: Command = defineCommand({
  positionals: [
    { value: "URL", brief: "moqt://…, https://… or a ticket; not with --listen", optional: true },
  ],
  options: OPTIONS,
  description:
    "Subscribes to a track and writes its objects to stdout, group by group. A session\n" +
    "that is lost is dialled again and the track subscribed to again; what came already is not\n" +
    "written twice. Ends with the track.",
  examples: [
    ["xoq moq sub moqt://localhost:4443 --insecure", "objects as they are"],
    ["xoq moq sub URL --namespace live/cam --track video --out v.mp4", "to a file"],
    ["xoq moq sub URL --format json --count 5", "five objects with their places, as JSON lines"],
    ['xoq moq sub URL --filter "next-group objects=0"', "the first object of each group"],
    ["xoq moq sub --listen :4443", "as a server that publishers dial"],
  ],
  dataOnStdout: (values) => values["out"] === undefined,
  run: async ([target], values, context) => {
    if (values.listen !== undefined && target !== undefined) {
      throw new UsageError("--listen takes no URL");
    }
    const { filter, order } = values;
    await receiveTrack(target, values, {
      ...(filter === undefined ? {} : parseTrackFilter(filter)),
      ...(order === undefined ? {} : { groupOrder: order }),
    }, context);
  },
});
