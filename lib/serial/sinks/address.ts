/**
 * Where a sink listens.
 *
 * @module
 */
import { BusyError, DeniedError, UsageError } from "../../errors.ts";

/** A place to listen. */
export interface ListenAddress {
  /** Host name or address. */
  hostname: string;
  /** 0: any free one. */
  port: number;
}

/**
 * Reads `:7000`, `7000`, `HOST:7000`, `[::1]:7000`; a bare port means 127.0.0.1, nothing the given
 * default. Throws `UsageError`.
 */
export function parseListenAddress(text: string, defaultPort: number): ListenAddress {
  if (text === "") return { hostname: "127.0.0.1", port: defaultPort };
  const match = /^(?:(\[[0-9a-f:.]+\]|[^:\s]*):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new UsageError(`"${text}" is no address to listen at`, {
      hint: `write :${defaultPort}, 127.0.0.1:${defaultPort}, or 0.0.0.0:${defaultPort}`,
    });
  }
  const host = (match[1] ?? "").replace(/^\[(.*)\]$/, "$1");
  return { hostname: host === "" ? "127.0.0.1" : host === "*" ? "0.0.0.0" : host, port };
}

/** Listens. Throws `BusyError`, `DeniedError`. */
export function listen(address: ListenAddress): Deno.TcpListener {
  try {
    return Deno.listen({ ...address, transport: "tcp" });
  } catch (cause) {
    const where = `${address.hostname}:${address.port}`;
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new BusyError(`${where} is in use by another program`, {
        hint: "name another port",
        cause,
      });
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new DeniedError(`no permission to listen at ${where}`, { cause });
    }
    throw cause;
  }
}
