/**
 * The serving side of MoQT: devices' tracks for whoever was admitted, on any connection whose protocol
 * is a draft's (docs/moqt.md, "Devices as tracks").
 *
 * @module
 */
import type { Peer, ServedDevice } from "../device.ts";
import { DeniedError } from "../errors.ts";
import {
  accept,
  deviceNamespace,
  deviceTrack,
  formatTrackName,
  grantOf,
  type IncomingNamespaceWatch,
  type IncomingSubscribe,
  type MoqtSession,
  MoqtViolation,
  protocols,
  RequestError,
  type TrackName,
} from "../moqt/mod.ts";
import type { Connection } from "../transport/connection.ts";
import type { Admission, AdmissionDesk } from "./admission.ts";
import { endOrDeadline, settledWithin } from "./grace.ts";
import { LiveTrack } from "./live_track.ts";

/** How long goodbyes may take, in milliseconds: a peer that does not read must not hold a shutdown up. */
export const FAREWELL_MS = 200;

/** Who comes, and how it is admitted. */
export interface MoqtVisitor {
  /** Endpoint id, or, for who came by address, a name of this connection alone. */
  id: string;
  /** For people: endpoint id, or address. */
  label: string;
  /** Where grants are shown. */
  desk: AdmissionDesk;
  /** Whether the connection is a WebTransport session. */
  webTransport?: boolean;
  /** How long its set-up and its grant may take, in milliseconds. */
  deadlineMs: number;
  /** Called when it is let in. */
  admitted(): void;
}

/** Counters. */
export interface MoqtServerStats {
  /** Sessions now. */
  sessions: number;
  /** Subscriptions now. */
  subscriptions: number;
  /** Groups that were cut off because a subscriber was late. */
  resetGroups: number;
}

/** How a session ended. */
export type MoqtOutcome = "over" | "denied" | "silent" | "protocol";

/** A track, and whose it is. */
export interface MoqtEntry {
  /** The device. */
  device: ServedDevice;
  /** The track. */
  track: LiveTrack;
}

/** Serves the tracks of devices. */
export class MoqtServer {
  readonly #tracks = new Map<string, MoqtEntry>();
  readonly #devices: readonly ServedDevice[];
  readonly #agent: string;
  readonly #sessions = new Set<MoqtSession>();

  /** Nothing is attached before somebody subscribes. */
  constructor(devices: readonly ServedDevice[], agent: string) {
    this.#devices = devices.filter(({ tracks }) => tracks !== undefined && tracks.length > 0);
    this.#agent = agent;
    for (const device of this.#devices) {
      for (const offer of device.tracks ?? []) {
        const name = formatTrackName(deviceTrack(device.name, offer.name));
        this.#tracks.set(name, { device, track: new LiveTrack(offer) });
      }
    }
  }

  /** Protocols that an endpoint must accept for these devices. */
  static protocols(devices: readonly ServedDevice[]): string[] {
    return devices.some(({ tracks }) => tracks !== undefined && tracks.length > 0)
      ? protocols()
      : [];
  }

  /** Counters now. */
  stats(): MoqtServerStats {
    let [subscriptions, resetGroups] = [0, 0];
    for (const { track } of this.#tracks.values()) {
      subscriptions += track.subscribers;
      resetGroups += track.resetGroups;
    }
    return { sessions: this.#sessions.size, subscriptions, resetGroups };
  }

  /** Subscriptions to a device's tracks now. */
  subscribers(device: string): number {
    let count = 0;
    for (const entry of this.#tracks.values()) {
      if (entry.device.name === device) count += entry.track.subscribers;
    }
    return count;
  }

  /** Serves a connection until it ends. Never throws for the peer's faults. */
  async serve(connection: Connection, visitor: MoqtVisitor): Promise<MoqtOutcome> {
    const { id, desk, deadlineMs, webTransport = false } = visitor;
    const admitted = Promise.withResolvers<Peer>();
    admitted.promise.catch(() => {});
    let admission: Admission | undefined;
    let outcome: MoqtOutcome = "over";
    const open = new Visit(this, visitor, admitted.promise);
    try {
      const session = await accept(connection, {
        implementation: this.#agent,
        webTransport,
        // The set-up, and then the grant, which may come on another connection.
        setupTimeoutMs: 2 * deadlineMs + 1_000,
        handlers: {
          subscribe: (request) => open.subscribe(request),
          trackStatus: async ({ track }) => (await open.find(track)).track.status(),
          subscribeNamespace: (request) => open.watch(request),
        },
        admit: async (_setup, tokens) => {
          try {
            const grant = grantOf(tokens);
            if (grant !== undefined) admission = await desk.admit(id, grant);
            const deadline = endOrDeadline(connection.closed, deadlineMs);
            const peer = await desk.waitForPeer(id, undefined, deadline);
            if (peer === undefined) {
              outcome = "silent";
              throw new MoqtViolation(
                "unauthorized",
                "no grant was shown: it is the set-up's token",
              );
            }
            admitted.resolve(peer);
          } catch (error) {
            admitted.reject(error);
            if (!(error instanceof DeniedError)) throw error;
            outcome = "denied";
            throw new MoqtViolation("unauthorized", error.message, { cause: error });
          }
        },
      });
      const peer = await admitted.promise;
      visitor.admitted();
      this.#sessions.add(session);
      const expire = () => {
        const denied = peer.signal.reason instanceof DeniedError;
        void session.close(denied ? "expired-auth-token" : "no-error", reasonOf(peer.signal));
      };
      peer.signal.addEventListener("abort", expire, { once: true });
      if (peer.signal.aborted) expire();
      try {
        await session.closed;
      } finally {
        peer.signal.removeEventListener("abort", expire);
        this.#sessions.delete(session);
      }
    } catch (error) {
      if (outcome === "over" && error instanceof MoqtViolation) outcome = "protocol";
    } finally {
      admitted.reject(new RequestError("unauthorized", "the session is over"));
      admission?.[Symbol.dispose]();
    }
    return outcome;
  }

  /** Ends all tracks, and tells the subscribers. */
  async close(): Promise<void> {
    const ends = [...this.#tracks.values()].map(({ track }) => track.end());
    await settledWithin(FAREWELL_MS, ends);
    for (const session of this.#sessions) void session.close("no-error", "the server stops");
  }

  /** The track of that name. */
  entry(track: TrackName): MoqtEntry | undefined {
    return this.#tracks.get(formatTrackName(track));
  }

  /** Devices that have tracks. */
  get devices(): readonly ServedDevice[] {
    return this.#devices;
  }
}

/** One session's requests. */
class Visit {
  readonly #server: MoqtServer;
  readonly #visitor: MoqtVisitor;
  readonly #admitted: Promise<Peer>;

  constructor(server: MoqtServer, visitor: MoqtVisitor, admitted: Promise<Peer>) {
    this.#server = server;
    this.#visitor = visitor;
    this.#admitted = admitted;
  }

  /** The track, and the peer's right to it. What it may not see does not exist for it. */
  async find(name: TrackName): Promise<MoqtEntry & { peer: Peer }> {
    await this.#authorized();
    const entry = this.#server.entry(name);
    const peer = entry && this.#visitor.desk.peer(this.#visitor.id, entry.device.name);
    if (entry === undefined || peer === undefined) {
      throw new RequestError("does-not-exist", `no track ${formatTrackName(name)} here`);
    }
    return { ...entry, peer };
  }

  async subscribe(request: IncomingSubscribe): Promise<void> {
    const { device, track, peer } = await this.find(request.track);
    if (request.signal.aborted) return;
    const publication = track.accept(request);
    const revoke = () => publication.done("unauthorized", reasonOf(peer.signal));
    peer.signal.addEventListener("abort", revoke, { once: true });
    const who = { id: this.#visitor.label, role: "viewer" } as const;
    device.onClient?.({ type: "client", ...who });
    publication.closed.then(() => {
      peer.signal.removeEventListener("abort", revoke);
      device.onClient?.({ type: "gone", ...who, reason: "it unsubscribed" });
    });
  }

  /** Tells of the namespaces below the prefix, or of the tracks, which are sent to who subscribes only. */
  async watch(request: IncomingNamespaceWatch): Promise<void> {
    await this.#authorized();
    const feed = request.accept();
    for (const device of this.#server.devices) {
      if (this.#visitor.desk.peer(this.#visitor.id, device.name) === undefined) continue;
      if (request.interest !== "publish") feed.add(deviceNamespace(device.name));
      else for (const { name } of device.tracks ?? []) feed.block(deviceTrack(device.name, name));
    }
  }

  async #authorized(): Promise<void> {
    try {
      await this.#admitted;
    } catch {
      throw new RequestError("unauthorized", "show a grant as the set-up's token");
    }
  }
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : "";
}
