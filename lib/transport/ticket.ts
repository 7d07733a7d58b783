/**
 * Tickets as people pass them on: iroh's own `endpoint…`, then optionally `/device` and `#grant`.
 * Also read: a bare endpoint id (hex or z-base-32), alone where discovery finds it, or with what is
 * known of its place: `id@192.0.2.1:4433`, `id@[2001:db8::1]:4433@https://relay.example`. A relay
 * written so has no path: what follows its host is the device.
 *
 * @module
 */
import { parseSocketAddress } from "../bytes/ip.ts";
import { PostcardError } from "../bytes/postcard.ts";
import { ShortInputError } from "../bytes/reader.ts";
import { decodeBase32, encodeBase32, TextEncodingError } from "../bytes/text.ts";
import { UsageError } from "../errors.ts";
import { isDeviceName } from "./device_name.ts";
import { parseEndpointId } from "./endpoint_id.ts";
import {
  decodeEndpointTicket,
  encodeEndpointTicket,
  type TicketAddress,
  TicketFormatError,
} from "./endpoint_ticket.ts";
import { decodeGrant, GrantFormatError } from "./grant_format.ts";

export { isDeviceName, toDeviceName } from "./device_name.ts";
export type { TicketAddress } from "./endpoint_ticket.ts";

/** Longest ticket read, characters. */
export const MAX_TICKET_CHARS = 8192;

/** What is in a ticket. */
export interface Ticket {
  /** Where the endpoint can be dialled. */
  address: TicketAddress;
  /** Which of the endpoint's devices; absent: its only one. */
  device?: string;
  /** What admits the bearer, as text; absent where the server is open or lists this endpoint. */
  grant?: string;
}

const KIND = "endpoint";
const AGAIN = "copy the whole ticket again from where it was printed";

/** Reads a ticket. Throws `UsageError`: one line that says what is wrong, and a hint. */
export function parseTicket(text: string): Ticket {
  const trimmed = text.trim();
  if (trimmed === "") throw new UsageError("the ticket is empty", { hint: AGAIN });
  if (trimmed.length > MAX_TICKET_CHARS) {
    throw new UsageError(
      `the ticket is ${trimmed.length} characters long, at most ${MAX_TICKET_CHARS}`,
      { hint: AGAIN },
    );
  }
  const hash = trimmed.indexOf("#");
  const front = hash < 0 ? trimmed : trimmed.slice(0, hash);
  const { address, device } = front.startsWith(KIND) ? parseEndpoint(front) : parseBare(front);
  if (device !== undefined && !isDeviceName(device)) {
    throw new UsageError(
      device === ""
        ? "the ticket ends in / without a device name"
        : `the ticket's device name ${quote(device)} is none`,
      { hint: "device names are 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit" },
    );
  }
  const ticket: Ticket = { address };
  if (device !== undefined) ticket.device = device;
  if (hash >= 0) ticket.grant = checkGrant(trimmed.slice(hash + 1), address.id);
  return ticket;
}

/** Writes a ticket. Throws `TypeError` for parts that are none. */
export function formatTicket(ticket: Ticket): string {
  const { address, device, grant } = ticket;
  if (device !== undefined && !isDeviceName(device)) {
    throw new TypeError(`${quote(device)} is no device name`);
  }
  return formatEndpointTicket(address) + (device === undefined ? "" : `/${device}`) +
    (grant === undefined ? "" : `#${grant}`);
}

/** The part other iroh programs read: `endpoint…`. Throws `TypeError` for parts that are none. */
export function formatEndpointTicket(address: TicketAddress): string {
  return KIND + encodeBase32(encodeEndpointTicket(address));
}

interface Front {
  address: TicketAddress;
  device: string | undefined;
}

function parseEndpoint(front: string): Front {
  const slash = front.indexOf("/");
  const body = front.slice(KIND.length, slash < 0 ? undefined : slash);
  const device = slash < 0 ? undefined : front.slice(slash + 1);
  try {
    return { address: decodeEndpointTicket(decodeBase32(body)), device };
  } catch (cause) {
    throw new UsageError(endpointFault(cause), { hint: endpointHint(cause), cause });
  }
}

function endpointFault(cause: unknown): string {
  if (cause instanceof TextEncodingError) {
    return cause.index === undefined
      ? "the ticket is cut short or mistyped: its last characters are wrong"
      : `the ticket is mistyped: ${cause.message} (character ${cause.index + KIND.length + 1})`;
  }
  if (cause instanceof ShortInputError) return "the ticket is cut short";
  if (cause instanceof TicketFormatError) return `the ticket ${cause.message}`;
  if (cause instanceof PostcardError) return `the ticket is mistyped: ${cause.message}`;
  throw cause;
}

function endpointHint(cause: unknown): string {
  return cause instanceof TicketFormatError && /version|unknown/.test(cause.message)
    ? `${AGAIN}; if it is right, a newer program made it: use the bare endpoint id, or update xoq`
    : AGAIN;
}

function parseBare(front: string): Front {
  const other = /^(blob|node|doc|topic|short|content)[a-z2-7]{20,}/.exec(front);
  const [head = "", ...rest] = front.split("@");
  // Only the last part may carry a device: a relay's URL has slashes of its own.
  const last = rest.pop();
  const cut = cutDevice(last ?? head);
  const idText = last === undefined ? cut.rest : head;
  const id = parseEndpointId(idText);
  if (id === undefined) {
    if (other !== null) {
      throw new UsageError(`this is an iroh ${other[1]} ticket, not an endpoint's`, {
        hint: "xoq wants the ticket that begins with endpoint…",
      });
    }
    throw new UsageError(bareFault(idText), {
      hint: "a ticket begins with endpoint…, a bare id has 64 hex digits or 52 of z-base-32",
    });
  }
  const address: TicketAddress = { id, relays: [], direct: [] };
  for (const place of last === undefined ? [] : [...rest, cut.rest]) addPlace(address, place);
  return { address, device: cut.device };
}

function cutDevice(part: string): { rest: string; device: string | undefined } {
  const scheme = /^https?:\/\//i.exec(part)?.[0] ?? "";
  const slash = part.indexOf("/", scheme.length);
  if (slash < 0 || (scheme !== "" && slash === part.length - 1)) {
    return { rest: part, device: undefined };
  }
  return { rest: part.slice(0, slash), device: part.slice(slash + 1) };
}

function bareFault(text: string): string {
  const digits = /^[0-9a-f]*$/i.test(text) ? "hex digits" : "characters";
  if (text.length === 64 || text.length === 52) {
    return `${quote(text)} is no endpoint id: a character is mistyped`;
  }
  return `${quote(text)} is neither a ticket nor an endpoint id (${text.length} ${digits})`;
}

function addPlace(address: TicketAddress, place: string): void {
  if (/^https?:\/\//i.test(place)) {
    const url = URL.parse(place);
    if (url !== null && url.pathname === "/" && url.search === "" && url.username === "") {
      address.relays.push(url.href);
      return;
    }
  } else if (parseSocketAddress(place) !== undefined) {
    address.direct.push(place);
    return;
  }
  throw new UsageError(`${quote(place)} behind the endpoint id is no address`, {
    hint: "write id@IP:PORT, id@[IPv6]:PORT or id@https://relay",
  });
}

function checkGrant(text: string, endpointId: string): string {
  let fault: string;
  try {
    const grant = decodeGrant(text);
    if (grant === undefined || endpointId.startsWith(grant.issuer)) return text;
    fault = "belongs to another endpoint";
  } catch (cause) {
    if (!(cause instanceof GrantFormatError)) throw cause;
    fault = cause.message;
  }
  throw new UsageError(`the ticket's grant (behind #) ${fault}`, { hint: AGAIN });
}

function quote(text: string): string {
  return JSON.stringify(text.length <= 24 ? text : `${text.slice(0, 20)}…`);
}
