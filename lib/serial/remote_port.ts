/**
 * A serial port across the network: attaches, reconnects by itself, reads and writes as if it were
 * here. Nothing in it needs Deno.
 *
 * While the port can't be reached, what is written goes where a pulled plug's bytes go, or waits
 * (`whileLost`); nothing is kept to be sent late.
 *
 * @module
 */
import { DeniedError, UnsupportedError } from "../errors.ts";
import { beatInterval } from "../safe_state.ts";
import type { Attachment, RemoteControl, RemoteDevice } from "../remote.ts";
import { XOQ_SERIAL_PROTOCOL } from "./direct.ts";
import { DEFAULT_FORMAT } from "./format.ts";
import type { StepReport } from "./line_script.ts";
import { type Link, openDirectLink, openPipeLink } from "./link.ts";
import type {
  LineCounters,
  LineFormat,
  LineLevels,
  ModemLines,
  QueueName,
  SerialPort,
  WaitOptions,
} from "./port.ts";
import { SilentError } from "./pipe_end.ts";
import { stayAttached } from "../stay_attached.ts";

/** How long closing waits for what was written to be sent, in milliseconds. */
const CLOSE_DRAIN_MS = 500;

/** How to open a remote port. */
export interface RemotePortOptions {
  /** To use it, or only to watch. Default `"controller"`. */
  role?: "controller" | "viewer";
  /** Take it over from its present holder. */
  take?: boolean;
  /** Format wanted; absent members as the server has them. */
  format?: Partial<LineFormat>;
  /** Lines to set first. */
  lines?: LineLevels;
  /** Have changes of the other side's lines told by `onEvent`. */
  watchLines?: boolean;
  /** What becomes of bytes written while the port can't be reached. Default `"discard"`. */
  whileLost?: "discard" | "wait";
}

/** What happens, for people and `--json`. */
export type RemotePortEvent =
  | { type: "attached"; attachment: Attachment }
  | { type: "lost"; reason: string }
  | { type: "back" }
  | { type: "retry"; error: unknown }
  | { type: "safe"; reason: string }
  | { type: "notice"; event: Readonly<Record<string, unknown>> };

/** Counters since the beginning. */
export interface RemotePortStats {
  /** Bytes received. */
  received: number;
  /** Bytes sent. */
  sent: number;
  /** Bytes written while the port couldn't be reached. */
  dropped: number;
  /** Times the connection was made anew. */
  reconnects: number;
}

/** See the module. */
export class RemoteSerialPort implements SerialPort {
  /** The device's name, or the beginning of the server's id. */
  readonly path: string;
  /** Called on every change. */
  onEvent: ((event: RemotePortEvent) => void) | undefined;
  readonly #remote: RemoteDevice;
  readonly #options: RemotePortOptions;
  readonly #ended = new AbortController();
  readonly #stats: RemotePortStats = { received: 0, sent: 0, dropped: 0, reconnects: 0 };
  #format: LineFormat;
  #wanted: Partial<LineFormat>;
  #lines: LineLevels;
  #link: Link | undefined;
  #control: RemoteControl | undefined;
  #linked = Promise.withResolvers<Link>();
  #running: Promise<void> | undefined;
  #take: boolean;

  /** Makes a port that is not attached yet: see {@link run}. */
  constructor(remote: RemoteDevice, options: RemotePortOptions = {}) {
    this.path = remote.label;
    this.#remote = remote;
    this.#options = options;
    this.#wanted = { ...options.format };
    this.#format = { ...DEFAULT_FORMAT, ...options.format };
    this.#lines = { ...options.lines };
    this.#take = options.take ?? false;
    this.#linked.promise.catch(() => {});
  }

  /** Speed, frame and flow control, as far as they are known here. */
  get format(): Readonly<LineFormat> {
    return this.#format;
  }

  /** The control side of the present attachment. */
  get control(): RemoteControl | undefined {
    return this.#control;
  }

  /** Counters now. */
  stats(): RemotePortStats {
    const link = this.#link;
    return {
      ...this.#stats,
      received: this.#stats.received + (link?.received ?? 0),
      sent: this.#stats.sent + (link?.sent ?? 0),
    };
  }

  /** Resolves when the port can be used for the first time; rejects when {@link run} failed before. */
  async ready(): Promise<void> {
    await this.#linked.promise;
  }

  /**
   * Attaches, and stays attached until the signal aborts or the port is closed. Throws what trying
   * again can't mend (`DeniedError`, `BusyError`, `NotFoundError`), `UnreachableError` when the peer
   * was never reached in time, and `LostError` where reconnecting is switched off.
   */
  run(signal: AbortSignal): Promise<void> {
    return this.#running ??= this.#run(AbortSignal.any([signal, this.#ended.signal]));
  }

  /** The next bytes. */
  async read(): Promise<Uint8Array> {
    for (;;) {
      const link = await this.#present();
      const bytes = await link.read();
      if (bytes !== undefined) return bytes;
      // The link ended; whatever follows comes on the next.
      await link.ended;
    }
  }

  /** Sends bytes. */
  async write(bytes: Uint8Array, options: WaitOptions = {}): Promise<void> {
    this.#ended.signal.throwIfAborted();
    if (this.#options.role === "viewer") throw new DeniedError("this port is only watched");
    let link = this.#link;
    while (link === undefined || !(await link.write(bytes))) {
      if (this.#options.whileLost !== "wait") {
        this.#stats.dropped += bytes.length;
        return;
      }
      await link?.ended;
      link = await this.#present();
      options.signal?.throwIfAborted();
    }
  }

  /** Changes the format at the port, after the bytes written before. */
  async configure(changes: Partial<LineFormat>, options: WaitOptions = {}): Promise<LineFormat> {
    this.#ended.signal.throwIfAborted();
    this.#wanted = { ...this.#wanted, ...changes };
    if (this.#link === undefined) return { ...this.#format, ...changes };
    const result = await this.#call("configure", { format: changes }, options.signal);
    this.#format = { ...this.#format, ...result["format"] as LineFormat };
    return { ...this.#format };
  }

  /** Lines at the port. */
  async lines(): Promise<ModemLines | undefined> {
    return (await this.#call("lines", {}))["lines"] as ModemLines | undefined;
  }

  /** Sets lines at the port, after the bytes written before. */
  async setLines(levels: LineLevels): Promise<void> {
    this.#ended.signal.throwIfAborted();
    const { dtr, rts } = levels;
    if (dtr !== undefined) this.#lines.dtr = dtr;
    if (rts !== undefined) this.#lines.rts = rts;
    if (this.#link === undefined) return;
    await this.#call("setLines", { ...levels, at: performance.now() });
  }

  /** Runs a line script at the port: a name, or written out. Answers when each step was made. */
  async runScript(script: string, options: WaitOptions = {}): Promise<StepReport[]> {
    return (await this.#call("script", { script }, options.signal))["steps"] as StepReport[];
  }

  /** Waits until the far port has sent everything. */
  async drain(options: WaitOptions = {}): Promise<void> {
    this.#ended.signal.throwIfAborted();
    if (this.#link?.direct === true) return;
    await this.#call("drain", {}, options.signal);
  }

  /** Drops bytes at the far port and on the way. */
  async flush(queue: QueueName): Promise<void> {
    const link = this.#link;
    if (link === undefined || link.direct) return;
    const asking = this.#call("flush", { queue });
    if (queue !== "output") link.flushing = asking.catch(() => {});
    try {
      const { sent } = await asking;
      if (typeof sent === "number") link.dropUntil = Math.max(link.dropUntil, sent);
    } finally {
      link.flushing = undefined;
    }
  }

  /** What the far driver has counted. */
  async counters(): Promise<LineCounters | undefined> {
    return (await this.#call("counters", {}))["counters"] as LineCounters | undefined;
  }

  /** Detaches, once what was written has been sent (for half a second at most). Idempotent. */
  async close(): Promise<void> {
    const link = this.#link;
    if (link !== undefined && link.sent > 0 && !this.#ended.signal.aborted) {
      const signal = AbortSignal.timeout(CLOSE_DRAIN_MS);
      // Ending a connection drops what is under way on it.
      await (link.direct ? link.finish(signal) : this.#call("drain", {}, signal).catch(() => {}));
    }
    this.#end(new DOMException("the port was closed", "AbortError"));
    await this.#running?.catch(() => {});
  }

  /** Detaches. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await stayAttached(this.#remote, {
        signal,
        plain: XOQ_SERIAL_PROTOCOL,
        // A connection of XoQ's protocol takes the port, whether it is used or not.
        use: (attachment) => this.#attached(attachment, signal),
        onRetry: (error) => this.onEvent?.({ type: "retry", error }),
        onLost: (reason) => this.onEvent?.({ type: "lost", reason }),
        onReconnect: () => this.#stats.reconnects++,
      });
      this.#end(new DOMException("the port was closed", "AbortError"));
    } catch (error) {
      this.#end(error);
      throw error;
    }
  }

  #end(reason: unknown): void {
    if (!this.#ended.signal.aborted) this.#ended.abort(reason);
    this.#linked.reject(reason);
  }

  /** Lives through one attachment. Always ends by throwing, or with the signal. */
  async #attached(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { control } = attachment;
    this.#control = control;
    const unsubscribe = control?.onEvent((event) => {
      if (event.type === "lost" || event.type === "back") this.onEvent?.(event);
      else if (event.type === "notice") this.onEvent?.({ type: "notice", event: event.event });
    });
    try {
      for (;;) {
        const ended = AbortSignal.any([signal, attachment.signal]);
        const link = control === undefined
          ? await openDirectLink(attachment, ended)
          : await openPipeLink(control, this.#request(), ended);
        // From now on a takeover is somebody else's wish.
        this.#take = false;
        try {
          await this.#live(link, attachment);
        } catch (error) {
          if (!(error instanceof SilentError) || ended.aborted) throw error;
          this.onEvent?.({ type: "safe", reason: error.message });
        }
      }
    } finally {
      unsubscribe?.();
      this.#control = undefined;
    }
  }

  async #live(link: Link, attachment: Attachment): Promise<void> {
    const format = link.answer["format"] as LineFormat | undefined;
    if (format !== undefined) this.#format = { ...this.#format, ...format };
    const deadlineMs = link.answer["deadlineMs"];
    const beats = typeof deadlineMs === "number"
      ? setInterval(() => attachment.control?.beat(), beatInterval(deadlineMs))
      : undefined;
    this.#link = link;
    this.#linked.resolve(link);
    this.onEvent?.({ type: "attached", attachment });
    try {
      throw await link.ended;
    } finally {
      clearInterval(beats);
      this.#link = undefined;
      this.#linked = Promise.withResolvers();
      this.#linked.promise.catch(() => {});
      this.#stats.received += link.received;
      this.#stats.sent += link.sent;
      if (this.#ended.signal.aborted) this.#linked.reject(this.#ended.signal.reason);
    }
  }

  #request() {
    const { role = "controller", watchLines = false } = this.#options;
    const params = { format: this.#wanted, lines: this.#lines, watchLines };
    return { role, take: this.#take, params: role === "viewer" ? {} : params };
  }

  async #present(): Promise<Link> {
    this.#ended.signal.throwIfAborted();
    return this.#link ?? await this.#linked.promise;
  }

  async #call(
    method: string,
    params: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const link = await this.#present();
    if (link.direct || this.#control === undefined) {
      throw new UnsupportedError("XoQ's own servers carry bytes only: no rate, no lines", {
        hint: "serve the port with xoq serial",
      });
    }
    return await this.#control.call(method, { ...params, after: link.sent }, signal);
  }
}
