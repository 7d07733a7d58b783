/**
 * This machine's IPv4 addresses, as discovery on a LAN needs them.
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
  /** Its IPv4 address. */
  readonly address: string;
  /** Whether it leads nowhere but here. */
  readonly internal: boolean;
}

/** Every interface with an IPv4 address; one address each. */
export function lanInterfaces(): LanInterface[] {
  const found: LanInterface[] = [];
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const first = addresses?.find(({ family }) => family === "IPv4");
    if (first === undefined) continue;
    const internal = first.internal || first.address.startsWith("127.");
    found.push({ name, address: first.address, internal });
  }
  return found;
}

/** The interfaces of these names. Throws `NotFoundError` for the first that is not there. */
export function namedInterfaces(names: readonly string[]): LanInterface[] {
  const all = lanInterfaces();
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

/** The default route's interface; where there is no such route, all that lead to others. */
export function defaultInterfaces(): LanInterface[] {
  const all = lanInterfaces();
  const address = defaultRouteAddress();
  const routed = all.filter((found) => found.address === address);
  return routed.length > 0 ? routed : all.filter((found) => !found.internal);
}
