/**
 * Datagrams of a QUIC connection.
 *
 * @module
 */
import { type QuicConnection, QuicError } from "../../ffi/quic/mod.ts";
import type { DatagramDuplex } from "./connection.ts";
import { transportError } from "./errors.ts";

/** Datagrams over QUIC. */
export class IrohDatagrams implements DatagramDuplex {
  readonly #connection: QuicConnection;
  /** Received datagrams; QUIC keeps up to 1 MiB of them, and drops the oldest. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Sent at once or dropped. */
  readonly writable: WritableStream<Uint8Array>;
  #oversized = 0;

  /** Makes the two streams. `ending` resolves with what ended the connection. */
  constructor(connection: QuicConnection, ending: () => Promise<Error | undefined>) {
    this.#connection = connection;
    this.readable = new ReadableStream({
      async pull(controller) {
        try {
          controller.enqueue(await connection.receiveDatagram());
        } catch {
          const error = await ending();
          if (error !== undefined) throw error;
          controller.close();
        }
      },
    }, { highWaterMark: 0 });
    this.writable = new WritableStream({
      write: (datagram) => {
        try {
          connection.sendDatagram(datagram);
        } catch (error) {
          if (!(error instanceof QuicError) || !isDrop(error)) throw transportError(error);
          this.#oversized++;
        }
      },
    });
  }

  /** The largest datagram the path takes now, in bytes; 0 when the peer takes none. */
  get maxDatagramSize(): number {
    return this.#connection.maxDatagramSize;
  }

  /** Datagrams dropped because they were larger. */
  get oversized(): number {
    return this.#oversized;
  }
}

/** As W3C WebTransport has it: a datagram that cannot be sent is one that is lost. */
function isDrop(error: QuicError): boolean {
  return error.status === "too-large" || error.status === "unsupported";
}
