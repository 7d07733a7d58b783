/**
 * Multicast DNS on several interfaces that come and go, by IPv4 and IPv6 on each.
 *
 * @module
 */
import type { LanInterface } from "./interfaces.ts";
import { type DnsPacket, type DnsSource, type LinkPlace, MdnsLink } from "./link.ts";

/** How often interfaces are looked for, in ms. */
const LOOK_INTERVAL_MS = 2_000;

/** Which interfaces are used; asked again and again. */
export type ChooseInterfaces = () => readonly LanInterface[];

/** The links there are now. */
export class MdnsLinks implements AsyncDisposable {
  /** Called with each packet. */
  onPacket: ((packet: DnsPacket, from: DnsSource, link: MdnsLink) => void) | undefined;
  /** Called when a link is new; not for those {@link open} found. */
  onLink: ((link: MdnsLink) => void) | undefined;
  /** Why there is no link, where an interface is there but can't be used; for people. */
  trouble: string | undefined;
  readonly #choose: ChooseInterfaces;
  readonly #links = new Map<string, MdnsLink>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  private constructor(choose: ChooseInterfaces) {
    this.#choose = choose;
  }

  /** Opens what there is; none is no failure. */
  static async open(choose: ChooseInterfaces): Promise<MdnsLinks> {
    const links = new MdnsLinks(choose);
    await links.#look();
    links.#timer = setInterval(() => {
      links.#looking ??= links.#look().finally(() => links.#looking = undefined);
    }, LOOK_INTERVAL_MS);
    return links;
  }

  /** Links now. */
  [Symbol.iterator](): IterableIterator<MdnsLink> {
    return this.#links.values();
  }

  /** Leaves all groups. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    this.#links.clear();
  }

  /** Leaves all groups. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #look(): Promise<void> {
    const wanted = new Map<string, LinkPlace>();
    for (const found of this.#choose()) {
      const { name, addresses, address, linkLocal, internal } = found;
      const places: LinkPlace[] = [];
      if (address !== undefined) places.push({ name, family: 4, own: address, addresses });
      // What leads nowhere has no neighbours; IPv4 is enough to find ourselves.
      if (linkLocal !== undefined && !internal) {
        places.push({ name, family: 6, own: linkLocal, addresses });
      }
      for (const place of places) {
        wanted.set([place.family, name, place.own, ...addresses].join(" "), place);
      }
    }
    for (const [key, link] of this.#links) {
      if (wanted.has(key)) continue;
      this.#links.delete(key);
      await link.close();
    }
    for (const [key, place] of wanted) {
      if (this.#links.has(key) || this.#closed) continue;
      let link: MdnsLink;
      try {
        link = await MdnsLink.open(place);
      } catch (error) {
        // One that can't be joined now may be later.
        const reason = error instanceof Error ? error.message : String(error);
        this.trouble = `mDNS can't be used on ${place.own}: ${reason}`;
        continue;
      }
      this.#links.set(key, link);
      link.onPacket = (packet, from) => this.onPacket?.(packet, from, link);
      this.onLink?.(link);
    }
    if (this.#links.size > 0 || wanted.size === 0) this.trouble = undefined;
  }
}
