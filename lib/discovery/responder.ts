/**
 * Announces services on the LAN: probes for the names, renames in a conflict, announces, answers, and
 * says goodbye (RFC 6762, sections 6 to 10).
 *
 * @module
 */
import { hostname } from "node:os";
import type { DnsPacket, DnsQuestion, DnsRecord, DnsSource, MdnsLink } from "./link.ts";
import { MDNS_PORT } from "./link.ts";
import { type ChooseInterfaces, MdnsLinks } from "./links.ts";
import {
  addressRecords,
  instanceName,
  label,
  nextName,
  sameName,
  type Service,
  type ServiceRecords,
  serviceRecords,
  txtStrings,
} from "./service.ts";

/** Time between probes, in ms; and their number. */
const PROBE_INTERVAL_MS = 250;
const PROBES = 3;
/** How long the loser of simultaneous probes waits, in ms. */
const TIE_WAIT_MS = 1_000;
/** Time between the first two announcements, in ms. */
const ANNOUNCE_INTERVAL_MS = 1_000;
/** Shared answers are spread over this, in ms, so that not all hosts speak at once. */
const SPREAD_MS = [20, 120] as const;
/** The same answer is not multicast on a link again before this, in ms. */
const REPEAT_MS = 1_000;
/** Names tried before giving up: the LAN is full of them, or somebody mocks us. */
const MOST_NAMES = 50;
/** Time to live told to simple resolvers, in seconds (RFC 6762, section 6.7). */
const LEGACY_TTL = 10;

/** How to announce. */
export interface ResponderOptions {
  /** Interfaces to announce on; asked again as they come and go. */
  interfaces: ChooseInterfaces;
  /** What to announce. */
  services: readonly Service[];
  /** Called when a name was taken and another is used. */
  onRename?: (from: string, to: string) => void;
}

interface Claim {
  service: Service;
  records: ServiceRecords;
  /** What it was called first. */
  wanted: string;
  renames: number;
}

/** This process's host name: nobody else on the machine answers for it. */
function hostLabel(): string {
  const random = crypto.getRandomValues(new Uint8Array(3));
  const suffix = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const [host = "host"] = hostname().split(".");
  return `${label(host).slice(0, 40)}-${suffix}.local`;
}

/** Announces until it is closed. */
export class Responder implements AsyncDisposable {
  readonly #options: ResponderOptions;
  readonly #host = hostLabel();
  readonly #links: MdnsLinks;
  readonly #claims: Claim[];
  readonly #answered = new WeakMap<MdnsLink, Map<DnsRecord, number>>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #round = 0;
  #established = false;
  #ready = Promise.withResolvers<void>();
  #closed: Promise<void> | undefined;

  private constructor(options: ResponderOptions, links: MdnsLinks) {
    this.#options = options;
    this.#links = links;
    this.#claims = options.services.map((service) => ({
      service,
      wanted: service.instance,
      renames: 0,
      records: serviceRecords(service, this.#host),
    }));
    links.onPacket = (packet, from, link) => this.#take(packet, from, link);
    links.onLink = () => this.#begin();
    this.#begin();
  }

  /** Starts to probe and announce; resolves at once. */
  static async start(options: ResponderOptions): Promise<Responder> {
    for (const { txt } of options.services) txtStrings(txt);
    return new Responder(options, await MdnsLinks.open(options.interfaces));
  }

  /** Instance names as they are now. */
  get instances(): readonly string[] {
    return this.#claims.map(({ service }) => service.instance);
  }

  /** Why nothing is announced, where that is so; for people. */
  get trouble(): string | undefined {
    return this.#links.trouble;
  }

  /** Resolves when the names are ours. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Changes a service's TXT record and announces it. */
  update(index: number, txt: readonly string[]): void {
    const claim = this.#claims[index];
    if (claim === undefined) throw new RangeError(`there is no service ${index}`);
    txtStrings(txt);
    claim.service = { ...claim.service, txt };
    claim.records = serviceRecords(claim.service, this.#host);
    if (!this.#established) return;
    for (const link of this.#links) void link.respond([claim.records.text]);
  }

  /** Says goodbye. Idempotent. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Says goodbye. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#round++;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#ready.resolve();
    if (this.#established) {
      const farewells = [...this.#links].map((link) =>
        link.respond(this.#all(link).map((record) => ({ ...record, ttl: 0 })))
      );
      await Promise.all(farewells);
    }
    await this.#links.close();
  }

  /** Probes and announces, from the beginning. */
  #begin(waitMs = Math.random() * PROBE_INTERVAL_MS): void {
    const round = ++this.#round;
    this.#established = false;
    void this.#establish(round, waitMs);
  }

  async #establish(round: number, waitMs: number): Promise<void> {
    await this.#pause(waitMs);
    for (let n = 0; n < PROBES; n++) {
      if (round !== this.#round) return;
      const questions = this.#claims.map(({ service }) => ({
        name: instanceName(service),
        type: "ANY",
      }));
      const authorities = this.#claims.flatMap(({ records }) => [records.place, records.text]);
      for (const link of this.#links) void link.query(questions, { authorities });
      await this.#pause(PROBE_INTERVAL_MS);
    }
    if (round !== this.#round) return;
    this.#established = true;
    this.#ready.resolve();
    for (let n = 0; n < 2; n++) {
      if (round !== this.#round) return;
      for (const link of this.#links) void link.respond(this.#all(link));
      await this.#pause(ANNOUNCE_INTERVAL_MS);
    }
  }

  #all(link: MdnsLink): DnsRecord[] {
    const records = this.#claims.flatMap(({ records: { pointer, place, text } }) => [
      pointer,
      place,
      text,
    ]);
    return [...records, ...addressRecords(this.#host, link.addresses)];
  }

  #take(packet: DnsPacket, from: DnsSource, link: MdnsLink): void {
    if (this.#closed !== undefined) return;
    if (packet.type === "response") this.#compare([...packet.answers, ...packet.additionals]);
    else {
      if (!this.#established) this.#breakTie(packet.authorities);
      else this.#answer(packet, from, link);
    }
  }

  /** Somebody else says that one of our names is its own. */
  #compare(records: readonly DnsRecord[]): void {
    for (const claim of this.#claims) {
      const theirs = records.find((record) =>
        record.type === "SRV" && (record.ttl ?? 1) > 0 &&
        sameName(record.name, claim.records.place.name) && !sameData(record, claim.records.place)
      );
      if (theirs === undefined) continue;
      // While we probe, it is theirs. Later both begin anew, and whoever answers first has it.
      if (!this.#established) this.#rename(claim);
      this.#begin();
      return;
    }
  }

  /** Two probe for one name at the same time: the greater record stays (RFC 6762, section 8.2). */
  #breakTie(authorities: readonly DnsRecord[]): void {
    for (const { records } of this.#claims) {
      const theirs = authorities.find((record) =>
        record.type === "SRV" && sameName(record.name, records.place.name)
      );
      if (theirs === undefined || sameData(theirs, records.place)) continue;
      if (placeText(theirs) > placeText(records.place)) this.#begin(TIE_WAIT_MS);
      return;
    }
  }

  #rename(claim: Claim): void {
    if (claim.renames >= MOST_NAMES) return;
    claim.renames++;
    const { instance } = claim.service;
    const next = nextName(claim.renames === 1 ? claim.wanted : instance);
    claim.service = { ...claim.service, instance: next };
    claim.records = serviceRecords(claim.service, this.#host);
    this.#options.onRename?.(instance, next);
  }

  #answer(query: DnsPacket, from: DnsSource, link: MdnsLink): void {
    const wanted = query.questions.flatMap((question) => this.#answersTo(question, link))
      .filter((record) => !isKnown(record, query.answers));
    if (wanted.length === 0) return;
    if (from.port !== MDNS_PORT) {
      const answers = [...wanted, ...this.#alongside(wanted, link)].map((record) => ({
        ...record,
        flush: false,
        ttl: Math.min(record.ttl ?? LEGACY_TTL, LEGACY_TTL),
      }));
      void link.respondTo(from, query, answers);
      return;
    }
    // A probe for one of our names must hear of it before it is through.
    const isProbe = query.authorities.length > 0;
    const due = isProbe ? wanted : wanted.filter((record) => this.#isDue(record, link));
    if (due.length === 0) return;
    const shared = due.some((record) => record.type === "PTR") && !isProbe;
    const [least, most] = SPREAD_MS;
    void this.#pause(shared ? least + Math.random() * (most - least) : 0).then(() => {
      if (this.#closed !== undefined || !this.#established) return;
      void link.respond(due, this.#alongside(due, link));
    });
  }

  #answersTo({ name, type }: DnsQuestion, link: MdnsLink): DnsRecord[] {
    const candidates = [
      ...this.#claims.flatMap(({ records: { pointer, kind, place, text } }) => [
        pointer,
        kind,
        place,
        text,
      ]),
      ...addressRecords(this.#host, link.addresses),
    ];
    const found = candidates.filter((record) =>
      sameName(record.name, name) && (type === "ANY" || type === record.type)
    );
    // Several services of one type list it once.
    return found.filter((record, i) =>
      found.findIndex((o) => o.type === record.type && sameData(o, record)) === i
    );
  }

  /** What whoever got these records asks for next. */
  #alongside(answers: readonly DnsRecord[], link: MdnsLink): DnsRecord[] {
    const extra = new Set<DnsRecord>();
    for (const { service, records } of this.#claims) {
      const name = instanceName(service);
      const named = answers.some((record) => record.type === "PTR" && record.data === name);
      if (named) extra.add(records.place).add(records.text);
    }
    const told = new Set(answers.filter(isAddress).map(({ data }) => data));
    if (told.size > 0 || extra.size > 0 || answers.some(({ type }) => type === "SRV")) {
      for (const record of addressRecords(this.#host, link.addresses)) {
        if (!told.has(record.data)) extra.add(record);
      }
    }
    for (const record of answers) extra.delete(record);
    return [...extra];
  }

  #isDue(record: DnsRecord, link: MdnsLink): boolean {
    // An address record is made for each packet, and cheap to repeat.
    if (isAddress(record)) return true;
    const now = performance.now();
    let times = this.#answered.get(link);
    if (times === undefined) this.#answered.set(link, times = new Map());
    if (now - (times.get(record) ?? -Infinity) < REPEAT_MS) return false;
    for (const [old, at] of times) if (now - at >= REPEAT_MS) times.delete(old);
    times.set(record, now);
    return true;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }
}

function isAddress({ type }: DnsRecord): boolean {
  return type === "A" || type === "AAAA";
}

interface Place {
  port?: number;
  target?: string;
  priority?: number;
  weight?: number;
}

/** A SRV record's data in an order that all hosts agree on. */
function placeText({ data }: DnsRecord): string {
  const { priority = 0, weight = 0, port = 0, target = "" } = data as Place;
  const numbers = [priority, weight, port].map((n) => String(n).padStart(5, "0")).join(" ");
  return `${numbers} ${target.toLowerCase()}`;
}

function sameData(a: DnsRecord, b: DnsRecord): boolean {
  if (a.type === "SRV") return b.type === "SRV" && placeText(a) === placeText(b);
  return typeof a.data === "string" && typeof b.data === "string" && sameName(a.data, b.data);
}

/** Whether the asker knows the answer, and will for half of its time (RFC 6762, section 7.1). */
function isKnown(record: DnsRecord, known: readonly DnsRecord[]): boolean {
  return known.some((candidate) =>
    candidate.type === record.type && sameName(candidate.name, record.name) &&
    sameData(candidate, record) && (candidate.ttl ?? 0) >= (record.ttl ?? 0) / 2
  );
}
