/**
 * One viewer's connection on the serving side: takes frames from the fan-out as fast as the network
 * takes them, and lets go of what would arrive too late.
 *
 * Two things bound how old a picture can be when it arrives. QUIC's send window: a write waits when
 * it is full, the queue behind it drops (latest wins). And, for our own clients, what they report
 * as received: when the oldest unreported picture has been under way too long, nothing more is sent
 * until the viewer has caught up, and then from a key frame on.
 *
 * @module
 */
import type { Fanout } from "../media/fanout.ts";
import type { EncodedFrame } from "../media/frame.ts";
import { CLOSE } from "../transport/close_codes.ts";
import { type Connection, type SendStream, TransportError } from "../transport/connection.ts";

/** How long a connection may go without opening its stream, in milliseconds. XoQ's clients open it at once. */
const STREAM_DEADLINE_MS = 10_000;
/** How long a picture may be under way beyond two round trips before the viewer counts as behind, in milliseconds. */
const MAX_LAG_MS = 400;
/** Most pictures under way that are remembered. More than this unreported is behind, too. */
const MAX_UNREPORTED = 256;

/** The serving side of one viewer. */
export class Viewer {
  /** The peer's endpoint id. */
  readonly id: string;
  /** Pictures not sent because the viewer was behind. */
  late = 0;
  readonly #connection: Connection;
  /** When each unreported picture was written, oldest first: `performance.now()`. */
  readonly #written: number[] = [];
  #sent = 0;
  #reported = 0;
  #reports = false;
  #behind = false;
  #awaitingKey = false;

  /** Takes an admitted connection. */
  constructor(connection: Connection, id: string) {
    this.#connection = connection;
    this.id = id;
  }

  /** The viewer says how many pictures have arrived in all. Nonsense is ignored. */
  acknowledge(frames: number): void {
    if (!(frames >= this.#reported && frames <= this.#sent)) return;
    this.#reports = true;
    this.#written.splice(0, frames - this.#reported);
    this.#reported = frames;
  }

  /** Sends until the end; resolves with why it ended, for people. */
  async serve(feed: Fanout, encode: (frame: EncodedFrame) => Uint8Array): Promise<string> {
    const ended = new AbortController();
    const end = () => ended.abort();
    this.#connection.closed.then(end, end);
    // Subscribed before the stream is there: the camera starts while the viewer's stream is on its way.
    using frames = feed.subscribe({ signal: ended.signal });
    const stream = await this.#stream();
    if (stream === undefined) {
      this.#connection.close({ closeCode: CLOSE.silent, reason: "no stream was opened" });
      return await this.#whyEnded();
    }
    const writer = stream.getWriter();
    writer.closed.catch(() => {});
    try {
      for await (const frame of frames) {
        if (!this.#wants(frame, feed)) continue;
        this.#sent++;
        if (this.#written.length < MAX_UNREPORTED) this.#written.push(performance.now());
        await writer.write(encode(frame));
      }
      if (!ended.signal.aborted) {
        await writer.close();
        // FIN first, then the end of the connection: a viewer that reads to the end gets it all.
        this.#connection.close({ closeCode: CLOSE.goingAway, reason: "the camera's stream ended" });
        return "the stream ended";
      }
    } catch (error) {
      // The viewer let go of its stream: it wants nothing more.
      if (!ended.signal.aborted) {
        const stopped = error instanceof TransportError && error.source === "stream";
        this.#connection.close({ closeCode: CLOSE.done, reason: stopped ? "stream stopped" : "" });
      }
    }
    return await this.#whyEnded();
  }

  /** Whether to send this picture now. */
  #wants(frame: EncodedFrame, feed: Fanout): boolean {
    const behind = this.#isBehind();
    if (behind || this.#awaitingKey && !frame.key) {
      this.#awaitingKey = true;
      // Caught up: the next key frame is where it goes on.
      if (this.#behind && !behind) feed.requestKeyFrame();
      this.#behind = behind;
      this.late++;
      return false;
    }
    this.#behind = false;
    this.#awaitingKey = false;
    return true;
  }

  #isBehind(): boolean {
    if (!this.#reports) return false;
    const oldest = this.#written[0];
    if (oldest === undefined) return false;
    if (this.#written.length >= MAX_UNREPORTED) return true;
    const underWay = performance.now() - oldest;
    if (underWay <= MAX_LAG_MS) return false;
    const path = this.#connection.paths().find((candidate) => candidate.selected);
    return underWay > MAX_LAG_MS + 2 * (path?.rttMs ?? 0);
  }

  async #stream(): Promise<SendStream | undefined> {
    const reader = this.#connection.incomingBidirectionalStreams.getReader();
    const deadline = setTimeout(() => void reader.cancel().catch(() => {}), STREAM_DEADLINE_MS);
    try {
      const { value } = await reader.read();
      // A viewer owes nothing on its half; whatever it sends there is not wanted.
      value?.readable.cancel(new TransportError("not read")).catch(() => {});
      return value?.writable;
    } catch {
      return undefined;
    } finally {
      clearTimeout(deadline);
      reader.releaseLock();
    }
  }

  async #whyEnded(): Promise<string> {
    try {
      const info = await this.#connection.closed;
      return info.reason === "" ? "it closed the connection" : info.reason;
    } catch (error) {
      if (error instanceof TransportError && error.failure === "timeout") {
        return "nothing heard from it for 3 s";
      }
      return error instanceof Error ? error.message : String(error);
    }
  }
}
