/**
 * The opening side of `xoq/1`: dials, shows the grant, and gives the device kinds an
 * {@link Attachment}. Against XoQ's own programs, which don't speak `xoq/1`, the attachment has no
 * control side.
 *
 * @module
 */
import { BusyError, DeniedError, LostError, UnreachableError } from "../errors.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { Attachment, RemoteControl } from "../remote.ts";
import { type Connection, type Endpoint, TransportError } from "../transport/connection.ts";
import { type AttachOptions, type AttachTarget, ControlSession } from "./control_session.ts";
import { SESSION_PROTOCOL } from "./protocol.ts";

/**
 * Attaches once. Throws `DeniedError`, `UnreachableError`, `NotFoundError` (no such device),
 * `UsageError` (several devices and none named), `LostError`.
 */
export async function attach(
  endpoint: Endpoint,
  target: AttachTarget,
  options: AttachOptions,
): Promise<Attachment> {
  const { hint, plain, timeoutMs } = options;
  const dial = (protocol: string, signal = options.signal, alternatives: string[] = []) =>
    endpoint.connect(target.address, protocol, { signal, timeoutMs, alternatives });
  const early = hint === undefined ? undefined : dial(hint);
  early?.catch(() => {});
  try {
    // Who shows a grant has a server of ours before him.
    const alternatives = plain === undefined || target.grant !== undefined ? [] : [plain];
    const connection = await dial(SESSION_PROTOCOL, options.signal, alternatives);
    if (connection.protocol === plain) {
      return new PlainAttachment(dial, plain, Promise.resolve(connection));
    }
    const session = new ControlSession(connection, target);
    await session.hello(options);
    return new SessionAttachment(session, dial, hint, early);
  } catch (error) {
    const fallback = error instanceof TransportError && error.failure === "refused";
    if (fallback) return new PlainAttachment(dial, hint, early);
    early?.then((connection) => connection.close(), () => {});
    throw translate(error, options.signal);
  }
}

/** Dials the session alone, for `xoq ping` and lists of devices. */
export async function openSession(
  endpoint: Endpoint,
  target: AttachTarget,
  options: AttachOptions,
): Promise<ControlSession> {
  try {
    const connection = await endpoint.connect(target.address, SESSION_PROTOCOL, options);
    const session = new ControlSession(connection, target);
    await session.hello(options);
    return session;
  } catch (error) {
    throw translate(error, options.signal);
  }
}

/** A transport's failure as a person understands it. */
function translate(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(error instanceof TransportError)) return error;
  const options = { cause: error };
  if (error.failure === "refused") {
    return new UnreachableError("the peer answered, but is not an xoq server", {
      ...options,
      hint: "is this the ticket of another program?",
    });
  }
  if (error.closeCode === CLOSE.denied) {
    return new DeniedError(error.message, options);
  }
  if (error.closeCode === CLOSE.busy) return new BusyError(error.message, options);
  if (error.failure === "closed" || error.failure === "reset") {
    return new LostError(`the server closed the connection: ${error.message}`, options);
  }
  return new UnreachableError(`the peer can't be reached: ${error.message}`, {
    ...options,
    hint: "is the server running, and is the ticket from its present start?",
  });
}

type Dial = (protocol: string, signal?: AbortSignal) => Promise<Connection>;

/** Gives the connection that was dialled early to whoever asks for its protocol first. */
class EarlyDial {
  #hint: string | undefined;
  readonly #early: Promise<Connection> | undefined;
  readonly #dial: Dial;

  constructor(dial: Dial, hint: string | undefined, early: Promise<Connection> | undefined) {
    this.#dial = dial;
    this.#hint = hint;
    this.#early = early;
  }

  connect(protocol: string, signal?: AbortSignal): Promise<Connection> {
    if (this.#early !== undefined && protocol === this.#hint) {
      this.#hint = undefined;
      return this.#early;
    }
    return this.#dial(protocol, signal);
  }

  /** Closes what nobody asked for. */
  discard(): void {
    if (this.#hint !== undefined) this.#early?.then((unused) => unused.close(), () => {});
    this.#hint = undefined;
  }
}

/** An attachment with control. */
class SessionAttachment implements Attachment {
  readonly device: string;
  readonly control: RemoteControl;
  readonly signal: AbortSignal;
  readonly #session: ControlSession;
  readonly #dial: EarlyDial;

  constructor(
    session: ControlSession,
    dial: Dial,
    hint: string | undefined,
    early: Promise<Connection> | undefined,
  ) {
    this.#session = session;
    this.#dial = new EarlyDial(dial, hint, early);
    this.signal = session.signal;
    try {
      this.device = session.choose().name;
    } catch (error) {
      void this.close();
      throw error;
    }
    this.control = session.control(this.device);
  }

  connect(protocol: string, signal?: AbortSignal): Promise<Connection> {
    return this.#dial.connect(protocol, signal);
  }

  async close(reason?: string): Promise<void> {
    this.#dial.discard();
    await this.#session.close(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** An attachment to a server that only speaks its device's own protocol. */
class PlainAttachment implements Attachment {
  readonly device = undefined;
  readonly control = undefined;
  readonly signal: AbortSignal;
  readonly #ended = new AbortController();
  readonly #dial: EarlyDial;

  constructor(dial: Dial, hint: string | undefined, early: Promise<Connection> | undefined) {
    this.#dial = new EarlyDial(dial, hint, early);
    this.signal = this.#ended.signal;
  }

  connect(protocol: string, signal?: AbortSignal): Promise<Connection> {
    return this.#dial.connect(protocol, signal);
  }

  close(reason = "closed"): Promise<void> {
    this.#dial.discard();
    this.#ended.abort(new LostError(reason));
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
