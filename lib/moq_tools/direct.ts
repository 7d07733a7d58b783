/**
 * What dials and listens by address on this machine; loaded when it is needed.
 *
 * @module
 */
import type { DirectTransport } from "../transport/direct.ts";

/** Gives plain QUIC and WebTransport. */
export async function directTransport(): Promise<DirectTransport> {
  return (await import("../transport/direct_endpoint.ts")).directTransport;
}
