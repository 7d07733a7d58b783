/**
 * Where the page is served: what people write after `--http`.
 *
 * @module
 */
import { BusyError, DeniedError, NotFoundError, UsageError } from "../../errors.ts";

/** The port tried first. */
const DEFAULT_PORT = 8080;
/** Ports tried after it, when none was named. */
const DEFAULT_PORTS = 20;

/** A parsed address. */
export interface HttpAddress {
  /** What to bind. */
  hostname: string;
  /** The port asked for; `undefined`: 8080 or the next free one. 0: any. */
  port: number | undefined;
}

/**
 * Reads `""`, `:8080`, `8080`, `HOST`, `HOST:8080`, `[::1]:8080`, `*:8080`. Without a host it is
 * 127.0.0.1; `*` is every address. Throws `UsageError`.
 */
export function parseHttpAddress(text: string): HttpAddress {
  const match =
    /^(?:\[([0-9a-fA-F:.%]+)\]|(\*|[A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*|\d+(?:\.\d+){3}))?(?::?(\d{1,5}))?$/
      .exec(text);
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (match === null || (port !== undefined && port > 65535)) {
    throw new UsageError(`"${text}" is no address to serve HTTP on`, {
      hint: "write :8080, 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080",
    });
  }
  const host = match[1] ?? match[2];
  return { hostname: host === undefined ? "127.0.0.1" : host === "*" ? "0.0.0.0" : host, port };
}

/** Whether only programs on this machine reach what is bound there. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Calls `listen` with the port asked for, or with 8080 and on until one is free. Throws `BusyError`
 * for a named port that is taken, `DeniedError`, `NotFoundError` for an address not of this machine.
 */
export function listenOn<T>(address: HttpAddress, listen: (port: number) => T): T {
  const first = address.port ?? DEFAULT_PORT;
  const tries = address.port === undefined ? DEFAULT_PORTS : 1;
  for (let i = 0; i < tries; i++) {
    try {
      return listen(first + i);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw translate(error, address, first);
      if (i === tries - 1 && address.port !== undefined) {
        throw new BusyError(`port ${first} on ${address.hostname} is taken`, {
          hint: "name another one, or none: --http takes the next free port",
          cause: error,
        });
      }
    }
  }
  return listen(0);
}

function translate(error: unknown, address: HttpAddress, port: number): unknown {
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return new DeniedError(`port ${port} may not be used by this user`, {
      hint: "take one above 1023",
      cause: error,
    });
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return new NotFoundError(`${address.hostname} is no address of this machine`, {
      hint: "write 0.0.0.0 for all of them",
      cause: error,
    });
  }
  return error;
}
