/**
 * `xoq ticket new`: another ticket for a device of this machine, signed with its identity's key. The
 * server need not run, and is not told: it knows its own signature.
 *
 * @module
 */
import { NotFoundError, UsageError } from "../../errors.ts";
import { issueGrant, type Rights } from "../../transport/grant.ts";
import {
  listIdentities,
  readIdentity,
  readXoqKey,
  type StoredIdentity,
} from "../../transport/stored_identity.ts";
import { formatEndpointTicket, formatTicket, isDeviceName } from "../../transport/ticket.ts";
import { type Command, defineCommand } from "../command.ts";

/** The command. */
export const ticketNewCommand: Command = defineCommand({
  positionals: [{
    value: "DEVICE-NAME",
    brief: "the device, as its server names it",
    propose: async (partial) => (await listIdentities()).filter((name) => name.startsWith(partial)),
  }],
  options: {
    "view": { type: "boolean", brief: "the bearer may look" },
    "control": { type: "boolean", brief: "the bearer may also steer and change settings" },
    "expires": {
      type: "duration",
      value: "TIME",
      min: 1_000,
      max: 3_650 * 86_400_000,
      brief: "void after this time (2h, 7d); absent: never",
    },
    "once": { type: "boolean", brief: "lets only the first client in that shows it" },
    "all-devices": { type: "boolean", brief: "for every device of the same server" },
    "name": {
      type: "string",
      value: "NAME",
      brief: "identity of the server; absent: the device's name",
      section: "Access",
    },
    "key-dir": {
      type: "string",
      value: "DIR",
      brief: "folder with XoQ's key files that the server was given",
      section: "Access",
    },
  },
  description:
    "The address in it is the one the server had last; a server that runs elsewhere by now\n" +
    "is found by its id, where discovery is on.",
  examples: [
    ["xoq ticket new front --view --expires 2h", "a ticket for looking, void after two hours"],
    ["xoq ticket new front --control --once", "a ticket for whoever comes first"],
  ],
  run: async ([device = ""], values, { output }) => {
    if (!isDeviceName(device)) {
      throw new UsageError(`${JSON.stringify(device)} is no device name`, {
        hint: "device names are 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit",
      });
    }
    if (values.view === values.control) {
      throw new UsageError("say what the ticket is for: --view or --control, one of them", {
        hint: "--control includes looking",
      });
    }
    const identity = await findIdentity(device, values.name, values["key-dir"]);
    const rights: Rights = values.control ? "control" : "view";
    const expires = values.expires === undefined
      ? undefined
      : Math.ceil((Date.now() + values.expires) / 1000);
    const grant = await issueGrant(identity.secretKey, {
      rights,
      once: values.once,
      ...(values["all-devices"] ? {} : { device }),
      ...(expires === undefined ? {} : { expires }),
    });
    const address = identity.address ?? { id: identity.id, relays: [], direct: [] };
    const ticket = formatTicket({ address, device, grant });
    if (!output.json) return output.print(ticket);
    output.record({
      ticket,
      endpoint_ticket: formatEndpointTicket(address),
      id: identity.id,
      device,
      rights,
      once: values.once,
      expires: expires === undefined ? null : new Date(expires * 1000).toISOString(),
    });
  },
});

async function findIdentity(
  device: string,
  name: string | undefined,
  keyDir: string | undefined,
): Promise<StoredIdentity> {
  if (keyDir !== undefined) return await readXoqKey(keyDir, name);
  try {
    return await readIdentity(name ?? device);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const names = await listIdentities();
    throw new NotFoundError(`there is no identity ${JSON.stringify(name ?? device)} here`, {
      hint: names.length === 0
        ? "serve the device once, so that it gets one"
        : `give one with --name: ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}`,
      cause: error,
    });
  }
}
