/**
 * What a user may write where a ticket is wanted: a ticket, an endpoint id, or the name of a device
 * that was trusted or is on the LAN.
 *
 * @module
 */
import { NotFoundError, UsageError } from "../errors.ts";
import { parseEndpointId } from "../transport/endpoint_id.ts";
import { isDeviceName, parseTicket, type Ticket } from "../transport/ticket.ts";
import { findTrusted, trustedGrant } from "./trusted.ts";

/** How long a name is looked for on the LAN, in ms. */
const LOOK_MS = 3_000;
/** How long is waited for a second of the same name once there is one, in ms. */
const SECOND_MS = 300;

/** Whether a text can only be a name: no ticket, no endpoint id. */
export function isName(text: string): boolean {
  const ticket = /^endpoint[a-z2-7]{16,}$/.test(text) || parseEndpointId(text) !== undefined;
  // Longer words of hex or base 32 are mistyped ids sooner than names.
  return isDeviceName(text) && !ticket && !/^[0-9a-z]{50,}$/.test(text);
}

/**
 * Reads a ticket, or finds what a name stands for. Throws `UsageError`, `NotFoundError`.
 *
 * @param look whether to look on the LAN
 */
export async function findTarget(text: string, look: boolean): Promise<Ticket> {
  const name = text.trim();
  if (!isName(name)) return parseTicket(text);
  const trusted = await findTrusted(name);
  if (trusted !== undefined) return trusted;
  const hint = "xoq ls --network lists devices there; xoq trust TICKET gives a ticket a name";
  if (!look) {
    throw new NotFoundError(`${name} is no ticket, and none is kept by that name`, { hint });
  }
  const servers = await serversOf(name);
  const [server, other] = servers;
  if (server === undefined) {
    throw new NotFoundError(
      `no device ${name} on this network, and no ticket is kept by that name`,
      {
        hint,
      },
    );
  }
  if (other !== undefined) {
    throw new UsageError(`several servers have a device ${name}`, {
      hint: `open one by its endpoint id: ${servers.map(({ id }) => `${id}/${name}`).join(", ")}`,
    });
  }
  const grant = await trustedGrant(server.id, name);
  return {
    address: { id: server.id, relays: [], direct: server.addresses },
    device: name,
    ...(grant === undefined ? {} : { grant }),
  };
}

/** Servers on the LAN that have a device of this name. */
async function serversOf(name: string): Promise<{ id: string; addresses: string[] }[]> {
  const { browseXoq } = await import("../discovery/xoq_service.ts");
  const found = new Map<string, { id: string; addresses: string[] }>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timers = [setTimeout(resolve, LOOK_MS)];
  await using _browser = await browseXoq({
    onFound: (server) => {
      if (!server.devices.some((device) => device.name === name)) return;
      if (found.size === 0) timers.push(setTimeout(resolve, SECOND_MS));
      found.set(server.id, server);
    },
    onLost: () => {},
  });
  await promise;
  for (const timer of timers) clearTimeout(timer);
  return [...found.values()];
}
