/**
 * Direct connections by the QUIC library in `ffi/quic` (see `direct.ts`).
 *
 * @module
 */
import { quicDial, QuicError } from "../../ffi/quic/mod.ts";
import { UnsupportedError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { DialOptions, DirectTransport, Listener, ListenOptions } from "./direct.ts";
import { DirectListener, usageError } from "./direct_listener.ts";
import { dialSettings, directUrl } from "./direct_options.ts";
import { implementation } from "./mod.ts";
import { bindError, dialError } from "./quic_errors.ts";
import { QuicSession } from "./quic_session.ts";
import { SessionConnection } from "./session_connection.ts";

/** Throws `UnsupportedError` where the library is not there: the addon has iroh only. */
export function assertNative(): void {
  if (implementation().kind === "native") return;
  throw new UnsupportedError("the prebuilt addon has neither plain QUIC nor WebTransport", {
    hint: "install Rust 1.91 or newer (https://rustup.rs) and run deno task native",
  });
}

async function dial(url: string | URL, options: DialOptions): Promise<Connection> {
  const settings = dialSettings(directUrl(url), options);
  assertNative();
  try {
    const connection = await quicDial(settings, options.signal);
    return new SessionConnection(new QuicSession(connection));
  } catch (error) {
    if (error instanceof QuicError && error.status === "io") throw bindError(error, options.bind);
    throw dialError(usageError(error));
  }
}

async function listen(options: ListenOptions): Promise<Listener> {
  assertNative();
  return await DirectListener.bind(options);
}

/** Plain QUIC and WebTransport, both ends. */
export const directTransport: DirectTransport = { dial, listen };
