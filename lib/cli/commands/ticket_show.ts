/**
 * `xoq ticket show`: what is in a ticket, read without dialling anyone.
 *
 * @module
 */
import { decodeGrant } from "../../transport/grant.ts";
import { endpointIdToZBase32 } from "../../transport/endpoint_id.ts";
import { signedBytes } from "../../transport/grant_format.ts";
import { isSignedBy } from "../../transport/key.ts";
import { formatEndpointTicket, parseTicket, type Ticket } from "../../transport/ticket.ts";
import { type Command, defineCommand } from "../command.ts";

/** The command. */
export const ticketShowCommand: Command = defineCommand({
  positionals: [{ value: "TICKET", brief: "a ticket, or a bare endpoint id" }],
  options: {},
  examples: [["xoq ticket show endpoint…/front#…", "prints id, addresses, device, and the grant"]],
  run: async ([text = ""], _values, { output }) => {
    const shown = await describe(parseTicket(text));
    if (output.json) return output.record(shown);
    output.print(lines(shown).join("\n"));
  },
});

type Shown = Record<string, unknown> & { grant?: Record<string, unknown> };

async function describe(ticket: Ticket): Promise<Shown> {
  const { address } = ticket;
  const shown: Shown = {
    id: address.id,
    z32: endpointIdToZBase32(address.id),
    relays: address.relays,
    addresses: address.direct,
    ...(address.custom === undefined ? {} : { custom: address.custom }),
    ...(ticket.device === undefined ? {} : { device: ticket.device }),
    endpoint_ticket: formatEndpointTicket(address),
  };
  if (ticket.grant !== undefined) shown.grant = await describeGrant(ticket.grant, address.id);
  return shown;
}

async function describeGrant(text: string, id: string): Promise<Record<string, unknown>> {
  const grant = decodeGrant(text);
  if (grant === undefined) return { valid: false, reason: "of a version unknown here" };
  const signed = await isSignedBy(id, signedBytes(grant.body, id), grant.signature);
  const expired = grant.expires !== undefined && Date.now() >= grant.expires * 1000;
  const reason = !signed ? "its signature is not this endpoint's" : expired ? "expired" : undefined;
  return {
    rights: grant.rights,
    device: grant.device ?? null,
    once: grant.once,
    expires: expiryText(grant.expires),
    valid: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
  };
}

function expiryText(expires: number | undefined): string | null {
  if (expires === undefined) return null;
  const date = new Date(expires * 1000);
  return Number.isNaN(date.getTime()) ? `${expires} s after 1970` : date.toISOString();
}

function lines(shown: Shown): string[] {
  const out: string[] = [];
  const row = (name: string, value: unknown) => out.push(`${name.padEnd(10)} ${String(value)}`);
  row("id", shown["id"]);
  row("z-base-32", shown["z32"]);
  for (const key of ["relays", "addresses", "custom"] as const) {
    const values = shown[key] as string[] | undefined;
    for (const value of values ?? []) {
      row({ relays: "relay", addresses: "address", custom: "custom" }[key], value);
    }
  }
  row("device", shown["device"] ?? "(the endpoint's only one)");
  const grant = shown.grant;
  if (grant === undefined) row("grant", "none: only an open server lets its bearer in");
  else if (grant["rights"] === undefined) row("grant", grant["reason"]);
  else {
    row(
      "grant",
      [
        grant["rights"],
        grant["device"] === null ? "every device" : `device ${grant["device"]}`,
        grant["once"] ? "for the first client only" : "",
        grant["expires"] === null ? "never expires" : `expires ${grant["expires"]}`,
      ].filter((part) => part !== "").join(", "),
    );
    row("signature", grant["valid"] ? "valid" : `not valid: ${grant["reason"]}`);
  }
  return out;
}
