/**
 * Where a {@link import("./pose.ts").PoseStream} has its events from: a pipe on `xoq/1`, or MoQT tracks.
 *
 * @module
 */
import { LostError, NotFoundError, UnsupportedError } from "../errors.ts";
import type { MoqtSession } from "../moqt/mod.ts";
import { RemotePose, type RemotePoseOptions, type RemotePoseStats } from "../pose/remote_pose.ts";
import { connectTracks, readPoseTracks, type TrackListener } from "../pose/remote_tracks.ts";
import {
  beginsMovement,
  type PhoneEvent,
  poseEvent,
  type ReverseMessage,
} from "../pose/wire/event.ts";
import type { RemoteDevice } from "../remote.ts";
import { stayAttached } from "../stay_attached.ts";

/** Gives events while it runs. */
export interface PoseSource {
  /** Called when it is attached, each time. */
  onAttached: (() => void) | undefined;
  /** Called with what the phone does. */
  onEvent: ((event: PhoneEvent) => void) | undefined;
  /** Counters now. */
  stats(): Readonly<RemotePoseStats>;
  /** Sends to the phone. Throws `UnsupportedError` where nothing leads there. */
  reverse(message: ReverseMessage): void;
  /** Gives events until the signal aborts. Throws why it can't go on. */
  run(signal: AbortSignal): Promise<void>;
}

/** A pipe on `xoq/1`. */
export class PipePoseSource implements PoseSource {
  /** See {@link PoseSource}. */
  onAttached: (() => void) | undefined;
  /** See {@link PoseSource}. */
  onEvent: ((event: PhoneEvent) => void) | undefined;
  readonly #pose: RemotePose;

  /** Attaches when it runs. */
  constructor(remote: RemoteDevice, options: RemotePoseOptions) {
    this.#pose = new RemotePose(remote, options);
    this.#pose.onPose = (datagram, _raw, receivedUs, first) => {
      this.onEvent?.(poseEvent(datagram, receivedUs, beginsMovement(datagram, first)));
    };
    this.#pose.onEvent = (event) => {
      if (event.type === "attached") this.onAttached?.();
      else if (event.type === "phone") this.onEvent?.(event.event);
    };
  }

  /** See {@link PoseSource}. */
  stats(): Readonly<RemotePoseStats> {
    return this.#pose.stats();
  }

  /** See {@link PoseSource}. */
  reverse(message: ReverseMessage): void {
    this.#pose.reverse(message);
  }

  /** See {@link PoseSource}. */
  run(signal: AbortSignal): Promise<void> {
    return this.#pose.run(signal);
  }
}

/** What both sources of tracks have in common. */
export abstract class TracksPoseSource implements PoseSource {
  /** See {@link PoseSource}. */
  onAttached: (() => void) | undefined;
  /** See {@link PoseSource}. */
  onEvent: ((event: PhoneEvent) => void) | undefined;
  /** What was counted so far. */
  protected readonly counters: RemotePoseStats = {
    received: 0,
    stale: 0,
    malformed: 0,
    reconnects: 0,
  };
  /** Counts and hands on. */
  protected readonly listener: TrackListener = {
    onSubscribed: () => this.onAttached?.(),
    onStale: () => this.counters.stale++,
    onMalformed: () => this.counters.malformed++,
    onEvent: (event) => {
      if (event.type === "pose") this.counters.received++;
      this.onEvent?.(event);
    },
  };

  /** See {@link PoseSource}. */
  stats(): Readonly<RemotePoseStats> {
    return this.counters;
  }

  /** Throws: tracks lead one way. */
  reverse(): void {
    throw new UnsupportedError("tracks lead one way", { hint: "open the pose over xoq/1" });
  }

  /** See {@link PoseSource}. */
  abstract run(signal: AbortSignal): Promise<void>;
}

/** Tracks in a session that is the caller's. */
export class SessionPoseSource extends TracksPoseSource {
  readonly #session: MoqtSession;
  readonly #device: string;

  /** Subscribes when it runs. */
  constructor(session: MoqtSession, device: string) {
    super();
    this.#session = session;
    this.#device = device;
  }

  /** See {@link PoseSource}. */
  async run(signal: AbortSignal): Promise<void> {
    await readPoseTracks(this.#session, this.#device, this.listener, signal);
  }
}

/** Tracks of a ticket's server, attached to again after a loss. */
export class RemoteTracksPoseSource extends TracksPoseSource {
  readonly #remote: RemoteDevice;

  /** Attaches when it runs. */
  constructor(remote: RemoteDevice) {
    super();
    this.#remote = remote;
  }

  /** See {@link PoseSource}. */
  async run(signal: AbortSignal): Promise<void> {
    await stayAttached(this.#remote, {
      signal,
      use: async (attachment) => {
        const { device } = attachment;
        if (device === undefined) throw new NotFoundError("this server names no devices");
        const ended = AbortSignal.any([signal, attachment.signal]);
        await using session = await connectTracks(attachment, ended);
        await readPoseTracks(session, device, this.listener, ended);
        if (signal.aborted) return;
        throw attachment.signal.aborted ? attachment.signal.reason : new LostError("it ended");
      },
      onRetry: () => {},
      onLost: () => {},
      onReconnect: () => this.counters.reconnects++,
    });
  }
}
