/**
 * Endpoints: which implementation this machine has, and making one.
 *
 * @module
 */
import { LibraryError, quicLibrary } from "../../ffi/quic/mod.ts";
import { UnsupportedError, UsageError } from "../errors.ts";
import type { Endpoint, EndpointOptions } from "./connection.ts";
import { IrohEndpoint } from "./iroh.ts";

export * from "./connection.ts";

/** What carries connections on this machine. */
export interface Implementation {
  /** `native`: the Rust library of `ffi/quic`. */
  readonly kind: "native";
  /** The file or package in use. */
  readonly origin: string;
  /** One line for people: what it is, and what it cannot do. */
  readonly description: string;
}

/** Finds what carries connections here. Throws `UnsupportedError` saying what to do. */
export function implementation(): Implementation {
  const wanted = Deno.env.get("XOQ_QUIC") ?? "";
  if (wanted !== "" && wanted !== "native") {
    throw new UsageError(`XOQ_QUIC=${wanted} is neither native nor addon`);
  }
  try {
    const { origin } = quicLibrary();
    return { kind: "native", origin, description: "iroh 1.4.1, QUIC in Rust by FFI" };
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    throw new UnsupportedError(`there is no QUIC library for ${Deno.build.target}`, {
      hint: "install Rust 1.91 or newer (rustup.rs) and run deno task native",
      cause: error,
    });
  }
}

/** Makes an endpoint. */
export function createEndpoint(options: EndpointOptions = {}): Promise<Endpoint> {
  implementation();
  return IrohEndpoint.bind(options);
}
