/**
 * `xoq key make`: an identity, before a server makes it by itself: to know a device's endpoint id
 * beforehand, or to put XoQ's key files in place.
 *
 * @module
 */
import { openIdentity } from "../../transport/identity.ts";
import { DeniedError } from "../../errors.ts";
import { type Command, defineCommand } from "../command.ts";

/** The command. */
export const keyMakeCommand: Command = defineCommand({
  positionals: [{ value: "NAME", brief: "name, as --name gives it to a server" }],
  options: {},
  description: "An identity that exists already is left as it is.",
  examples: [[
    "xoq key make front",
    "prints the endpoint id that `xoq camera 0 --name front` will have",
  ]],
  run: async ([name = ""], _values, { output }) => {
    await using identity = await openIdentity({ name, explicit: true });
    if (identity.ephemeral) {
      throw new DeniedError(identity.notices[0] ?? "there is no place to keep it", {
        hint: "set HOME or XDG_STATE_HOME",
      });
    }
    for (const notice of identity.notices) output.warn(notice);
    if (output.json) output.record({ name, id: identity.id, folder: identity.folder });
    else output.print(identity.id);
  },
});
