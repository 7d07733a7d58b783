/**
 * This machine's addresses, as discovery on a LAN needs them.
 *
 * @module
 */
import { networkInterfaces } from "node:os";
import { FfiError } from "../../ffi/errors.ts";
import { close } from "../../ffi/libc.ts";
import { connectUdp, HAS_UDP, localAddress, openUdp, SocketAddress } from "../../ffi/udp.ts";
import { NotFoundError } from "../errors.ts";

/** A network interface with an address. */
export interface LanInterface {
  /** `eth0`. */
  readonly name: string;
  /** Its IPv4 address; `undefined` where it has none. */
  readonly address: string | undefined;
  /** Its link-local IPv6 address, without a zone; `undefined` where it has none. */
  readonly linkLocal: string | undefined;
  /** Addresses by which others reach it: the IPv4 one, then those of IPv6 that need no zone. */
  readonly addresses: readonly string[];
  /** Whether it leads nowhere but here. */
  readonly internal: boolean;
}

/** Every interface with an address; one IPv4 address each. */
export function lanInterfaces(): LanInterface[] {
  const found: LanInterface[] = [];
  for (const [name, all = []] of Object.entries(networkInterfaces())) {
    const ipv4 = all.find(({ family }) => family === "IPv4");
    const ipv6 = all.filter(({ family }) => family === "IPv6").map(({ address }) => address);
    const [first] = all;
    if (first === undefined) continue;
    const address = ipv4?.address;
    found.push({
      name,
      address,
      linkLocal: ipv6.find(isLinkLocal),
      addresses: [
        ...(address === undefined ? [] : [address]),
        ...ipv6.filter((other) => !isLinkLocal(other)),
      ],
      internal: first.internal || (address?.startsWith("127.") ?? false),
    });
  }
  return found;
}

/** Whether an IPv6 address is fe80::/10: it means something on its own link only. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}

/** Without IPv6 addresses: for what listens on IPv4 only. */
export function onlyIpv4(found: LanInterface): LanInterface {
  return { ...found, addresses: found.address === undefined ? [] : [found.address] };
}

/** The interfaces of these names. Throws `NotFoundError` for the first that is not there. */
export function namedInterfaces(names: readonly string[]): LanInterface[] {
  const all = lanInterfaces().filter(({ address }) => address !== undefined);
  return names.map((name) => {
    const found = all.find((candidate) => candidate.name === name);
    if (found !== undefined) return found;
    throw new NotFoundError(`there is no network interface ${name} with an IPv4 address`, {
      hint: `there are ${all.map((known) => known.name).join(", ") || "none"}`,
    });
  });
}

/** The address this machine sends from to the rest of the world; `undefined` where no route leads there. */
export function defaultRouteAddress(): string | undefined {
  if (!HAS_UDP) return undefined;
  try {
    const fd = openUdp(new SocketAddress());
    try {
      // Connecting a datagram socket sends nothing. The address is one for documentation (RFC 5737).
      return connectUdp(fd, new SocketAddress("192.0.2.1", 9)) < 0
        ? undefined
        : localAddress(fd).host;
    } finally {
      close(fd);
    }
  } catch (error) {
    if (error instanceof FfiError) return undefined;
    throw error;
  }
}

/** The default route's interface, by IPv4; where there is no such route, all that lead to others. */
export function defaultInterfaces(): LanInterface[] {
  const all = lanInterfaces().filter(({ address }) => address !== undefined);
  const address = defaultRouteAddress();
  const routed = all.filter((found) => found.address === address);
  return routed.length > 0 ? routed : all.filter((found) => !found.internal);
}
