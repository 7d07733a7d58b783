/**
 * A phone's pose from its MoQT tracks (docs/moqt.md, "Devices as tracks"): over any session, so also
 * through relays and in browsers.
 *
 * @module
 */
import { LostError, UnsupportedError } from "../errors.ts";
import { connect, deviceTrack, type MoqtSession, protocols } from "../moqt/mod.ts";
import type { Attachment } from "../remote.ts";
import { type Connection, TransportError } from "../transport/connection.ts";
import { EVENTS_TRACK, POSE_TRACK } from "./track_names.ts";
import type { PhoneEvent, PoseEvent } from "./wire/event.ts";

/** Longest object that is read, in bytes. */
const MAX_OBJECT_BYTES = 1_024;

/** Takes what comes. */
export interface TrackListener {
  /** Both tracks are there. */
  onSubscribed(): void;
  /** A pose, newer than all before, or what else the phone does. */
  onEvent(event: PhoneEvent): void;
  /** A pose that came behind a newer one. */
  onStale(): void;
  /** An object that is none of these. */
  onMalformed(): void;
}

/**
 * Reads a device's tracks until the signal aborts. Throws `RequestError` where they can't be subscribed
 * to, `LostError` when they end.
 */
export async function readPoseTracks(
  session: MoqtSession,
  device: string,
  listener: TrackListener,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  await using poses = session.subscribe(deviceTrack(device, POSE_TRACK), { signal });
  await using events = session.subscribe(deviceTrack(device, EVENTS_TRACK), { signal });
  const stop = () => {
    void poses.close();
    void events.close();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.all([poses.ready, events.ready]);
    listener.onSubscribed();
    const reading = [readPoses(poses.objects(), listener), readEvents(events.groups(), listener)];
    const { reason, message } = await poses.closed;
    stop();
    await Promise.all(reading);
    if (signal.aborted) return;
    throw new LostError(`the track ended: ${message || reason}`);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Dials the newest draft that the server of an attachment speaks. Throws `UnsupportedError`. */
export async function connectTracks(
  attachment: Attachment,
  signal: AbortSignal,
): Promise<MoqtSession> {
  for (const protocol of protocols()) {
    let connection: Connection;
    try {
      connection = await attachment.connect(protocol, signal);
    } catch (error) {
      if (error instanceof TransportError && error.failure === "refused") continue;
      throw error;
    }
    // The attachment's grant holds here, too.
    return await connect(connection, { signal });
  }
  throw new UnsupportedError("this server offers no MoQT tracks");
}

type Objects = ReturnType<Awaited<ReturnType<MoqtSession["subscribe"]>>["objects"]>;
type Groups = ReturnType<Awaited<ReturnType<MoqtSession["subscribe"]>>["groups"]>;

async function readPoses(objects: Objects, listener: TrackListener): Promise<void> {
  let newest = -1;
  for await (const { group, payload, status } of objects) {
    if (status !== "normal") continue;
    const event = parseEvent(payload);
    if (event?.type !== "pose") listener.onMalformed();
    else if (group <= newest) listener.onStale();
    else {
      newest = group;
      listener.onEvent(event);
    }
  }
}

async function readEvents(groups: Groups, listener: TrackListener): Promise<void> {
  for await (const { objects } of groups) {
    for await (const object of objects) {
      if (object.kind === "gap" || object.status !== "normal") continue;
      const event = parseEvent(object.payload);
      if (event === undefined || event.type === "pose") listener.onMalformed();
      else listener.onEvent(event);
    }
  }
}

function parseEvent(payload: Uint8Array): PhoneEvent | undefined {
  if (payload.length > MAX_OBJECT_BYTES) return undefined;
  let event: unknown;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
  switch ((event as { type?: unknown } | null)?.type) {
    case "pose":
      return isPose(event as Partial<PoseEvent>) ? event as PoseEvent : undefined;
    case "command":
    case "wifi_connected":
    case "wifi_disconnected":
      return event as PhoneEvent;
    default:
      return undefined;
  }
}

function isPose({ data }: Partial<PoseEvent>): boolean {
  const input: Partial<Record<string, unknown>> | undefined = data?.absolute_input;
  return ["x", "y", "z", "qx", "qy", "qz", "qw"].every((name) => Number.isFinite(input?.[name]));
}
