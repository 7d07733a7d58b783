/**
 * XoQ's `xoq/p2p/0` for serial ports: one bidirectional stream of raw bytes, opened by the client when
 * it first has something to say.
 *
 * @module
 */
import type { Peer } from "../device.ts";
import type { HeldLease } from "../lease.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { BidirectionalStream, Connection } from "../transport/connection.ts";

/** The ALPN. */
export const XOQ_SERIAL_PROTOCOL = "xoq/p2p/0";

/** Serves one connection until either side ends it. */
export async function serveDirect(
  connection: Connection,
  lease: HeldLease,
  peer: Peer,
  hold: (stream: BidirectionalStream) => Promise<void>,
): Promise<void> {
  const replaced = () => {
    connection.close({ closeCode: CLOSE.replaced, reason: messageOf(lease.signal.reason) });
  };
  lease.signal.addEventListener("abort", replaced, { once: true });
  const reader = connection.incomingBidirectionalStreams.getReader();
  const abort = () => void reader.cancel().catch(() => {});
  peer.signal.addEventListener("abort", abort, { once: true });
  try {
    // However long it takes: the stream exists once the client has written.
    const { value: stream } = await reader.read();
    if (stream !== undefined) await hold(stream);
    connection.close({ closeCode: CLOSE.done, reason: "" });
  } catch {
    // The connection ended before there was a stream.
  } finally {
    lease.signal.removeEventListener("abort", replaced);
    peer.signal.removeEventListener("abort", abort);
    reader.releaseLock();
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
