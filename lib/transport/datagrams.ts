/**
 * Datagrams of a session.
 *
 * @module
 */
import type { DatagramDuplex } from "./connection.ts";
import type { Session } from "./session.ts";
import { turn } from "./turns.ts";

/** Unreliable messages. */
export class SessionDatagrams implements DatagramDuplex {
  readonly #session: Session;
  /** Received datagrams; the transport keeps a bounded number, and drops the oldest. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Sent at once or dropped. */
  readonly writable: WritableStream<Uint8Array>;
  #oversized = 0;

  /** Makes the two streams. `ending` resolves with what ended the session. */
  constructor(session: Session, ending: () => Promise<Error | undefined>) {
    this.#session = session;
    this.readable = new ReadableStream({
      async pull(controller) {
        try {
          await turn();
          controller.enqueue(await session.receiveDatagram());
        } catch {
          const error = await ending();
          if (error !== undefined) throw error;
          controller.close();
        }
      },
    }, { highWaterMark: 0 });
    this.writable = new WritableStream({
      write: (datagram) => {
        if (!(datagram instanceof Uint8Array)) throw new TypeError("datagrams are Uint8Array only");
        try {
          // As W3C WebTransport has it: a datagram that cannot be sent is one that is lost.
          if (!session.sendDatagram(datagram)) this.#oversized++;
        } catch (error) {
          throw session.translate(error);
        }
      },
    });
  }

  /** The largest datagram the path takes now, in bytes; 0 when the peer takes none. */
  get maxDatagramSize(): number {
    return this.#session.maxDatagramSize;
  }

  /** Datagrams dropped because they were larger. */
  get oversized(): number {
    return this.#oversized;
  }
}
