/**
 * A phone's pose as live tracks (docs/moqt.md, "Devices as tracks"): `pose`, the newest wins, and
 * `events`, of which none is left out. Objects are the lines of {@link import("./wire/event.ts")}.
 *
 * @module
 */
import type { TrackOffer, TrackSink } from "../device.ts";
import { EVENTS_TRACK, POSE_TRACK } from "./track_names.ts";

/** A pose that is behind by more than this is cut off. */
const LATE_POSES = 1;
/** Groups of events: one begins with each phone, and with each subscriber that joins. */
const LATE_EVENT_GROUPS = 64;
const FORMAT = { kind: "pose", format: "json" } as const;

/** The tracks of one receiver. */
export class PoseTracks {
  /** What is offered. */
  readonly offers: readonly TrackOffer[];
  readonly #poses = new Set<TrackSink>();
  readonly #events = new Set<TrackSink>();
  readonly #encoder = new TextEncoder();

  /** Nothing is sent before somebody subscribes. */
  constructor() {
    this.offers = [
      {
        name: POSE_TRACK,
        // Before a camera's pictures, where both go the same way.
        priority: 32,
        lateGroups: LATE_POSES,
        datagrams: true,
        describe: () => ({ ...FORMAT, events: ["pose"] }),
        attach: (sink) => added(this.#poses, sink),
      },
      {
        name: EVENTS_TRACK,
        priority: 16,
        lateGroups: LATE_EVENT_GROUPS,
        describe: () => ({ ...FORMAT, events: ["command", "wifi_connected", "wifi_disconnected"] }),
        attach: (sink) => {
          sink.startGroup();
          return added(this.#events, sink);
        },
        joined: () => this.beginEvents(),
      },
    ];
  }

  /** Whether anybody wants poses. */
  get wantPoses(): boolean {
    return this.#poses.size > 0;
  }

  /** A pose: a group of its own, so that none waits for another. */
  pose(line: string, capturedUs: number): void {
    const payload = this.#encoder.encode(line);
    for (const sink of this.#poses) {
      sink.startGroup();
      sink.write(payload, capturedUs);
      sink.endGroup();
    }
  }

  /** What follows is another phone's, or somebody joins. */
  beginEvents(): void {
    for (const sink of this.#events) sink.startGroup();
  }

  /** Something that is no pose. */
  event(line: string): void {
    const payload = this.#encoder.encode(line);
    for (const sink of this.#events) sink.write(payload);
  }
}

function added(sinks: Set<TrackSink>, sink: TrackSink): Disposable {
  sinks.add(sink);
  return { [Symbol.dispose]: () => void sinks.delete(sink) };
}
