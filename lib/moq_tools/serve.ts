/**
 * The tools as servers: whom they let in.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { MoqtViolation } from "../moqt/errors.ts";
import type { TokenValue } from "../moqt/requests/tokens.ts";

/** Whether `ADDR:PORT` is this machine's alone. Throws `UsageError` where it is no such thing. */
export function isLoopback(address: string): boolean {
  const host = /^(.*):\d{1,5}$/.exec(address)?.[1];
  if (host === undefined) {
    throw new UsageError(`${JSON.stringify(address)} is no address to listen on`, {
      hint: "write ADDR:PORT; port 0 is any",
    });
  }
  return host === "" || host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

/** `:4443` is loopback's. */
export function listenAddress(address: string): string {
  return address.startsWith(":") ? `127.0.0.1${address}` : address;
}

/** Lets in who shows the token; everybody where there is none to show. For `SessionOptions.admit`. */
export function admitToken(
  wanted: string | undefined,
): (setup: unknown, tokens: readonly TokenValue[]) => void {
  return (_setup, tokens) => {
    if (wanted === undefined) return;
    const shown = tokens.map(({ value }) => new TextDecoder().decode(value));
    if (!shown.includes(wanted)) {
      throw new MoqtViolation("unauthorized", "the session shows no token that is known here");
    }
  };
}
