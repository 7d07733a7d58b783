/**
 * `xoq key show`: the identities kept here. Secrets are never shown.
 *
 * @module
 */
import { listIdentities, readIdentity } from "../../transport/stored_identity.ts";
import { endpointIdToZBase32 } from "../../transport/endpoint_id.ts";
import { stateFolder } from "../../transport/state_folder.ts";
import { type Command, defineCommand } from "../command.ts";
import { table } from "../table.ts";

/** The command. */
export const keyShowCommand: Command = defineCommand({
  positionals: [{
    value: "NAME",
    brief: "one identity; absent: all",
    optional: true,
    propose: async (partial) => (await listIdentities()).filter((name) => name.startsWith(partial)),
  }],
  options: {},
  examples: [["xoq key show", "names and endpoint ids of the identities kept here"]],
  run: async ([name], _values, { output }) => {
    const names = name === undefined ? await listIdentities() : [name];
    const rows: string[][] = [];
    for (const each of names) {
      const { id, folder, address } = await readIdentity(each);
      if (output.json) {
        output.record({
          name: each,
          id,
          z32: endpointIdToZBase32(id),
          folder,
          addresses: address?.direct ?? [],
        });
      } else rows.push([each, id]);
    }
    if (output.json) return;
    if (rows.length > 0) output.print(table(["NAME", "ENDPOINT ID"], rows));
    else {output.notice(
        `no identities in ${stateFolder() ?? "this machine: there is no home folder"}`,
      );}
  },
});
