/**
 * A remote port as a pseudo-terminal: `--pty [LINK]`. What a program sets on it (speed, stop bits, flow
 * control) is set at the port; a PTY forces eight bits without parity, and has no modem lines.
 *
 * While no program has it open, what the port says is dropped, as a closed port does: nobody gets old
 * bytes when they open it, nor the answers to what another program wrote.
 *
 * @module
 */
import { POLL, write } from "../../../ffi/libc.ts";
import { PtyMaster } from "../../../ffi/pty.ts";
import { termios } from "../../../ffi/termios.ts";
import { UnsupportedError, UsageError } from "../../errors.ts";
import type { LineFormat } from "../port.ts";
import { serialPoller } from "../tty_port.ts";
import type { SharedPort, SinkContext } from "./sink.ts";

/** Most bytes that one write to the network gathers. */
const GATHER_BYTES = 65_536;

/** How long a program may leave the PTY full, in milliseconds: from then on bytes are dropped until it reads. */
const STALL_MS = 1_000;

/** How long what the last program wrote may take to be sent before the next one gets to write. */
const SETTLE_MS = 500;

/** Counters of a PTY. */
export interface PtyStats {
  /** Bytes dropped because no program had it open. */
  unopened: number;
  /** Bytes dropped because the program that had it open did not read. */
  unread: number;
  /** Whether a program has it open. */
  open: boolean;
}

/** See the module. Linux only. */
export class PtySink implements AsyncDisposable {
  /** `/dev/pts/N`. */
  readonly path: string;
  /** Counters. */
  readonly stats: PtyStats = { unopened: 0, unread: 0, open: false };
  readonly #master: PtyMaster;
  readonly #shared: SharedPort;
  readonly #context: SinkContext;
  readonly #link: string | undefined;
  readonly #gather = new Uint8Array(GATHER_BYTES);
  #seen: LineFormat;
  /** The program doesn't read. */
  #stalled = false;
  /** Something was written since the PTY changed hands. */
  #used = false;
  /** Set while what comes still answers the last program. */
  #settling: Promise<void> | undefined;

  private constructor(
    master: PtyMaster,
    shared: SharedPort,
    link: string | undefined,
    context: SinkContext,
  ) {
    this.#master = master;
    this.#shared = shared;
    this.#link = link;
    this.#context = context;
    this.path = master.path;
    this.#seen = termios.format(master.fd);
  }

  /** Makes the PTY, and the link to it where one is wanted. Throws `UnsupportedError`, `UsageError`. */
  static async open(
    shared: SharedPort,
    link: string | undefined,
    context: SinkContext,
  ): Promise<PtySink> {
    if (Deno.build.os !== "linux") {
      throw new UnsupportedError("pseudo-terminals are made on Linux only", {
        hint: "use --rfc2217 or --tcp",
      });
    }
    const master = new PtyMaster();
    try {
      if (link !== undefined) await makeLink(link, master.path);
    } catch (error) {
      master.close();
      throw error;
    }
    return new PtySink(master, shared, link, context);
  }

  /** Carries bytes both ways until the signal aborts. */
  async run(): Promise<void> {
    const { signal } = this.#context;
    using _attached = this.#shared.attach((bytes) => this.#take(bytes));
    try {
      while (!signal.aborted) await this.#step(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Removes the PTY and the link. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#link !== undefined) await removeLink(this.#link, this.path);
    this.#master.close();
  }

  /** One thing the user did, or a wait for it. */
  async #step(signal: AbortSignal): Promise<void> {
    let filled = 0;
    let rest: Uint8Array | undefined;
    let closed = false;
    while (rest === undefined) {
      const bytes = this.#master.read();
      if (bytes === undefined) break;
      if (bytes === "closed") {
        closed = true;
        break;
      }
      if (filled + bytes.length > GATHER_BYTES) rest = bytes;
      else {
        this.#gather.set(bytes, filled);
        filled += bytes.length;
      }
    }
    if (filled > 0 && this.#changesHands()) await this.#settling;
    // A program sets its port up, then writes: settings go first.
    await this.#applyEvents();
    const { port } = this.#shared;
    if (filled > 0) {
      this.stats.open = true;
      this.#used = true;
      await port.write(this.#gather.subarray(0, filled));
      if (rest !== undefined) await port.write(rest);
    } else if (closed) await this.#untilOpened(signal);
    else {
      this.stats.open = true;
      await serialPoller.wait(this.#master.fd, POLL.POLLIN, { signal });
    }
  }

  async #untilOpened(signal: AbortSignal): Promise<void> {
    this.stats.open = false;
    this.#master.forget();
    while (!this.#master.opened()) {
      await serialPoller.wait(this.#master.openings, POLL.POLLIN, { signal });
    }
    this.#settle();
    await this.#settling;
    this.stats.open = true;
  }

  /** Whether the last program's bytes are still being waited for, because another one has begun. */
  #changesHands(): boolean {
    if (this.#master.changedHands()) this.#settle();
    return this.#settling !== undefined;
  }

  /**
   * Another program begins. A port that is closed sends what was written first; what comes of that
   * is nobody's any more.
   */
  #settle(): void {
    if (!this.#used) return;
    this.#used = false;
    this.#settling ??= this.#dropAnswers().finally(() => this.#settling = undefined);
  }

  async #dropAnswers(): Promise<void> {
    const { port } = this.#shared;
    try {
      const late = AbortSignal.timeout(SETTLE_MS);
      await port.drain({ signal: AbortSignal.any([this.#context.signal, late]) });
      await port.flush("input");
    } catch {
      // Out of reach, or blocked: nothing of it comes soon.
    }
    this.#master.forget();
  }

  async #applyEvents(): Promise<void> {
    const events = this.#master.takeEvents();
    if (events === undefined) return;
    const { port } = this.#shared;
    try {
      if (events.settings) await this.#applySettings();
      if (this.stats.open && events.flushedInput) await port.flush("input");
      if (this.stats.open && events.flushedOutput) await port.flush("output");
    } catch (error) {
      this.#context.signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      this.#context.onEvent({ type: "notice", message: `the port did not follow: ${why}` });
    }
  }

  async #applySettings(): Promise<void> {
    this.#master.watchSettings();
    const now = termios.format(this.#master.fd);
    const before = this.#seen;
    this.#seen = now;
    const changes: Partial<LineFormat> = {
      ...(now.baudRate === before.baudRate || now.baudRate === 0 ? {} : { baudRate: now.baudRate }),
      ...(now.stopBits === before.stopBits ? {} : { stopBits: now.stopBits }),
      ...(now.rtscts === before.rtscts ? {} : { rtscts: now.rtscts }),
      ...(now.xonxoff === before.xonxoff ? {} : { xonxoff: now.xonxoff }),
    };
    if (Object.keys(changes).length > 0) await this.#shared.port.configure(changes);
  }

  #take(bytes: Uint8Array): void | Promise<void> {
    if (!this.stats.open || this.#changesHands()) {
      this.stats.unopened += bytes.length;
      return;
    }
    const count = write(this.#master.fd, bytes as Uint8Array<ArrayBuffer>);
    if (count > 0) this.#stalled = false;
    if (count === bytes.length) return;
    if (this.#stalled) {
      this.stats.unread += bytes.length;
      return;
    }
    return this.#takeRest(bytes.subarray(Math.max(0, count)));
  }

  /** Policy: block while the program reads, however slowly; then drop what is new. */
  async #takeRest(bytes: Uint8Array): Promise<void> {
    let rest = bytes as Uint8Array<ArrayBuffer>;
    while (rest.length > 0) {
      const stall = new AbortController();
      const timer = setTimeout(() => stall.abort(), STALL_MS);
      const signal = AbortSignal.any([this.#context.signal, stall.signal]);
      const events = await serialPoller.wait(this.#master.fd, POLL.POLLOUT, { signal })
        .catch(() => undefined);
      clearTimeout(timer);
      if (events === undefined && stall.signal.aborted) {
        this.#stalled = true;
        this.stats.unread += rest.length;
        return;
      }
      if (
        events === undefined || (events & POLL.POLLHUP) !== 0 || !this.stats.open ||
        this.#changesHands()
      ) {
        this.stats.unopened += rest.length;
        return;
      }
      rest = rest.subarray(Math.max(0, write(this.#master.fd, rest)));
    }
  }
}

/** Makes a link, or turns one of ours that was left behind. Never overwrites anything else. */
async function makeLink(link: string, path: string): Promise<void> {
  const present = await Deno.readLink(link).catch(() => undefined);
  if (present?.startsWith("/dev/pts/")) await Deno.remove(link);
  try {
    await Deno.symlink(path, link);
  } catch (cause) {
    throw new UsageError(`the link ${link} can't be made: ${(cause as Error).message}`, {
      hint: "name a path that is free, in a folder you may write to",
      cause,
    });
  }
}

async function removeLink(link: string, path: string): Promise<void> {
  const present = await Deno.readLink(link).catch(() => undefined);
  if (present === path) await Deno.remove(link).catch(() => {});
}
