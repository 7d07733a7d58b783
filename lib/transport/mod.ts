/**
 * Endpoints: which implementation this machine has, and making one.
 *
 * @module
 */
import { LibraryError, quicLibrary } from "../../ffi/quic/mod.ts";
import { UnsupportedError, UsageError } from "../errors.ts";
import { AddonEndpointAdapter } from "./addon.ts";
import { addonPackage, loadAddon } from "./addon_loader.ts";
import type { Endpoint, EndpointOptions } from "./connection.ts";
import { IrohEndpoint } from "./iroh.ts";

export * from "./connection.ts";

/** Environment variable that chooses: `native` or `addon`. */
export const IMPLEMENTATION_VARIABLE = "XOQ_QUIC";

/** What carries connections on this machine. */
export interface Implementation {
  /** `native`: the Rust library of `ffi/quic`; `addon`: the prebuilt npm package. */
  readonly kind: "native" | "addon";
  /** The file or package in use. */
  readonly origin: string;
  /** One line for people: what it is, and what it cannot do. */
  readonly description: string;
}

const DESCRIPTIONS = {
  native: "iroh 1.4.1, QUIC in Rust by FFI",
  addon: "iroh by a prebuilt addon: slow (7 MB/s), without mDNS; Rust 1.91 and deno task native " +
    "give the fast library",
} as const;

/**
 * Finds what carries connections here: what `XOQ_QUIC` names, else the native library, else the addon.
 * Throws `UnsupportedError` saying what to do, `UsageError` for a variable that names neither.
 */
export function implementation(): Implementation {
  const wanted = Deno.env.get(IMPLEMENTATION_VARIABLE) ?? "";
  switch (wanted) {
    case "native":
      return native();
    case "addon":
      return addon();
    case "":
      return nativeOrAddon();
    default:
      throw new UsageError(`${IMPLEMENTATION_VARIABLE}=${wanted} is neither native nor addon`);
  }
}

function nativeOrAddon(): Implementation {
  try {
    return native();
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    try {
      return addon();
    } catch {
      throw error;
    }
  }
}

function native(): Implementation {
  try {
    const { origin } = quicLibrary();
    return { kind: "native", origin, description: DESCRIPTIONS.native };
  } catch (cause) {
    if (!(cause instanceof LibraryError)) throw cause;
    // An executable has the library inside and unpacks it to run it.
    if (Deno.build.standalone) {
      throw new UnsupportedError("the QUIC library inside this executable can't be run", {
        hint: "set TMPDIR to a folder that takes 20 MB and lets programs run (no noexec)",
        cause,
      });
    }
    throw new UnsupportedError(`there is no QUIC library for ${Deno.build.target} here`, {
      hint: "install Rust 1.91 or newer (https://rustup.rs) and run deno task native",
      cause,
    });
  }
}

function addon(): Implementation {
  loadAddon();
  return { kind: "addon", origin: addonPackage(), description: DESCRIPTIONS.addon };
}

/**
 * Makes an endpoint. Throws what {@link implementation} throws; `UsageError` for an address or a relay
 * that cannot be read; `BusyError` when the address is taken.
 */
export async function createEndpoint(options: EndpointOptions = {}): Promise<Endpoint> {
  return implementation().kind === "native"
    ? await IrohEndpoint.bind(options)
    : await AddonEndpointAdapter.bind(options);
}
