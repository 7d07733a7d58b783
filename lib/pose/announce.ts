/**
 * How phones find a receiver: one instance a dialect of `_televoodoo._udp.local.`
 *
 * @module
 */
import { networkInterfaces } from "node:os";
import { NotFoundError } from "../errors.ts";
import type { Dialect } from "./wire/datagram.ts";

/** What is announced. */
export interface PoseAnnouncement {
  /** `--service-name`. */
  serviceName: string;
  /** UDP port. */
  port: number;
  /** Whether phones must show a token. */
  tokenRequired: boolean;
  /** Dialects served: an instance each. */
  dialects: readonly Dialect[];
  /** Network interfaces by name; none: the default route's. */
  interfaces: readonly string[];
  /** Called with what people should know. */
  onNotice: (text: string) => void;
}

/** An announcement that stands until it is disposed of. */
export interface Announced extends AsyncDisposable {
  /** The address phones are told. */
  readonly address: string;
  /** Instance names as they are now. */
  readonly instances: readonly string[];
}

/** The address to bind to: loopback's where only it was asked for. Throws `NotFoundError`. */
export function listenAddress(interfaces: readonly string[]): string {
  if (interfaces.length === 0) return "0.0.0.0";
  const addresses = interfaces.map(addressOf);
  return addresses.every((address) => address.startsWith("127.")) ? addresses[0]! : "0.0.0.0";
}

function addressOf(name: string): string {
  const all = networkInterfaces();
  const found = all[name]?.find(({ family }) => family === "IPv4");
  if (found !== undefined) return found.address;
  throw new NotFoundError(`there is no network interface ${name} with an IPv4 address`, {
    hint: `there are ${Object.keys(all).join(", ")}`,
  });
}

/** Announces. */
export function announcePose(announcement: PoseAnnouncement): Promise<Announced> {
  const address = announcement.interfaces.map(addressOf)[0] ?? "127.0.0.1";
  return Promise.resolve({
    address,
    instances: [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
