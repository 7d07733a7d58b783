/**
 * Telnet (RFC 854, RFC 855) as far as RFC 2217 needs it: a push parser, an encoder, and the options'
 * negotiation by RFC 1143's rules, which can't loop.
 *
 * @module
 */

/** Bytes of the protocol. */
export const TELNET = {
  /** End of subnegotiation. */
  SE: 240,
  /** Subnegotiation. */
  SB: 250,
  /** The sender wants to use an option. */
  WILL: 251,
  /** It doesn't. */
  WONT: 252,
  /** The sender wants the receiver to use an option. */
  DO: 253,
  /** It doesn't. */
  DONT: 254,
  /** Interpret as command. */
  IAC: 255,
} as const;

/** Options (IANA telnet-options). */
export const OPTION = {
  /** RFC 856. */
  BINARY: 0,
  /** RFC 857. */
  ECHO: 1,
  /** RFC 858. */
  SUPPRESS_GO_AHEAD: 3,
  /** RFC 2217. */
  COM_PORT: 44,
} as const;

/** Longest subnegotiation; what is beyond is dropped. RFC 2217's longest is a signature. */
export const MAX_SUBNEGOTIATION = 256;

/** What a telnet stream consists of. */
export type TelnetEvent =
  | { type: "data"; bytes: Uint8Array }
  | { type: "negotiate"; verb: number; option: number }
  | { type: "subnegotiation"; option: number; bytes: Uint8Array }
  /** Another command (NOP, AYT, break, …). */
  | { type: "command"; command: number };

type State = "data" | "command" | "option" | "subnegotiation" | "subnegotiation-command";

/** Cuts a telnet stream, in whatever pieces it comes. Takes every sequence of bytes. */
export class TelnetParser {
  #state: State = "data";
  #verb = 0;
  #sub: number[] = [];

  /** Takes bytes as they came. Data events are views of `chunk`. */
  push(chunk: Uint8Array): TelnetEvent[] {
    const events: TelnetEvent[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === "data") {
        const iac = chunk.indexOf(TELNET.IAC, at);
        const end = iac === -1 ? chunk.length : iac;
        if (end > at) events.push({ type: "data", bytes: chunk.subarray(at, end) });
        if (iac === -1) break;
        this.#state = "command";
        at = iac + 1;
      } else this.#step(chunk[at++]!, events);
    }
    return events;
  }

  #step(byte: number, events: TelnetEvent[]): void {
    switch (this.#state) {
      case "command":
        this.#command(byte, events);
        return;
      case "option":
        this.#state = "data";
        events.push({ type: "negotiate", verb: this.#verb, option: byte });
        return;
      case "subnegotiation":
        if (byte === TELNET.IAC) this.#state = "subnegotiation-command";
        else this.#collect(byte);
        return;
      default:
        if (byte === TELNET.IAC) {
          this.#collect(byte);
          this.#state = "subnegotiation";
        } else {
          this.#state = "data";
          this.#endSubnegotiation(events);
          // Anything but SE there is a command that cut the subnegotiation short.
          if (byte !== TELNET.SE) this.#command(byte, events);
        }
    }
  }

  #command(byte: number, events: TelnetEvent[]): void {
    this.#state = "data";
    if (byte === TELNET.IAC) events.push({ type: "data", bytes: Uint8Array.of(TELNET.IAC) });
    else if (byte === TELNET.SB) {
      this.#sub = [];
      this.#state = "subnegotiation";
    } else if (byte >= TELNET.WILL && byte <= TELNET.DONT) {
      this.#verb = byte;
      this.#state = "option";
    } else if (byte !== TELNET.SE) events.push({ type: "command", command: byte });
  }

  #collect(byte: number): void {
    if (this.#sub.length <= MAX_SUBNEGOTIATION) this.#sub.push(byte);
  }

  #endSubnegotiation(events: TelnetEvent[]): void {
    const [option, ...rest] = this.#sub;
    this.#sub = [];
    if (option === undefined) return;
    events.push({ type: "subnegotiation", option, bytes: Uint8Array.from(rest) });
  }
}

/** Data for a telnet stream: each 255 is doubled. The given bytes themselves where there is none. */
export function escapeData(bytes: Uint8Array): Uint8Array {
  let count = 0;
  for (let at = bytes.indexOf(255); at !== -1; at = bytes.indexOf(255, at + 1)) count++;
  if (count === 0) return bytes;
  const escaped = new Uint8Array(bytes.length + count);
  let to = 0;
  for (const byte of bytes) {
    escaped[to++] = byte;
    if (byte === TELNET.IAC) escaped[to++] = byte;
  }
  return escaped;
}

/** A negotiation: `IAC WILL ECHO`. */
export function encodeNegotiation(verb: number, option: number): Uint8Array {
  return Uint8Array.of(TELNET.IAC, verb, option);
}

/** A subnegotiation. */
export function encodeSubnegotiation(option: number, bytes: Uint8Array): Uint8Array {
  const body = escapeData(bytes);
  const encoded = new Uint8Array(body.length + 5);
  encoded.set([TELNET.IAC, TELNET.SB, option]);
  encoded.set(body, 3);
  encoded.set([TELNET.IAC, TELNET.SE], body.length + 3);
  return encoded;
}

/** One side of one option. */
interface Side {
  enabled: boolean;
  /** We have asked, and wait for the answer. */
  asked: boolean;
}

/** The options of one connection: what each side uses. Each verb is answered at most once. */
export class TelnetOptions {
  readonly #us = new Map<number, Side>();
  readonly #them = new Map<number, Side>();
  readonly #supported: ReadonlySet<number>;

  /** Options that both sides may use. */
  constructor(supported: Iterable<number>) {
    this.#supported = new Set(supported);
  }

  /** Whether we use it. */
  weUse(option: number): boolean {
    return this.#us.get(option)?.enabled ?? false;
  }

  /** Whether the other side uses it. */
  theyUse(option: number): boolean {
    return this.#them.get(option)?.enabled ?? false;
  }

  /** Asks to use an option, or the other side to. Answers what to send, if anything. */
  ask(verb: typeof TELNET.WILL | typeof TELNET.DO, option: number): Uint8Array | undefined {
    const side = sideOf(verb === TELNET.WILL ? this.#us : this.#them, option);
    if (side.enabled || side.asked) return undefined;
    side.asked = true;
    return encodeNegotiation(verb, option);
  }

  /** Takes a verb of the other side. Answers what to send, if anything. */
  take(verb: number, option: number): Uint8Array | undefined {
    const theirs = verb === TELNET.WILL || verb === TELNET.WONT;
    const side = sideOf(theirs ? this.#them : this.#us, option);
    const on = verb === TELNET.WILL || verb === TELNET.DO;
    const [yes, no] = theirs ? [TELNET.DO, TELNET.DONT] : [TELNET.WILL, TELNET.WONT];
    const { asked } = side;
    side.asked = false;
    if (!on) {
      const was = side.enabled;
      side.enabled = false;
      return was ? encodeNegotiation(no, option) : undefined;
    }
    if (side.enabled) return undefined;
    if (!this.#supported.has(option)) return encodeNegotiation(no, option);
    side.enabled = true;
    return asked ? undefined : encodeNegotiation(yes, option);
  }
}

function sideOf(sides: Map<number, Side>, option: number): Side {
  let side = sides.get(option);
  if (side === undefined) sides.set(option, side = { enabled: false, asked: false });
  return side;
}
