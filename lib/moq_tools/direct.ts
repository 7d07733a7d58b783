/**
 * What dials and listens by address on this machine; loaded when it is needed.
 *
 * @module
 */
import { UnsupportedError } from "../errors.ts";
import type { DirectTransport } from "../transport/direct.ts";

/** Gives plain QUIC and WebTransport. Throws `UnsupportedError` where this build has none. */
export async function directTransport(): Promise<DirectTransport> {
  const place = new URL("../transport/direct_endpoint.ts", import.meta.url);
  try {
    const module = await import(place.href) as { directTransport: DirectTransport };
    return module.directTransport;
  } catch (cause) {
    throw new UnsupportedError("this build has no QUIC by address", { cause });
  }
}
