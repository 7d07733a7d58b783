/**
 * A remote port as an RFC 2217 server: `--rfc2217`, for pyserial's `rfc2217://` and what is built on it
 * (esptool, west, PlatformIO), and for ser2net's and Windows' clients.
 *
 * @module
 */
import type { LineNotice } from "../line_watch.ts";
import { Rfc2217Session } from "../rfc2217/session.ts";
import type { ListenAddress } from "./address.ts";
import type { SharedPort, SinkContext } from "./sink.ts";
import { serveClients, writeAll } from "./tcp.ts";

/** Sessions that want to be told of the lines. */
export type NoticeTakers = Set<(notice: LineNotice) => void>;

/** Serves RFC 2217 until the signal aborts. Notices of lines come by `takers`. */
export async function serveRfc2217(
  shared: SharedPort,
  address: ListenAddress,
  takers: NoticeTakers,
  context: SinkContext,
): Promise<void> {
  await serveClients(address, "rfc2217", context, async (socket) => {
    // Answers, data and notices come from different places: one write at a time.
    let sending: Promise<void> = Promise.resolve();
    const send = (bytes: Uint8Array) => sending = sending.then(() => writeAll(socket, bytes));
    const session = new Rfc2217Session({
      port: shared.port,
      send,
      signature: "xoq",
      onRefusal: (message) => context.onEvent({ type: "notice", message: `rfc2217: ${message}` }),
    });
    const notify = (notice: LineNotice) => void session.notify(notice).catch(() => {});
    takers.add(notify);
    using _attached = shared.attach((bytes) => session.deliver(bytes).catch(() => {}));
    try {
      await send(session.greeting());
      const buffer = new Uint8Array(65_536);
      for (;;) {
        const count = await socket.read(buffer);
        if (count === null) return;
        await session.receive(buffer.subarray(0, count));
      }
    } finally {
      takers.delete(notify);
      session.close();
    }
  });
}
