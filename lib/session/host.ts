/**
 * Devices on the network: an identity, its endpoint, the session server, and the tickets that lead
 * to them.
 *
 * @module
 */
import type { ServedDevice } from "../device.ts";
import type { Endpoint, EndpointOptions } from "../transport/connection.ts";
import { issueGrant, verifyGrant } from "../transport/grant.ts";
import type { Identity } from "../transport/identity.ts";
import { createEndpoint } from "../transport/mod.ts";
import { formatEndpointTicket, formatTicket } from "../transport/ticket.ts";
import type { AdmissionPolicy } from "./admission.ts";
import { DATAGRAM_WINDOW_BYTES } from "./datagram_source.ts";
import { type DirectPlace, DirectServer, type DirectServerOptions } from "./direct_server.ts";
import { MoqtServer } from "./moqt_server.ts";
import { SessionServer, type SessionServerStats } from "./server.ts";

/** How to put devices on the network. */
export interface HostOptions {
  /** Who the endpoint is. Stays the caller's. */
  identity: Identity;
  /** Devices; their names differ, and their own protocols don't overlap. They stay the caller's. */
  devices: readonly ServedDevice[];
  /** Address without a port: the port the identity had last, or any. */
  bind?: string;
  /** Relay URL, `none`, or `default`. */
  relay?: string;
  /** Whether to announce on the LAN. */
  mdns?: boolean;
  /** Let everybody in. */
  public: boolean;
  /** Let these endpoint ids in without a grant. */
  allow: readonly string[];
  /** Program and version. */
  agent: string;
  /** Serve the devices' tracks by address, too: where, and what listens. */
  listen?: Pick<DirectServerOptions, "address" | "transport" | "lasting">;
}

/** Where the devices can be reached. */
export interface HostTickets {
  /** iroh's own ticket, which other iroh programs read. */
  endpointTicket: string;
  /** The whole ticket: with the device where there are several, and with a grant unless everybody is let in. */
  ticket: string;
}

/** Most bytes under way to one client. Small: what waits in here can't be dropped any more. */
const SEND_WINDOW_BYTES = 512 * 1024;

/** A running host. */
export class DeviceHost implements AsyncDisposable {
  readonly #endpoint: Endpoint;
  readonly #server: SessionServer;
  readonly #options: HostOptions;
  readonly #grant: string | undefined;
  readonly #direct: DirectServer | undefined;
  readonly #moqt: MoqtServer;

  private constructor(
    endpoint: Endpoint,
    server: SessionServer,
    moqt: MoqtServer,
    direct: DirectServer | undefined,
    options: HostOptions,
    grant: string | undefined,
  ) {
    this.#endpoint = endpoint;
    this.#server = server;
    this.#moqt = moqt;
    this.#direct = direct;
    this.#options = options;
    this.#grant = grant;
  }

  /** Binds and serves. No relay is waited for. Throws as `DirectServer.listen`. */
  static async start(options: HostOptions): Promise<DeviceHost> {
    const { identity, devices, agent, listen } = options;
    await using stack = new AsyncDisposableStack();
    const endpoint = stack.use(await bind(options));
    await rememberPort(identity, endpoint);
    const moqt = new MoqtServer(devices, agent);
    const server = stack.use(
      new SessionServer(endpoint, { devices, agent, moqt, policy: policyOf(options) }),
    );
    const direct = listen && stack.use(
      await DirectServer.listen({
        ...listen,
        moqt,
        public: options.public,
        verify: (text) => verifyGrant(text, identity.id, Date.now()),
      }),
    );
    const grant = options.public
      ? undefined
      : await issueGrant(identity.secretKey, { rights: "control", standing: true });
    const host = new DeviceHost(endpoint, server, moqt, direct, options, grant);
    await identity.rememberAddress(endpoint.address());
    stack.move();
    return host;
  }

  /** Endpoint id. */
  get id(): string {
    return this.#endpoint.id;
  }

  /** Addresses now, for people. */
  get addresses(): string[] {
    const { direct, relays } = this.#endpoint.address();
    return [...direct, ...relays];
  }

  /** Where tracks are served by address; `undefined` where they are not. */
  get direct(): DirectPlace | undefined {
    return this.#direct?.place;
  }

  /** Tickets as they are now; they change when a relay or an interface becomes known. */
  tickets(): HostTickets {
    const address = this.#endpoint.address();
    const [first, ...others] = this.#options.devices;
    return {
      endpointTicket: formatEndpointTicket(address),
      ticket: formatTicket({
        address,
        ...(first !== undefined && others.length === 0 ? { device: first.name } : {}),
        ...(this.#grant === undefined ? {} : { grant: this.#grant }),
      }),
    };
  }

  /** Calls back when {@link tickets} changed. Returns the unsubscriber. */
  onTickets(listener: (tickets: HostTickets) => void): () => void {
    return this.#endpoint.onAddressChange((address) => {
      void this.#options.identity.rememberAddress(address);
      listener(this.tickets());
    });
  }

  /** Tells clients that a device went or came. */
  announce(device: string, state: "lost" | "back", reason?: string): void {
    this.#server.announce(device, state, reason);
  }

  /** Subscriptions to a device's MoQT tracks now. */
  subscribers(device: string): number {
    return this.#moqt.subscribers(device);
  }

  /** Counters now. */
  stats(): SessionServerStats {
    return this.#server.stats();
  }

  /** Says goodbye and closes the socket. Idempotent. */
  async close(): Promise<void> {
    await this.#server.close();
    await this.#direct?.close();
    await this.#endpoint.close();
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function policyOf({ identity, public: open, allow }: HostOptions): AdmissionPolicy {
  return {
    public: open,
    allow: new Set(allow),
    verify: async (text, clientId) => {
      const grant = await verifyGrant(text, identity.id, Date.now());
      await identity.nonces.claim(grant, clientId);
      return grant;
    },
  };
}

/** Binds to the port the identity had last where that is free, so that old tickets still lead here. */
async function bind(options: HostOptions): Promise<Endpoint> {
  const { identity, devices } = options;
  const congestion = devices.find((device) => device.congestion !== undefined)?.congestion;
  const common: EndpointOptions = {
    secretKey: identity.secretKey,
    protocols: SessionServer.protocols(devices),
    sendWindow: SEND_WINDOW_BYTES,
    datagramWindow: DATAGRAM_WINDOW_BYTES,
    ...(congestion === undefined ? {} : { congestion }),
    ...(options.relay === undefined ? {} : { relay: options.relay }),
    ...(options.mdns === undefined ? {} : { mdns: options.mdns }),
  };
  const { bind: asked } = options;
  if (identity.port !== undefined && !hasPort(asked)) {
    try {
      // All addresses are those of both families.
      return await createEndpoint({ ...common, bind: `${asked ?? "*"}:${identity.port}` });
    } catch {
      // Taken meanwhile: any port will do, and is remembered in its place.
    }
  }
  return await createEndpoint({ ...common, ...(asked === undefined ? {} : { bind: asked }) });
}

function hasPort(address: string | undefined): boolean {
  return address !== undefined && /(^|[^:]):\d+$|\]:\d+$/.test(address);
}

async function rememberPort(identity: Identity, endpoint: Endpoint): Promise<void> {
  const port = /:(\d+)$/.exec(endpoint.address().direct[0] ?? "")?.[1];
  if (port !== undefined) await identity.rememberPort(Number(port));
}
