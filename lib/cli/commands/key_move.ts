/**
 * `xoq key move`: an identity to a file (32 raw bytes, 0600: also a key file XoQ reads), or from one.
 * Moved is moved: after writing, the identity is gone here, since two servers with one id would take
 * each other's clients. `--copy` keeps it, as a backup needs.
 *
 * @module
 */
import { BusyError, UsageError } from "../../errors.ts";
import { openIdentity } from "../../transport/identity.ts";
import { importIdentity, readIdentity } from "../../transport/stored_identity.ts";
import { readKey } from "../../transport/key_file.ts";
import { createAtomically } from "../../transport/state_folder.ts";
import { type Command, defineCommand } from "../command.ts";

/** The command. */
export const keyMoveCommand: Command = defineCommand({
  positionals: [{ value: "NAME", brief: "the identity" }],
  options: {
    "to": { type: "string", value: "FILE", brief: "write the key to this new file" },
    "from": { type: "string", value: "FILE", brief: "take the key from this file" },
    "copy": { type: "boolean", brief: "keep the key where it was, too" },
  },
  description: "The file is the whole secret: whoever has it is the device.",
  examples: [
    ["xoq key move front --to front.key", "on the old machine"],
    ["xoq key move front --from front.key", "on the new one"],
  ],
  run: async ([name = ""], values, { output }) => {
    const { to, from, copy } = values;
    if ((to === undefined) === (from === undefined)) {
      throw new UsageError("say where to: --to FILE or --from FILE, one of them");
    }
    const id = to !== undefined
      ? await moveOut(name, to, copy)
      : await moveIn(name, from ?? "", copy);
    if (output.json) output.record({ name, id, file: to ?? from });
    else output.notice(`${name} (${id}) is in ${to ?? "the state folder"} now`);
  },
});

async function moveOut(name: string, file: string, copy: boolean): Promise<string> {
  await readIdentity(name);
  // The lock keeps a server from starting with a key that is about to go.
  await using identity = await openIdentity({ name, explicit: true });
  try {
    await createAtomically(file, identity.secretKey);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    throw new BusyError(`${file} exists`, { hint: "name a file that doesn't", cause });
  }
  if (!copy && identity.folder !== undefined) await Deno.remove(`${identity.folder}/key`);
  return identity.id;
}

async function moveIn(name: string, file: string, copy: boolean): Promise<string> {
  const found = await readKey(file);
  if (found === undefined) {
    throw new UsageError(`there is no key file ${file}`, { hint: "give the file --to wrote" });
  }
  const { id } = await importIdentity(name, found.key);
  if (!copy) await Deno.remove(file);
  return id;
}
