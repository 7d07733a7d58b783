/**
 * A phone's pose, for TypeScript programs: the newest pose, recording commands, connections. Of a
 * ticket's server over any {@link Endpoint}, with haptics back, or from MoQT tracks.
 *
 *     await using pose = await openPose(ticket, endpoint);
 *     for await (const event of pose) {
 *       if (event.type === "pose") move(event.data.absolute_input);
 *       else if (event.type === "command" && event.name === "recording") record(event.value);
 *     }
 *
 * @module
 */
import { LostError } from "../errors.ts";
import type { MoqtSession } from "../moqt/mod.ts";
import type { RemotePoseOptions, RemotePoseStats } from "../pose/remote_pose.ts";
import type {
  CommandEvent,
  ConnectedEvent,
  DisconnectedEvent,
  PhoneEvent,
  PoseEvent,
} from "../pose/wire/event.ts";
import type { Endpoint } from "../transport/connection.ts";
import {
  PipePoseSource,
  type PoseSource,
  RemoteTracksPoseSource,
  SessionPoseSource,
} from "./pose_source.ts";
import { remoteDevice } from "./remote.ts";

export type { CommandEvent, ConnectedEvent, DisconnectedEvent, PhoneEvent, PoseEvent };
export type { RemotePoseStats };

/** Most events waiting that are no poses. Policy: the oldest make room. */
const MAX_WAITING = 256;

/** How to open a pose. */
export interface ClientPoseOptions extends RemotePoseOptions {
  /**
   * `xoq/1`: poses as datagrams, and haptics back (the default). `moqt`: as tracks, which relays carry
   * on; they lead one way, so that `role` and `take` mean nothing.
   */
  over?: "xoq/1" | "moqt";
  /** Gives up, and later closes it. */
  signal?: AbortSignal;
  /** Milliseconds until a server never reached counts as unreachable. Default 15,000. */
  timeoutMs?: number;
  /** Reconnect by itself. Default true. */
  reconnect?: boolean;
  /** Program and version, for the server's information. */
  agent?: string;
}

/** A remote phone. Iterating gives its events: of the poses, only the newest waits. */
export class PoseStream implements AsyncIterable<PhoneEvent>, AsyncDisposable {
  readonly #source: PoseSource;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #others: PhoneEvent[] = [];
  #newest: PoseEvent | undefined;
  #wake = Promise.withResolvers<void>();
  #ended: { error: unknown } | undefined;
  #attached = Promise.withResolvers<void>();

  /** Takes a source over; use {@link openPose} or {@link openPoseTracks}. */
  constructor(source: PoseSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#attached.promise.catch(() => {});
    source.onAttached = () => this.#attached.resolve();
    source.onEvent = (event) => {
      if (event.type === "pose") this.#newest = event;
      else {
        if (this.#others.length >= MAX_WAITING) this.#others.shift();
        this.#others.push(event);
      }
      this.#wake.resolve();
    };
    const ended = signal === undefined
      ? this.#stop.signal
      : AbortSignal.any([signal, this.#stop.signal]);
    this.#running = source.run(ended).then(() => this.#end(undefined), (error) => this.#end(error));
  }

  /** Resolves when it is attached for the first time; rejects with why it never was. */
  ready(): Promise<void> {
    return this.#attached.promise;
  }

  /** Counters now. */
  stats(): Readonly<RemotePoseStats> {
    return this.#source.stats();
  }

  /** Makes the phone vibrate: intensity 0 to 1. Only as `controller`; the newest wins. Throws `RangeError`, `UnsupportedError`. */
  haptic(intensity: number, channel = 0): void {
    if (!(intensity >= 0 && intensity <= 1)) {
      throw new RangeError(`an intensity of ${intensity}: 0 to 1 is wanted`);
    }
    this.#source.reverse({ type: "haptic", intensity, channel });
  }

  /** The next event. Rejects with why it ended; `undefined` once it is closed. */
  async next(): Promise<PhoneEvent | undefined> {
    for (;;) {
      const event = this.#others.shift() ?? this.#newest;
      if (event !== undefined) {
        if (event === this.#newest) this.#newest = undefined;
        return event;
      }
      if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return undefined;
      }
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }

  /** Events until it is closed. One reader at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PhoneEvent, void, void> {
    for (;;) {
      const event = await this.next();
      if (event === undefined) return;
      yield event;
    }
  }

  /** Detaches. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Detaches. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #end(error: unknown): void {
    this.#ended = { error };
    this.#attached.reject(error ?? new LostError("it was closed"));
    this.#wake.resolve();
  }
}

/**
 * Opens the pose of a ticket. The endpoint stays the caller's. Throws `UsageError` for a ticket that is
 * none, `UnreachableError`, `DeniedError`, `BusyError`, `NotFoundError`.
 */
export async function openPose(
  ticket: string,
  endpoint: Endpoint,
  options: ClientPoseOptions = {},
): Promise<PoseStream> {
  const { signal, timeoutMs, reconnect, agent, over, ...rest } = options;
  const remote = remoteDevice(ticket, endpoint, { timeoutMs, reconnect, agent });
  return await opened(
    over === "moqt" ? new RemoteTracksPoseSource(remote) : new PipePoseSource(remote, rest),
    signal,
  );
}

/**
 * Opens the pose of a device from its tracks. The session stays the caller's. Throws `RequestError`
 * where there is no such device, or it can't be subscribed to.
 */
export async function openPoseTracks(
  session: MoqtSession,
  device: string,
  options: { signal?: AbortSignal } = {},
): Promise<PoseStream> {
  return await opened(new SessionPoseSource(session, device), options.signal);
}

async function opened(source: PoseSource, signal: AbortSignal | undefined): Promise<PoseStream> {
  const stream = new PoseStream(source, signal);
  try {
    await stream.ready();
  } catch (error) {
    await stream.close();
    throw error;
  }
  return stream;
}
