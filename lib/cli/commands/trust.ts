/**
 * `xoq trust TICKET`: keeps a ticket, so that its device can be opened by a name.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import { type Command, defineCommand } from "../command.ts";
import { table } from "../table.ts";

/** The command. */
export const trustCommand: Command = defineCommand({
  positionals: [{
    value: "TICKET",
    brief: "as the server printed it; absent: list what is kept",
    optional: true,
  }],
  options: {
    as: { type: "string", value: "NAME", brief: "name to open it by; absent: the device's" },
    forget: { type: "string", value: "NAME", brief: "keep this one no longer" },
  },
  description: "Tickets are kept in the state folder, readable for you alone (0600).",
  examples: [
    ["xoq trust TICKET --as front", "from then on: xoq open front"],
    ["xoq trust", "the names, and whose endpoints they are"],
  ],
  run: async ([ticket], values, { output }) => {
    const { forget, readTrusted, trust } = await import("../trusted.ts");
    if (ticket !== undefined && values.forget !== undefined) {
      throw new UsageError("a ticket and --forget contradict each other");
    }
    if (values.forget !== undefined) return await forget(values.forget);
    if (ticket !== undefined) {
      const name = await trust(ticket, values.as);
      if (output.json) output.record({ name });
      else output.notice(`kept: xoq open ${name}`);
      return;
    }
    const { parseTicket } = await import("../../transport/ticket.ts");
    const kept = (await readTrusted()).map(({ name, ticket: text }) => {
      const { address, device, grant } = parseTicket(text);
      return { name, id: address.id, device: device ?? "", grant: grant !== undefined };
    });
    if (output.json) { for (const entry of kept) output.record(entry); }
    else if (kept.length === 0) output.notice("no tickets are kept");
    else {
      output.print(table(
        ["NAME", "DEVICE", "GRANT", "ENDPOINT"],
        kept.map(({ name, device, grant, id }) => [name, device, grant ? "yes" : "no", id]),
      ));
    }
  },
});
