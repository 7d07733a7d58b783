/**
 * `--socketcand`: a remote bus for programs that speak socketcand's protocol (python-can's
 * `socketcand` interface, Kayak): raw mode, BCM mode with cycles that run at the remote server,
 * and control mode.
 *
 * @module
 */
import { ProtocolError } from "../../errors.ts";
import { nowMicros } from "../../media/clock.ts";
import type { CanFrame } from "../frame.ts";
import { frameToJson } from "../frame_json.ts";
import type { BusHub, HubNode } from "../hub.ts";
import {
  classicFrame,
  decimalWord,
  fdFrame,
  formatSocketcand,
  hexWord,
  identifier,
  message,
  requestFrame,
  SocketcandParser,
} from "../socketcand_text.ts";
import { serveTcp, type TcpService, TcpWriter } from "./tcp_listener.ts";

/** socketcand's own port. */
export const SOCKETCAND_PORT = 29_536;
/** Bytes read at once. */
const READ_BYTES = 65_536;
/**
 * How long frames wait after the answer to `rawmode`, in milliseconds: python-can takes what comes
 * with the answer in one read for a wrong answer.
 */
const SETTLE_MS = 20;
/** Most frames that wait so. Policy: the oldest make room. */
const SETTLE_FRAMES = 4_096;
/** Most identifiers one client may subscribe to. */
const MAX_SUBSCRIPTIONS = 1_024;

/** Listens for socketcand clients. Throws as `serveTcp`. */
export function serveSocketcand(hub: BusHub, address: string): TcpService {
  return serveTcp(address || `:${SOCKETCAND_PORT}`, async (connection) => {
    using client = new Client(hub, connection);
    await client.run();
  });
}

/** A frame wanted in BCM mode. */
interface Subscription {
  /** Shortest time between two frames told, in µs. */
  everyMicros: number;
  /** Bits whose change counts; `undefined`: every frame. */
  mask: Uint8Array | undefined;
  toldAt: number;
  last: Uint8Array | undefined;
}

type Mode = "no-bus" | "bcm" | "raw" | "control";

let clients = 0;

class Client implements Disposable {
  readonly #hub: BusHub;
  readonly #connection: Deno.TcpConn;
  readonly #writer: TcpWriter;
  readonly #node: HubNode;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #cycles = new Set<string>();
  readonly #number = clients++;
  #mode: Mode = "no-bus";
  #held: CanFrame[] | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #statistics: ReturnType<typeof setInterval> | undefined;
  readonly #counts = { rxBytes: 0, rx: 0, txBytes: 0, tx: 0 };

  constructor(hub: BusHub, connection: Deno.TcpConn) {
    this.#hub = hub;
    this.#connection = connection;
    this.#writer = new TcpWriter(connection);
    this.#node = hub.join({ onFrames: (frames) => this.#frames(frames) });
  }

  async run(): Promise<void> {
    this.#say(message("hi"));
    const parser = new SocketcandParser();
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const count = await this.#connection.read(buffer);
      if (count === null) return;
      const outgoing: CanFrame[] = [];
      for (const words of parser.push(buffer.subarray(0, count))) {
        try {
          this.#obey(words, outgoing);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          this.#say(message("error", error.message));
        }
      }
      this.#send(outgoing);
    }
  }

  [Symbol.dispose](): void {
    this.#node[Symbol.dispose]();
    clearTimeout(this.#settling);
    clearInterval(this.#statistics);
    for (const key of this.#cycles) this.#call("stop", { key });
  }

  #obey(words: readonly string[], outgoing: CanFrame[]): void {
    const [verb = "", ...rest] = words;
    if (verb === "echo") {
      this.#say(message("echo"));
      return;
    }
    if (this.#mode === "no-bus") {
      if (verb !== "open") throw new ProtocolError("open a bus first");
      this.#mode = "bcm";
      this.#say(message("ok"));
      return;
    }
    switch (verb) {
      case "rawmode":
        this.#enter("raw");
        this.#settle();
        return;
      case "bcmmode":
        this.#enter("bcm");
        return;
      case "controlmode":
        this.#enter("control");
        return;
      case "send":
        outgoing.push(classicFrame(rest));
        return;
      case "fdsend":
        outgoing.push(fdFrame(rest));
        return;
      case "sendrtr":
        outgoing.push(requestFrame(rest));
        return;
    }
    if (this.#mode === "bcm") this.#bcm(verb, rest);
    else if (this.#mode === "control" && verb === "statistics") this.#tellStatistics(rest[0]);
    else throw new ProtocolError(`unknown command ${verb.slice(0, 32)}`);
  }

  #enter(mode: Mode): void {
    this.#mode = mode;
    clearInterval(this.#statistics);
    this.#say(message("ok"));
  }

  #bcm(verb: string, rest: readonly string[]): void {
    switch (verb) {
      case "add":
        this.#cycle(classicFrame(rest.slice(2)), period(rest));
        return;
      case "update": {
        const frame = classicFrame(rest);
        this.#call("change", { key: this.#keyOf(frame), frame: frameToJson(frame) });
        return;
      }
      case "delete": {
        const key = this.#keyOf(identifier(rest[0]));
        if (this.#cycles.delete(key)) this.#call("stop", { key });
        return;
      }
      case "subscribe":
        this.#subscribe(rest[2], period(rest), undefined);
        return;
      case "filter": {
        const length = hexWord(rest[3], 2);
        const mask = Uint8Array.from(rest.slice(4, 4 + length), (word) => hexWord(word, 2));
        this.#subscribe(rest[2], period(rest), mask);
        return;
      }
      case "unsubscribe":
        this.#subscriptions.delete(keyOf(identifier(rest[0])));
        return;
      default:
        throw new ProtocolError(`unknown command ${verb.slice(0, 32)}`);
    }
  }

  #cycle(frame: CanFrame, everyMicros: number): void {
    const key = this.#keyOf(frame);
    this.#cycles.add(key);
    this.#call("cycle", { key, frame: frameToJson(frame), everyMicros });
  }

  /** Cycles run at the remote server; a refusal is told to the client. */
  #call(method: string, params: Record<string, unknown>): void {
    this.#hub.remote.call(method, params).catch((error) => {
      this.#say(message("error", error instanceof Error ? error.message : String(error)));
    });
  }

  #keyOf(frame: { id: number; extended: boolean }): string {
    return `socketcand-${this.#number}-${keyOf(frame)}`;
  }

  #subscribe(word: string | undefined, everyMicros: number, mask: Uint8Array | undefined): void {
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) throw new ProtocolError("too many");
    const key = keyOf(identifier(word));
    this.#subscriptions.set(key, { everyMicros, mask, toldAt: -Infinity, last: undefined });
  }

  #tellStatistics(word: string | undefined): void {
    clearInterval(this.#statistics);
    const milliseconds = decimalWord(word);
    if (milliseconds === 0) return;
    this.#statistics = setInterval(() => {
      const { rxBytes, rx, txBytes, tx } = this.#counts;
      this.#say(message("stat", rxBytes, rx, txBytes, tx));
    }, milliseconds);
  }

  #send(frames: readonly CanFrame[]): void {
    if (frames.length === 0) return;
    for (const { length } of frames) this.#counts.txBytes += length;
    this.#counts.tx += frames.length;
    this.#node.send(frames);
  }

  #frames(frames: readonly CanFrame[]): void {
    for (const { length } of frames) this.#counts.rxBytes += length;
    this.#counts.rx += frames.length;
    if (this.#mode === "raw") {
      if (this.#held === undefined) this.#tell(frames, "raw");
      else {
        this.#held.push(...frames);
        if (this.#held.length > SETTLE_FRAMES) this.#held.splice(0, frames.length);
      }
    } else if (this.#mode === "bcm" && this.#subscriptions.size > 0) {
      this.#tell(frames.filter((frame) => this.#isWanted(frame)), "bcm");
    }
  }

  #isWanted(frame: CanFrame): boolean {
    if (frame.kind === "error") return true;
    const wanted = this.#subscriptions.get(keyOf(frame));
    if (wanted === undefined) return false;
    const now = nowMicros();
    if (now - wanted.toldAt < wanted.everyMicros) return false;
    const { mask, last } = wanted;
    if (mask !== undefined && last !== undefined && !differs(frame.data, last, mask)) return false;
    wanted.last = frame.data;
    wanted.toldAt = now;
    return true;
  }

  #tell(frames: readonly CanFrame[], style: "raw" | "bcm"): void {
    if (frames.length > 0) {
      this.#say(frames.map((frame) => formatSocketcand(frame, style)).join(""));
    }
  }

  #settle(): void {
    this.#held = [];
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      if (this.#mode === "raw") this.#tell(held, "raw");
    }, SETTLE_MS);
  }

  #say(text: string): void {
    this.#writer.write(new TextEncoder().encode(text));
  }
}

/** `SECONDS MICROS …` in µs. */
function period(words: readonly string[]): number {
  return decimalWord(words[0]) * 1e6 + decimalWord(words[1]);
}

function keyOf({ id, extended }: { id: number; extended: boolean }): string {
  return `${extended ? "x" : "s"}${id.toString(16)}`;
}

function differs(a: Uint8Array, b: Uint8Array, mask: Uint8Array): boolean {
  if (a.length !== b.length) return true;
  for (let i = 0; i < mask.length; i++) {
    if (((a[i] ?? 0) & mask[i]!) !== ((b[i] ?? 0) & mask[i]!)) return true;
  }
  return false;
}
