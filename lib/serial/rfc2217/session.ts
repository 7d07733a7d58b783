/**
 * One RFC 2217 client: telnet on one side, a serial port on the other. Commands are carried out and
 * answered in the order they came, and keep their place among the data.
 *
 * @module
 */
import { concat } from "../../bytes/concat.ts";
import type { LineNotice } from "../line_watch.ts";
import type { LineFormat, LineLevels, ModemLines, QueueName, SerialPort } from "../port.ts";
import {
  COMMAND,
  type ComPortRequest,
  CONTROL,
  decodeRequest,
  encodeFormat,
  encodeSignature,
  encodeValue,
  LINE_STATE,
  MODEM_STATE,
} from "./com_port.ts";
import {
  encodeSubnegotiation,
  escapeData,
  OPTION,
  TELNET,
  type TelnetEvent,
  TelnetOptions,
  TelnetParser,
} from "./telnet.ts";

/** What a session needs of the port: everything but reading. */
export type SessionPort = Pick<
  SerialPort,
  "format" | "write" | "configure" | "lines" | "setLines" | "flush"
>;

/** What a session needs. */
export interface SessionHost {
  /** The port. */
  port: SessionPort;
  /** Sends to the client. */
  send(bytes: Uint8Array): Promise<void>;
  /** A request that the port refused: for people. */
  onRefusal(message: string): void;
  /** What the server calls itself. */
  signature: string;
}

/** Options that either side may use. */
const SUPPORTED = [OPTION.BINARY, OPTION.ECHO, OPTION.SUPPRESS_GO_AHEAD, OPTION.COM_PORT];
/** Both masks at first (RFC 2217, section 3): nothing of the line, everything of the modem. */
const FIRST_LINE_MASK = 0;
/** See {@link FIRST_LINE_MASK}. */
const FIRST_MODEM_MASK = 255;
const NO_LINES: ModemLines = {
  dtr: true,
  rts: true,
  cts: true,
  dsr: true,
  dcd: true,
  ri: false,
};

/** See the module. */
export class Rfc2217Session {
  readonly #host: SessionHost;
  readonly #parser = new TelnetParser();
  readonly #options = new TelnetOptions(SUPPORTED);
  #lineMask = FIRST_LINE_MASK;
  #modemMask = FIRST_MODEM_MASK;
  #levels: Required<LineLevels> = { dtr: true, rts: true, brk: false };
  #suspended: PromiseWithResolvers<void> | undefined;
  /** Whether the client has shown that it speaks of the port. */
  #speaksComPort = false;

  /** Begins a session; send {@link greeting} first. */
  constructor(host: SessionHost) {
    this.#host = host;
  }

  /** What a server says first. */
  greeting(): Uint8Array {
    const { DO, WILL } = TELNET;
    const asked = [
      this.#options.ask(DO, OPTION.COM_PORT),
      this.#options.ask(WILL, OPTION.BINARY),
      this.#options.ask(DO, OPTION.BINARY),
      this.#options.ask(WILL, OPTION.SUPPRESS_GO_AHEAD),
      this.#options.ask(DO, OPTION.SUPPRESS_GO_AHEAD),
    ];
    return concat(...asked.filter((part) => part !== undefined));
  }

  /** Takes what the client sent; resolves when it is carried out. */
  async receive(chunk: Uint8Array): Promise<void> {
    for (const event of this.#parser.push(chunk)) {
      const pending = this.#take(event);
      if (pending !== undefined) await pending;
    }
  }

  /** Sends what the port said. */
  async deliver(bytes: Uint8Array): Promise<void> {
    if (this.#suspended !== undefined) await this.#suspended.promise;
    await this.#host.send(escapeData(bytes));
  }

  /** Tells the client of changed lines and of errors, as far as its masks want them. */
  async notify(notice: LineNotice): Promise<void> {
    const { lines, changed, errors } = notice;
    const changes = (changed.includes("cts") ? 1 : 0) | (changed.includes("dsr") ? 2 : 0) |
      (changed.includes("ri") && !lines.ri ? 4 : 0) | (changed.includes("dcd") ? 8 : 0);
    await this.#tellModem(lines, changes);
    const state = (errors.breaks > 0 ? LINE_STATE.BREAK : 0) |
      (errors.framing > 0 ? LINE_STATE.FRAMING : 0) |
      (errors.parity > 0 ? LINE_STATE.PARITY : 0) |
      (errors.overrun > 0 ? LINE_STATE.OVERRUN : 0);
    if ((state & this.#lineMask) !== 0) {
      await this.#answer(encodeValue(COMMAND.NOTIFY_LINESTATE, state & this.#lineMask));
    }
  }

  /** Ends: nothing waits for this client any more. */
  close(): void {
    this.#suspended?.resolve();
    this.#suspended = undefined;
  }

  #take(event: TelnetEvent): void | Promise<void> {
    switch (event.type) {
      case "data":
        return this.#host.port.write(event.bytes);
      case "negotiate":
        return this.#negotiate(event.verb, event.option);
      case "subnegotiation":
        if (event.option === OPTION.COM_PORT) return this.#command(decodeRequest(event.bytes));
        return;
      case "command":
        return;
    }
  }

  async #negotiate(verb: number, option: number): Promise<void> {
    const answer = this.#options.take(verb, option);
    if (answer !== undefined) await this.#host.send(answer);
    if (option !== OPTION.COM_PORT) return;
    if (this.#options.theyUse(option)) await this.#begin();
    else if (verb === TELNET.WONT) this.#speaksComPort = false;
  }

  /** Clients take the lines for unknown until they are told. */
  async #begin(): Promise<void> {
    if (this.#speaksComPort) return;
    this.#speaksComPort = true;
    await this.#tellLines();
  }

  async #command(request: ComPortRequest): Promise<void> {
    // pyserial takes a DO that comes before its own WILL for the answer to it, and never says WILL: a
    // command says as much.
    await this.#request(request);
    await this.#begin();
  }

  async #request(request: ComPortRequest): Promise<void> {
    switch (request.type) {
      case "signature":
        if (request.text !== undefined) return;
        return await this.#answer(encodeSignature(this.#host.signature));
      case "format":
        if (request.changes !== undefined) await this.#configure(request.changes);
        return await this.#answer(encodeFormat(request.command, this.#host.port.format));
      case "control":
        return await this.#answer(
          encodeValue(COMMAND.SET_CONTROL, await this.#control(request.value)),
        );
      case "suspend":
        this.#suspended ??= Promise.withResolvers();
        return;
      case "resume":
        return this.close();
      case "line-mask":
        this.#lineMask = request.mask;
        return await this.#answer(encodeValue(COMMAND.SET_LINESTATE_MASK, request.mask));
      case "modem-mask":
        this.#modemMask = request.mask;
        await this.#answer(encodeValue(COMMAND.SET_MODEMSTATE_MASK, request.mask));
        return await this.#tellLines();
      case "purge": {
        const queues: QueueName[] = ["input", "output", "both"];
        await this.#try("purge", () => this.#host.port.flush(queues[request.value - 1]!));
        return await this.#answer(encodeValue(COMMAND.PURGE_DATA, request.value));
      }
      case "unknown":
        return;
    }
  }

  /** Carries a SET_CONTROL out; answers the value that tells what is. */
  async #control(value: number): Promise<number> {
    const levels = LEVELS[value];
    if (levels !== undefined) {
      this.#levels = { ...this.#levels, ...levels };
      await this.#try("a line", () => this.#host.port.setLines(levels));
      return value;
    }
    const flow = FLOWS[value];
    if (flow !== undefined) await this.#configure(flow);
    const { xonxoff, rtscts } = this.#host.port.format;
    switch (value) {
      case CONTROL.ASK_BREAK:
        return this.#levels.brk ? CONTROL.BREAK_ON : CONTROL.BREAK_OFF;
      case CONTROL.ASK_DTR:
        return (await this.#lines()).dtr ? CONTROL.DTR_ON : CONTROL.DTR_OFF;
      case CONTROL.ASK_RTS:
        return (await this.#lines()).rts ? CONTROL.RTS_ON : CONTROL.RTS_OFF;
      case CONTROL.ASK_FLOW_IN:
      case CONTROL.NO_FLOW_IN:
      case CONTROL.XON_XOFF_IN:
      case CONTROL.HARDWARE_IN:
        // Both directions are one setting here.
        return rtscts ? CONTROL.HARDWARE_IN : xonxoff ? CONTROL.XON_XOFF_IN : CONTROL.NO_FLOW_IN;
      default:
        return rtscts ? CONTROL.HARDWARE : xonxoff ? CONTROL.XON_XOFF : CONTROL.NO_FLOW;
    }
  }

  async #configure(changes: Partial<LineFormat>): Promise<void> {
    await this.#try("the setting", () => this.#host.port.configure(changes));
  }

  async #tellLines(): Promise<void> {
    await this.#tellModem(await this.#lines(), 0);
  }

  async #tellModem(lines: ModemLines, changes: number): Promise<void> {
    if (!this.#speaksComPort) return;
    const state = (lines.cts ? MODEM_STATE.CTS : 0) | (lines.dsr ? MODEM_STATE.DSR : 0) |
      (lines.ri ? MODEM_STATE.RI : 0) | (lines.dcd ? MODEM_STATE.DCD : 0) | changes;
    if (this.#modemMask === 0) return;
    await this.#answer(encodeValue(COMMAND.NOTIFY_MODEMSTATE, state & this.#modemMask));
  }

  /** The lines; where the port has none, those of a cable that never says no. */
  async #lines(): Promise<ModemLines> {
    try {
      const lines = await this.#host.port.lines();
      if (lines !== undefined) return lines;
    } catch {
      // Lost or bytes only: a client that asks is answered all the same.
    }
    const { dtr, rts } = this.#levels;
    return { ...NO_LINES, dtr, rts };
  }

  async #try(what: string, request: () => unknown): Promise<void> {
    try {
      await request();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#host.onRefusal(`${what} was refused: ${why}`);
    }
  }

  #answer(body: Uint8Array): Promise<void> {
    return this.#host.send(encodeSubnegotiation(OPTION.COM_PORT, body));
  }
}

const LEVELS: Readonly<Record<number, LineLevels>> = {
  [CONTROL.BREAK_ON]: { brk: true },
  [CONTROL.BREAK_OFF]: { brk: false },
  [CONTROL.DTR_ON]: { dtr: true },
  [CONTROL.DTR_OFF]: { dtr: false },
  [CONTROL.RTS_ON]: { rts: true },
  [CONTROL.RTS_OFF]: { rts: false },
};

const NO_FLOW = { rtscts: false, xonxoff: false };
const XON_XOFF = { rtscts: false, xonxoff: true };
const HARDWARE = { rtscts: true, xonxoff: false };
const FLOWS: Readonly<Record<number, Partial<LineFormat>>> = {
  [CONTROL.NO_FLOW]: NO_FLOW,
  [CONTROL.XON_XOFF]: XON_XOFF,
  [CONTROL.HARDWARE]: HARDWARE,
  [CONTROL.NO_FLOW_IN]: NO_FLOW,
  [CONTROL.XON_XOFF_IN]: XON_XOFF,
  [CONTROL.HARDWARE_IN]: HARDWARE,
};
