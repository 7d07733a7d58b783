/**
 * Multicast DNS (RFC 6762) on one interface by IPv4 or IPv6: packets in and out, by npm
 * `multicast-dns`.
 *
 * @module
 */
import { createSocket } from "node:dgram";
import createMdns from "multicast-dns";
import { isLinkLocal } from "./interfaces.ts";

/** A resource record, as `multicast-dns` has it. */
export interface DnsRecord {
  /** Owner. */
  name: string;
  /** `PTR`, `SRV`, `TXT`, `A`, … */
  type: string;
  /** Seconds. */
  ttl?: number;
  /** Cache-flush bit: the record is the only one of its name and type. */
  flush?: boolean;
  /** By type: a name, an address, strings as bytes, `{ port, target }`. */
  data: unknown;
}

/** A question. */
export interface DnsQuestion {
  /** Name asked for. */
  name: string;
  /** Type, or `ANY`. */
  type: string;
}

/** A packet. */
export interface DnsPacket {
  /** Query id, of legacy queries. */
  id?: number;
  /** `query` or `response`. */
  type: string;
  /** Questions. */
  questions: DnsQuestion[];
  /** Answers; in a query, what is known already. */
  answers: DnsRecord[];
  /** In a probe, what the sender is about to claim. */
  authorities: DnsRecord[];
  /** Records that are asked for next. */
  additionals: DnsRecord[];
}

/** Where a packet came from. */
export interface DnsSource {
  /** IP address; a link-local one of IPv6 with its zone. */
  address: string;
  /** UDP port: 5353, or another one of a simple resolver's. */
  port: number;
}

/** What the package gives. */
interface Mdns {
  on(event: string, listener: (...values: never[]) => void): void;
  send(packet: unknown, to: DnsSource | null, done: (error?: Error | null) => void): void;
  destroy(done: () => void): void;
}

/** Where to speak. */
export interface LinkPlace {
  /** The interface. */
  readonly name: string;
  /** Version of IP. */
  readonly family: 4 | 6;
  /** The interface's own address of that version; link-local where it is 6. */
  readonly own: string;
  /** Addresses of both versions that are told to others there. */
  readonly addresses: readonly string[];
}

/** The group of IPv6 (RFC 6762, section 3). */
const GROUP_6 = "ff02::fb";
/** Port of Multicast DNS. */
export const MDNS_PORT = 5353;
/** RFC 6762, section 17: what fits a datagram of Ethernet. */
export const MAX_PACKET_BYTES = 1_400;
/** AA and QR bits of the flags are the package's; this is AA. */
const AUTHORITATIVE = 1 << 10;
/** How long a socket may take to be bound, in ms. */
const BIND_MS = 2_000;

/** Multicast DNS on one interface. */
export class MdnsLink implements AsyncDisposable {
  /** Addresses of this machine that are told here. */
  readonly addresses: readonly string[];
  /** Called with each packet that can be read. */
  onPacket: ((packet: DnsPacket, from: DnsSource) => void) | undefined;
  readonly #mdns: Mdns;
  #closed: Promise<void> | undefined;

  private constructor({ addresses, name }: LinkPlace, mdns: Mdns) {
    this.addresses = addresses;
    this.#mdns = mdns;
    mdns.on("packet", (packet: DnsPacket, { address, port }: DnsSource) => {
      // The zone is ours: on which of our links the other is.
      const zoned = isLinkLocal(address) && !address.includes("%") ? `${address}%${name}` : address;
      this.onPacket?.(packet, { address: zoned, port });
    });
  }

  /** Joins the group there. Rejects where that can't be done. */
  static open(place: LinkPlace): Promise<MdnsLink> {
    return new Promise((resolve, reject) => {
      const create = createMdns as unknown as (options: unknown) => Mdns;
      const { family, name, own } = place;
      // A socket bound to the interface's own address would not hear the group.
      const mdns = create(
        family === 4 ? { interface: own, bind: "0.0.0.0" } : {
          type: "udp6",
          ip: GROUP_6,
          interface: `::%${name}`,
          bind: "::",
          // IPv4 has sockets of its own.
          socket: createSocket({ type: "udp6", reuseAddr: true, ipv6Only: true }),
        },
      );
      let settled = false;
      const fail = (error: Error) => {
        if (settled) return;
        settled = true;
        mdns.destroy(() => {});
        reject(error);
      };
      const timer = setTimeout(() => fail(new Error(`mDNS on ${own} can't be bound`)), BIND_MS);
      mdns.on("error", (error: Error) => {
        clearTimeout(timer);
        fail(error);
      });
      // Packets that are no DNS, and sends that fail while an interface is down.
      mdns.on("warning", () => {});
      mdns.on("ready", () => {
        clearTimeout(timer);
        if (settled) return;
        settled = true;
        resolve(new MdnsLink(place, mdns));
      });
    });
  }

  /** Asks the group; resolves when it is sent, or can't be. */
  query(
    questions: readonly DnsQuestion[],
    parts: { answers?: readonly DnsRecord[]; authorities?: readonly DnsRecord[] } = {},
  ): Promise<void> {
    const { answers = [], authorities = [] } = parts;
    return this.#send({ type: "query", questions, answers, authorities }, null);
  }

  /** Tells the group. */
  respond(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): Promise<void> {
    return this.#send({ type: "response", flags: AUTHORITATIVE, answers, additionals }, null);
  }

  /** Answers a simple resolver (RFC 6762, section 6.7): to it alone, with its question and id. */
  respondTo(
    to: DnsSource,
    query: DnsPacket,
    answers: readonly DnsRecord[],
  ): Promise<void> {
    const { id } = query;
    // Only what is answered is said again: names from outside may not fit a packet.
    const asked = new Set(answers.map(({ name }) => name.toLowerCase()));
    const questions = query.questions.filter(({ name }) => asked.has(name.toLowerCase()));
    return this.#send({ id, type: "response", flags: AUTHORITATIVE, questions, answers }, to);
  }

  /** Leaves the group. Idempotent. */
  close(): Promise<void> {
    return this.#closed ??= new Promise((resolve) => this.#mdns.destroy(resolve));
  }

  /** Leaves the group. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #send(packet: unknown, to: DnsSource | null): Promise<void> {
    if (this.#closed !== undefined) return Promise.resolve();
    // What can't be sent while an interface is down is asked or told again later.
    return new Promise((resolve) => this.#mdns.send(packet, to, () => resolve()));
  }
}
