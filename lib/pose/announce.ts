/**
 * How phones find a receiver: one instance a dialect of `_televoodoo._udp.local.`
 *
 * @module
 */
import { hostname } from "node:os";
import { defaultInterfaces, namedInterfaces, onlyIpv4 } from "../discovery/interfaces.ts";
import { Responder } from "../discovery/responder.ts";
import type { Service } from "../discovery/service.ts";
import type { Dialect } from "./wire/datagram.ts";

/** The service's type. */
const TYPE = "_televoodoo._udp.local";

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

/** The address to bind to: loopback's where only it was asked for. Throws `NotFoundError`. */
export function listenAddress(interfaces: readonly string[]): string {
  const named = namedInterfaces(interfaces);
  const [first] = named;
  return named.length > 0 && named.every(({ internal }) => internal)
    ? first?.address ?? "0.0.0.0"
    : "0.0.0.0";
}

/** The address that phones are told; loopback's where there is no other. */
export function activeAddress(interfaces: readonly string[]): string {
  const [first] = interfaces.length > 0 ? namedInterfaces(interfaces) : defaultInterfaces();
  return first?.address ?? "127.0.0.1";
}

/** The instances of a receiver. */
export function poseServices(
  { serviceName, port, tokenRequired, dialects }: PoseAnnouncement,
): Service[] {
  const [host = "host"] = hostname().split(".");
  const services: Readonly<Record<Dialect, Service>> = {
    POSE: {
      type: TYPE,
      port,
      instance: `${serviceName} (${host})`,
      txt: [
        "v=1",
        "transport=udp",
        "format=struct_v1",
        `handshake_port=${port}`,
        `token_required=${tokenRequired ? 1 : 0}`,
      ],
    },
    TELE: {
      type: TYPE,
      port,
      instance: `${serviceName} @ ${host}`,
      txt: ["v=1", `port=${port}`, `name=${serviceName}`],
    },
  };
  return dialects.map((dialect) => services[dialect]);
}

/** Announces until it is disposed of. */
export function announcePose(announcement: PoseAnnouncement): Promise<Responder> {
  const { interfaces, onNotice } = announcement;
  return Responder.start({
    services: poseServices(announcement),
    interfaces: () => {
      if (interfaces.length === 0) return defaultInterfaces().map(onlyIpv4);
      // One that went away meanwhile may come back.
      return interfaces.flatMap((name) => {
        try {
          return namedInterfaces([name]).map(onlyIpv4);
        } catch {
          return [];
        }
      });
    },
    onRename: (from, to) => onNotice(`the name ${from} is taken on this network: ${to} it is`),
  });
}
