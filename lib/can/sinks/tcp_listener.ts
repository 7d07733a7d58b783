/**
 * A TCP port that local programs connect to: where it is bound, and its connections.
 *
 * @module
 */
import { BusyError, DeniedError, NotFoundError, UsageError } from "../../errors.ts";

/** Most connections at once; further ones are closed. */
const MAX_CONNECTIONS = 64;

/** Reads `PORT`, `:PORT`, `HOST:PORT`, `[::1]:PORT`; without a host it is 127.0.0.1. Throws `UsageError`. */
export function parseTcpAddress(text: string): { hostname: string; port: number } {
  const match = /^(?:(?:\[([0-9a-fA-F:.%]+)\]|([^:\[\]]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new UsageError(`"${text}" is no address to listen on`, {
      hint: "write :29536, 127.0.0.1:29536 or [::1]:29536",
    });
  }
  return { hostname: match[1] ?? (match[2] || "127.0.0.1"), port };
}

/** A listening port. */
export interface TcpService extends AsyncDisposable {
  /** `127.0.0.1:29536` */
  readonly address: string;
}

/**
 * Listens, and serves each connection until it ends or the service is closed. Throws `BusyError`,
 * `DeniedError`, `NotFoundError`, `UsageError`.
 */
export function serveTcp(
  text: string,
  serve: (connection: Deno.TcpConn, signal: AbortSignal) => Promise<void>,
): TcpService {
  const wanted = parseTcpAddress(text);
  const listener = listen(wanted);
  const { hostname, port } = listener.addr as Deno.NetAddr;
  const stop = new AbortController();
  const running = new Set<Promise<void>>();
  const accept = async () => {
    for (;;) {
      const connection = await listener.accept().catch(() => undefined);
      if (connection === undefined) return;
      if (running.size >= MAX_CONNECTIONS) {
        connection.close();
        continue;
      }
      connection.setNoDelay(true);
      const abort = () => closeQuietly(connection);
      stop.signal.addEventListener("abort", abort, { once: true });
      // What a local program does wrong ends its own connection only.
      const served = serve(connection, stop.signal).catch(() => {}).finally(() => {
        stop.signal.removeEventListener("abort", abort);
        closeQuietly(connection);
        running.delete(served);
      });
      running.add(served);
    }
  };
  const accepting = accept();
  return {
    address: hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      closeQuietly(listener);
      await accepting;
      await Promise.all(running);
    },
  };
}

function listen(address: { hostname: string; port: number }): Deno.TcpListener {
  const what = `port ${address.port} on ${address.hostname}`;
  try {
    return Deno.listen({ ...address, transport: "tcp" });
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new BusyError(`${what} is taken`, { hint: "name another port", cause });
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new DeniedError(`${what} may not be used`, { hint: "take one above 1023", cause });
    }
    throw new NotFoundError(`${what} can't be listened on: ${(cause as Error).message}`, { cause });
  }
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It was closed from the other side already.
  }
}

/** Most bytes waiting for one local program; one that reads no further is cut off. */
const MAX_WAITING_BYTES = 4 << 20;

/** Writes to a connection without waiting; gives it up when it doesn't keep up. */
export class TcpWriter {
  /** Bytes dropped with a connection that was given up. */
  readonly #connection: Deno.TcpConn;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #writing = false;

  /** Writes to this connection. */
  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Sends bytes, in order. */
  write(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_WAITING_BYTES) {
      closeQuietly(this.#connection);
      this.#waiting = [];
      return;
    }
    this.#waiting.push(bytes);
    if (!this.#writing) void this.#run();
  }

  async #run(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        const bytes = batch.length === 1 ? batch[0]! : join(batch);
        for (let at = 0; at < bytes.length;) {
          at += await this.#connection.write(bytes.subarray(at));
        }
        this.#bytes -= bytes.length;
      }
    } catch {
      // The reading side sees the end.
      this.#waiting = [];
    } finally {
      this.#writing = false;
    }
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
