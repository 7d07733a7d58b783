/**
 * Which phone is listened to, and what each datagram is owed: the rules of both dialects, without
 * sockets or clocks. Taking a datagram allocates nothing.
 *
 * @module
 */
import { SequenceTracker } from "./sequence.ts";
import { sameToken } from "./token.ts";
import { decodeDatagram } from "./wire/decode.ts";
import { Datagram, type Dialect, STATUS } from "./wire/datagram.ts";
import { fillPoseAck, newPoseAck } from "./wire/pose.ts";
import { newTeleAck, TELE_ACK_STATUS } from "./wire/tele.ts";

/** Silence that ends a session, in ms. */
export const LIVENESS_MS: Readonly<Record<Dialect, number>> = { POSE: 5_000, TELE: 3_000 };
/** Most answers a second to phones that are not the active one. */
const STRANGER_REPLIES = 50;
/** Answers that may be under way at once: an ACK's bytes are used anew after this many. */
const ACKS = 32;

/** How to receive. */
export interface ReceiverOptions {
  /** What phones must show; `undefined`: nothing. */
  token: Uint8Array | undefined;
  /** Where poses are wanted: the port of the socket. */
  streamPort: number;
  /** Dialects that are served; the other's datagrams are dropped. */
  dialects: readonly Dialect[];
}

/**
 * What a datagram came to:
 * - `pose`: a newer one, in `datagram`
 * - `stale`: a pose behind a newer one, or twice the same
 * - `command`: in `datagram`
 * - `alive`: the active phone's HELLO; `reply` is owed
 * - `begun`: a phone is active now; `reply` is owed
 * - `refused`: a HELLO that is answered with why not in `reply`
 * - `ended`: the active phone's BYE
 * - `dropped`: nothing
 */
export type Outcome =
  | "pose"
  | "stale"
  | "command"
  | "alive"
  | "begun"
  | "refused"
  | "ended"
  | "dropped";

/** Counters since the start. */
export interface ReceiverStats {
  /** Sessions begun. */
  sessions: number;
  /** HELLOs answered with busy. */
  busy: number;
  /** HELLOs answered with bad token. */
  badToken: number;
  /** HELLOs answered with unsupported version. */
  version: number;
  /** Well-formed datagrams of phones that are not the active one: without HELLO, or late. */
  strangers: number;
  /** Datagrams that are none of either dialect. */
  malformed: number;
}

/** The receiver's rules. */
export class PoseReceiver {
  /** The datagram last taken. */
  readonly datagram: Datagram = new Datagram();
  /** The active phone's stream. */
  readonly sequence: SequenceTracker = new SequenceTracker();
  /** The answer that the last outcome owes. */
  reply: Uint8Array<ArrayBuffer>;
  /** Whether the pose last taken is the first of its session. */
  firstPose = false;
  readonly #options: ReceiverOptions;
  readonly #poseAcks = Array.from({ length: ACKS }, newPoseAck);
  readonly #teleAcks = Array.from({ length: ACKS }, newTeleAck);
  readonly #stats: ReceiverStats = {
    sessions: 0,
    busy: 0,
    badToken: 0,
    version: 0,
    strangers: 0,
    malformed: 0,
  };
  #nextAck = 0;
  #active = false;
  #ip = 0;
  #port = 0;
  #dialect: Dialect = "POSE";
  #sessionId = 0;
  #heardMs = 0;
  #poses = 0;
  #replies = 0;
  #repliesSince = -Infinity;

  /** Waits for a phone. */
  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.reply = this.#poseAcks[0]!;
  }

  /** The active phone's dialect, or `undefined` where there is none. */
  get active(): Dialect | undefined {
    return this.#active ? this.#dialect : undefined;
  }

  /** Counters now. */
  get stats(): Readonly<ReceiverStats> {
    return this.#stats;
  }

  /**
   * Takes a datagram.
   *
   * @param ip IPv4 address as a number
   * @param nowMs a monotonic clock
   * @param nowUs µs since the epoch
   */
  take(
    bytes: Uint8Array,
    length: number,
    ip: number,
    port: number,
    nowMs: number,
    nowUs: number,
  ): Outcome {
    const { datagram } = this;
    const verdict = decodeDatagram(bytes, datagram, length);
    if (verdict === "invalid" || !this.#options.dialects.includes(datagram.dialect)) {
      this.#stats.malformed++;
      return "dropped";
    }
    const own = this.#active && ip === this.#ip && port === this.#port;
    if (verdict === "version") {
      this.#stats.version++;
      return this.#refuse("version", own, nowMs, nowUs);
    }
    if (datagram.type === "hello") return this.#hello(ip, port, own, nowMs, nowUs);
    if (!own || datagram.dialect !== this.#dialect) {
      this.#stats.strangers++;
      return "dropped";
    }
    switch (datagram.type) {
      case "pose":
        this.#heardMs = nowMs;
        if (!this.sequence.take(datagram.seq, datagram.timestampUs, nowUs)) return "stale";
        this.firstPose = this.#poses++ === 0;
        return "pose";
      case "command":
        this.#heardMs = nowMs;
        return "command";
      case "bye":
        if (this.#dialect === "TELE" && datagram.sessionId !== this.#sessionId) return "dropped";
        this.#active = false;
        return "ended";
      default:
        // An ACK or a HAPTIC is the server's to send.
        this.#stats.malformed++;
        return "dropped";
    }
  }

  /** Ends the session of a phone that was silent too long. Whether there was one to end. */
  expire(nowMs: number): boolean {
    if (!this.#active || nowMs - this.#heardMs < LIVENESS_MS[this.#dialect]) return false;
    this.#active = false;
    return true;
  }

  #hello(ip: number, port: number, own: boolean, nowMs: number, nowUs: number): Outcome {
    const { datagram } = this;
    const { token } = this.#options;
    if (token !== undefined && !sameToken(token, datagram.token, datagram.tokenLength)) {
      this.#stats.badToken++;
      return this.#refuse("badToken", own, nowMs, nowUs);
    }
    if (this.#active && (!own || datagram.dialect !== this.#dialect)) {
      this.#stats.busy++;
      return this.#refuse("busy", own, nowMs, nowUs);
    }
    this.#answer("ok", nowUs);
    this.#heardMs = nowMs;
    const sessionId = datagram.dialect === "TELE" ? datagram.sessionId : 0;
    if (own && sessionId === this.#sessionId) return "alive";
    // Another session id from the same place is the app begun anew.
    this.#active = true;
    this.#ip = ip;
    this.#port = port;
    this.#dialect = datagram.dialect;
    this.#sessionId = sessionId;
    this.#poses = 0;
    this.sequence.reset();
    this.#stats.sessions++;
    return "begun";
  }

  #refuse(
    why: "badToken" | "busy" | "version",
    own: boolean,
    nowMs: number,
    nowUs: number,
  ): Outcome {
    if (!own) {
      if (nowMs - this.#repliesSince >= 1_000) {
        this.#repliesSince = nowMs;
        this.#replies = 0;
      }
      if (++this.#replies > STRANGER_REPLIES) return "dropped";
    }
    this.#answer(why, nowUs);
    return "refused";
  }

  #answer(status: keyof typeof STATUS.POSE, nowUs: number): void {
    const { dialect } = this.datagram;
    const next = this.#nextAck = (this.#nextAck + 1) % ACKS;
    const code = STATUS[dialect][status];
    if (dialect === "POSE") {
      this.reply = this.#poseAcks[next]!;
      const serverTimeMs = Math.floor(nowUs / 1000) % 0x1_0000_0000;
      fillPoseAck(this.reply, serverTimeMs, this.#options.streamPort, code);
    } else {
      this.reply = this.#teleAcks[next]!;
      this.reply[TELE_ACK_STATUS] = code;
    }
  }
}
