/**
 * `xoq licenses`: of everything inside the executable.
 *
 * @module
 */
import { type Command, defineCommand } from "../command.ts";
import { INSIDE, LICENSE_SECTIONS } from "../license_texts.ts";

const SUMMARY =
  `xoq's source is under the Apache License, Version 2.0. The default executable contains an encoder with
x264 and x265 (GPL) and is as a whole under the GNU General Public License, version 3; the slim one
leaves the encoder out. The texts follow.`;

/** The command. */
export const licensesCommand: Command = defineCommand({
  positionals: [],
  options: {},
  examples: [
    ["xoq licenses | less", "all texts"],
    ["xoq licenses --json", "names and versions of the packages inside"],
  ],
  run: (_args, _values, { output }) => {
    if (output.json) output.record(INSIDE);
    else output.print([SUMMARY, ...LICENSE_SECTIONS].join("\n\n"));
    return Promise.resolve();
  },
});
