/**
 * `xoq complete -- WORDS…`: what the shells' completion scripts call. Prints a proposal a line; never
 * fails, since its reader is in the middle of typing.
 *
 * @module
 */
import { type Command, defineCommand } from "../command.ts";
import { GENERAL_OPTIONS } from "../common_options.ts";
import { findEntry } from "../find_entry.ts";
import { proposeWords } from "../scan.ts";

/** The command. */
export const completeCommand: Command = defineCommand({
  positionals: [],
  options: {},
  takesCommand: true,
  examples: [["xoq complete -- camera --enc", "prints --encoder"]],
  run: async (_args, _values, { output, commandLine }) => {
    try {
      for (const proposal of await propose(commandLine)) output.print(proposal);
    } catch (error) {
      output.debug(String(error));
    }
  },
});

async function propose(words: readonly string[]): Promise<string[]> {
  const { COMMANDS } = await import("../command_table.ts");
  const { path } = findEntry(COMMANDS, words.slice(0, -1));
  const load = path.at(-1)?.load;
  if (load === undefined) return await proposeWords(COMMANDS, words, undefined);
  const command = await load();
  const table = { ...command.options, ...GENERAL_OPTIONS };
  return await proposeWords(COMMANDS, words, { command, table });
}
