/**
 * Finds services on the LAN (RFC 6763) and keeps track of them.
 *
 * @module
 */
import { isLinkLocal } from "./interfaces.ts";
import type { DnsPacket, DnsRecord } from "./link.ts";
import { type ChooseInterfaces, MdnsLinks } from "./links.ts";
import { isSendable, readTxt, sameName } from "./service.ts";

/** Questions are asked after these waits, in ms; the last is repeated. */
const QUERY_WAITS_MS = [0, 250, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
/** How often what was not said again is dropped, in ms. */
const SWEEP_INTERVAL_MS = 500;
/** Most services of one type. Policy: further ones are not taken. */
const MAX_SERVICES = 1_024;
/** Most addresses of one host. */
const MAX_ADDRESSES = 16;
/** Longest that a record is believed, in seconds. */
const MAX_TTL = 24 * 3_600;

/** A service that was found. */
export interface FoundService {
  /** Its whole name: `front @ host._xoq._udp.local`. */
  readonly name: string;
  /** The name for people. */
  readonly instance: string;
  /** UDP port. */
  readonly port: number;
  /** Its host's name. */
  readonly host: string;
  /** Addresses of its host, IPv4 first; none that need a zone. */
  readonly addresses: readonly string[];
  /** Details by key, in lower case. */
  readonly txt: ReadonlyMap<string, string>;
}

/** How to browse. */
export interface BrowseOptions {
  /** `_xoq._udp.local`. */
  type: string;
  /** Interfaces to look on. */
  interfaces: ChooseInterfaces;
  /** A service is there, or changed. */
  onFound: (service: FoundService) => void;
  /** It said goodbye, or was not heard of for the time it had named. */
  onLost: (name: string) => void;
}

interface Entry {
  name: string;
  expires: number;
  place: { port: number; host: string } | undefined;
  txt: Map<string, string> | undefined;
  /** What was told of it last. */
  told: string | undefined;
}

/** Looks for services until it is closed. */
export class Browser implements AsyncDisposable {
  readonly #options: BrowseOptions;
  readonly #links: MdnsLinks;
  readonly #entries = new Map<string, Entry>();
  readonly #hosts = new Map<string, Map<string, number>>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(options: BrowseOptions, links: MdnsLinks) {
    this.#options = options;
    this.#links = links;
    links.onPacket = (packet) => {
      if (packet.type === "response") this.#take(packet);
    };
    links.onLink = () => this.#restart();
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    this.#restart();
  }

  /** Begins to look. */
  static async start(options: BrowseOptions): Promise<Browser> {
    return new Browser(options, await MdnsLinks.open(options.interfaces));
  }

  /** Why nothing is heard, where that is so; for people. */
  get trouble(): string | undefined {
    return this.#links.trouble;
  }

  /** Stops. Idempotent. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    clearInterval(this.#sweeper);
    await this.#links.close();
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #restart(): void {
    this.#asked = 0;
    clearTimeout(this.#timer);
    this.#ask();
  }

  #ask(): void {
    const wait = QUERY_WAITS_MS[Math.min(this.#asked++, QUERY_WAITS_MS.length - 1)]!;
    this.#timer = setTimeout(() => {
      const { type } = this.#options;
      const questions = [{ name: type, type: "PTR" }];
      for (const { name, place, txt } of this.#entries.values()) {
        if (place === undefined) questions.push({ name, type: "SRV" });
        else if (!this.#hosts.has(place.host)) {
          questions.push({ name: place.host, type: "A" }, { name: place.host, type: "AAAA" });
        }
        if (txt === undefined) questions.push({ name, type: "TXT" });
      }
      for (const link of this.#links) void link.query(questions.slice(0, 32));
      this.#ask();
    }, wait);
  }

  #take({ answers, additionals }: DnsPacket): void {
    const records = [...answers, ...additionals];
    const now = performance.now();
    // Pointers first: the other records are taken of known services only.
    for (const record of records) if (record.type === "PTR") this.#pointer(record, now);
    for (const record of records) {
      if (record.type === "A" || record.type === "AAAA") this.#address(record, now);
      else if (record.type === "SRV" || record.type === "TXT") this.#detail(record, now);
    }
    for (const entry of this.#entries.values()) this.#tell(entry);
  }

  #pointer({ name, data, ttl = 0 }: DnsRecord, now: number): void {
    const { type } = this.#options;
    if (!sameName(name, type) || typeof data !== "string" || !isSendable(data)) return;
    const key = data.toLowerCase();
    if (!key.endsWith(`.${type.toLowerCase()}`)) return;
    const entry = this.#entries.get(key);
    // A goodbye holds for a second, in which somebody else may say that it is there.
    const expires = now + (ttl === 0 ? 1_000 : Math.min(ttl, MAX_TTL) * 1_000);
    if (entry !== undefined) entry.expires = expires;
    else if (ttl > 0 && this.#entries.size < MAX_SERVICES) {
      this.#entries.set(key, {
        name: data,
        expires,
        place: undefined,
        txt: undefined,
        told: undefined,
      });
    }
  }

  #detail({ name, type, data, ttl = 0 }: DnsRecord, now: number): void {
    const entry = this.#entries.get(name.toLowerCase());
    if (entry === undefined) return;
    if (ttl === 0) {
      entry.expires = Math.min(entry.expires, now + 1_000);
      return;
    }
    if (type === "TXT") entry.txt = readTxt(data);
    else {
      const { port, target } = data as { port?: unknown; target?: unknown };
      if (typeof port === "number" && typeof target === "string" && isSendable(target)) {
        entry.place = { port, host: target.toLowerCase() };
      }
    }
  }

  #address({ name, data, ttl = 0 }: DnsRecord, now: number): void {
    if (typeof data !== "string" || isLinkLocal(data)) return;
    const host = name.toLowerCase();
    const wanted = [...this.#entries.values()].some(({ place }) =>
      place === undefined || place.host === host
    );
    if (!wanted) return;
    let addresses = this.#hosts.get(host);
    if (addresses === undefined) this.#hosts.set(host, addresses = new Map());
    if (ttl === 0) addresses.delete(data);
    else if (addresses.has(data) || addresses.size < MAX_ADDRESSES) {
      addresses.set(data, now + Math.min(ttl, MAX_TTL) * 1_000);
    }
  }

  #tell(entry: Entry): void {
    const { name, place, txt } = entry;
    const known = [...this.#hosts.get(place?.host ?? "")?.keys() ?? []].toSorted();
    const isIpv6 = (address: string) => address.includes(":");
    const addresses = [
      ...known.filter((address) => !isIpv6(address)),
      ...known.filter(isIpv6),
    ];
    if (place === undefined || txt === undefined || addresses.length === 0) return;
    const text = JSON.stringify([place, [...txt], addresses]);
    if (text === entry.told) return;
    entry.told = text;
    const instance = name.slice(0, name.length - this.#options.type.length - 1);
    this.#options.onFound({ name, instance, ...place, addresses, txt });
  }

  #sweep(): void {
    const now = performance.now();
    for (const [key, { expires, name, told }] of this.#entries) {
      if (expires > now) continue;
      this.#entries.delete(key);
      if (told !== undefined) this.#options.onLost(name);
    }
    const hosts = new Set([...this.#entries.values()].map(({ place }) => place?.host));
    for (const [host, addresses] of this.#hosts) {
      for (const [address, expires] of addresses) if (expires <= now) addresses.delete(address);
      if (addresses.size === 0 || !hosts.has(host)) this.#hosts.delete(host);
    }
  }
}
