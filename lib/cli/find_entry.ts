/**
 * Finds a command by the words a command line begins with.
 *
 * @module
 */
import type { CommandEntry } from "./command.ts";

/** The entries the words name one after the other, and the words behind them. */
export function findEntry(
  entries: readonly CommandEntry[],
  words: readonly string[],
): { path: CommandEntry[]; rest: readonly string[] } {
  const path: CommandEntry[] = [];
  let level: readonly CommandEntry[] | undefined = entries;
  while (level !== undefined) {
    const found: CommandEntry | undefined = level.find((entry) =>
      entry.name === words[path.length]
    );
    if (found === undefined) break;
    path.push(found);
    level = found.commands;
  }
  return { path, rest: words.slice(path.length) };
}
