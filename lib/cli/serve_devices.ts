/**
 * What `xoq KIND DEVICE…` does once its options are read: makes the devices ready, puts them on the
 * network, and tells of what happens until it is told to end.
 *
 * @module
 */
import type {
  DeviceEvent,
  DeviceKind,
  OptionValues,
  Reporter,
  ServedDevice,
  StandardStreams,
} from "../device.ts";
import { DeniedError, UsageError } from "../errors.ts";
import { type DirectPlace, parseListen } from "../session/direct_server.ts";
import { DeviceHost, type HostOptions, type HostTickets } from "../session/host.ts";
import { verifyGrant } from "../transport/grant.ts";
import { type Identity, identityName, openIdentity } from "../transport/identity.ts";
import { VERSION } from "../version.ts";
import { ServerAnnouncement } from "./announce_server.ts";
import { endpointOptions, type EndpointValues } from "./endpoint_values.ts";
import { RateMeter } from "./rate_meter.ts";

/** Options that every serving command has: `ENDPOINT_OPTIONS` and `SERVER_OPTIONS`. */
export interface ServerValues extends EndpointValues {
  /** `--name`. */
  readonly name: string | undefined;
  /** `--key-dir`. */
  readonly "key-dir": string | undefined;
  /** `--public`. */
  readonly public: boolean;
  /** `--allow`. */
  readonly allow: readonly string[];
}

/** What is said while it serves. */
export interface ServeReporter extends Reporter {
  /** Something people should look after. */
  warn(text: string): void;
}

/** Devices of one command, or of one part of a configuration file. */
export interface ServeJob {
  /** Their kind. */
  kind: DeviceKind;
  /** One or more devices, as the user named them. */
  selectors: readonly string[];
  /** The kind's own options. */
  options: OptionValues;
  /** Network and access. */
  server: ServerValues;
  /** Standard input and output, for a kind whose data goes there. */
  standard?: StandardStreams;
}

/** Counters are told this often, in milliseconds. */
const STATS_INTERVAL_MS = 1_000;

/** Serves until the signal aborts. */
export async function serveDevices(
  job: ServeJob,
  reporter: ServeReporter,
  signal: AbortSignal,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const devices: ServedDevice[] = [];
  const identities: Identity[] = [];
  for (const selector of job.selectors) {
    const identity = stack.use(await identityOf(job, selector));
    for (const notice of identity.notices) reporter.warn(notice);
    const context = {
      signal,
      reporter,
      name: identity.name,
      authorize: (grant: string) => authorize(identity, grant),
      announce: !job.server["no-announce"],
      ...(job.standard === undefined ? {} : { standard: job.standard }),
    };
    devices.push(stack.use(await job.kind.serve(selector, job.options, context)));
    identities.push(identity);
  }
  const hosts: DeviceHost[] = [];
  for (const [index, identity] of identities.entries()) {
    // The first endpoint leads to all devices. XoQ's protocols name none, so that each further
    // device has an endpoint for them besides.
    const reachable = index === 0 ? devices : devices.slice(index, index + 1);
    const listen = index === 0 ? job.options["listen"] : undefined;
    hosts.push(stack.use(
      await startHost(job.server, identity, reachable, typeof listen === "string" ? listen : ""),
    ));
  }
  const [host] = hosts;
  if (host === undefined) throw new UsageError("no device named");
  const announcement = job.server["no-announce"]
    ? undefined
    : stack.use(await ServerAnnouncement.start(host, devices));
  if (announcement?.trouble !== undefined) {
    reporter.notice(`not announced on the LAN: ${announcement.trouble}`);
  }
  for (const device of devices) wire(device, hosts, reporter, announcement);
  reporter.event({
    type: "ready",
    id: host.id,
    ...ticketFields(host.tickets()),
    device: devices.map((device) => device.name).join(","),
    addresses: host.addresses,
    devices: devices.map((device, index) => ({
      ...device.describe(),
      name: device.name,
      kind: device.kind,
      id: hosts[index]?.id,
    })),
  });
  if (host.direct !== undefined) tellListening(host.direct, reporter);
  host.onTickets((tickets) => {
    reporter.event({ type: "ticket", ...ticketFields(tickets), addresses: host.addresses });
  });
  const meters = devices.map((device) => new RateMeter(device));
  const timer = setInterval(() => {
    for (const [index, meter] of meters.entries()) {
      const { refused } = hosts[index]?.stats() ?? {};
      const name = devices[index]?.name ?? "";
      const subscribers = hosts.reduce((sum, host) => sum + host.subscribers(name), 0);
      reporter.event({
        ...{ type: "stats", ...meter.read() },
        ...(devices[index]?.tracks === undefined ? {} : { subscribers }),
        ...(refused && { refused }),
      });
    }
  }, STATS_INTERVAL_MS);
  stack.defer(() => clearInterval(timer));
  await aborted(signal);
}

/** Whether a grant shown to a page is one of this endpoint's. */
async function authorize(
  identity: Identity,
  grant: string,
): Promise<{ expires?: number } | undefined> {
  try {
    const { once, expires } = await verifyGrant(grant, identity.id, Date.now());
    // A one-time grant is for one endpoint; browsers have none.
    if (once) return undefined;
    return expires === undefined ? {} : { expires };
  } catch (error) {
    if (error instanceof DeniedError) return undefined;
    throw error;
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function identityOf(job: ServeJob, selector: string): Promise<Identity> {
  const { kind, server } = job;
  const { deviceId, keyFiles } = await kind.identify(selector, job.options);
  const several = job.selectors.length > 1;
  const chosen = server.name === undefined || several ? undefined : server.name;
  const keyDir = server["key-dir"];
  return await openIdentity({
    name: chosen ?? identityName(kind.name, deviceId),
    explicit: chosen !== undefined,
    ...(keyDir === undefined ? {} : { keyDir, keyFile: await keyFileIn(keyDir, keyFiles) }),
  });
}

/** The key file that is there, or the one to make. */
async function keyFileIn(folder: string, names: readonly string[]): Promise<string> {
  for (const name of names) {
    const found = await Deno.stat(`${folder}/${name}`).then((info) => info.isFile, () => false);
    if (found) return name;
  }
  return names[0] ?? ".xoq_key";
}

async function startHost(
  server: ServerValues,
  identity: Identity,
  devices: readonly ServedDevice[],
  listen: string,
): Promise<DeviceHost> {
  return await DeviceHost.start({
    ...(listen === "" ? {} : { listen: await listening(identity, listen) }),
    ...endpointOptions(server),
    identity,
    devices,
    public: server.public,
    allow: server.allow,
    agent: `xoq/${VERSION}`,
  });
}

/** Says where tracks are served by address. */
function tellListening(
  { address, certificateHash, grantWanted }: DirectPlace,
  reporter: ServeReporter,
): void {
  const urls = [`moqt://${address}`, `https://${address}`];
  reporter.event({
    type: "listening",
    address,
    certificate_hash: certificateHash,
    grant_wanted: grantWanted,
    urls,
  });
  const token = grantWanted ? "\nclients show the part of the ticket behind # as their token" : "";
  reporter.notice(
    `tracks on ${urls.join(" and ")}\ncertificate hash ${certificateHash}${token}`,
  );
}

/** What listens by address; loaded only where that is asked for. */
async function listening(
  identity: Identity,
  text: string,
): Promise<NonNullable<HostOptions["listen"]>> {
  const { address } = parseListen(text);
  const [{ directTransport }, { lastingListener }] = await Promise.all([
    import("../transport/direct_endpoint.ts"),
    import("../transport/lasting_listener.ts"),
  ]);
  const lasting = await lastingListener(identity, address);
  return { address, transport: directTransport, lasting };
}

/** Passes on what a device tells: to people, and to its clients. */
function wire(
  device: ServedDevice,
  hosts: readonly DeviceHost[],
  reporter: ServeReporter,
  announcement: ServerAnnouncement | undefined,
): void {
  device.onClient = (event) => {
    announcement?.client(device.name, event);
    reporter.event({ ...event, device: device.name });
  };
  device.onEvent = (event: DeviceEvent) => {
    if (event.type === "notice") {
      reporter.notice(event.message);
      return;
    }
    reporter.event({ ...event, device: device.name });
    const state = event.type === "back" ? "back" : "lost";
    const reason = event.type === "lost"
      ? event.reason
      : event.type === "error"
      ? event.message
      : undefined;
    for (const host of hosts) host.announce(device.name, state, reason);
  };
}

function ticketFields({ ticket, endpointTicket }: HostTickets): Record<string, string> {
  return { ticket, endpoint_ticket: endpointTicket };
}
