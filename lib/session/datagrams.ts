/**
 * Datagrams of byte pipes: each begins with the channel (a varint) that the client chose when it
 * opened the pipe (docs/xoq-1.md).
 *
 * @module
 */
import { decodeVarint, encodeVarint } from "../bytes/varint.ts";
import type { PipeDatagrams } from "../device.ts";
import type { Connection } from "../transport/connection.ts";

/** Highest channel: its varint takes two bytes at most. */
export const MAX_CHANNEL = 16_383;

/** The datagrams of one connection, by channel. Reads them from the first channel on. */
export class DatagramChannels {
  readonly #connection: Connection;
  readonly #channels = new Map<number, Channel>();
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;

  /** Takes the connection's datagrams over, once a channel is opened. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Opens a channel; disposing closes it. `undefined` where that channel is open already. */
  open(channel: number): (PipeDatagrams & Disposable) | undefined {
    if (this.#channels.has(channel)) return undefined;
    if (this.#writer === undefined) {
      this.#writer = this.#connection.datagrams.writable.getWriter();
      this.#writer.closed.catch(() => {});
      void this.#read();
    }
    const opened = new Channel(channel, this.#connection, this.#writer, () => {
      this.#channels.delete(channel);
    });
    this.#channels.set(channel, opened);
    return opened;
  }

  async #read(): Promise<void> {
    const reader = this.#connection.datagrams.readable.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const head = value.length === 0 ? undefined : decodeVarint(value, 0);
        if (head === undefined) continue;
        this.#channels.get(head.value)?.onDatagram?.(value.subarray(head.size));
      }
    } catch {
      // The connection ended, which its owner sees elsewhere.
    }
  }
}

class Channel implements PipeDatagrams, Disposable {
  onDatagram: ((payload: Uint8Array) => void) | undefined;
  readonly #head: Uint8Array;
  readonly #connection: Connection;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #close: () => void;
  #open = true;

  constructor(
    channel: number,
    connection: Connection,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    close: () => void,
  ) {
    this.#head = encodeVarint(channel);
    this.#connection = connection;
    this.#writer = writer;
    this.#close = close;
  }

  get maxSize(): number {
    return Math.max(0, this.#connection.datagrams.maxDatagramSize - this.#head.length);
  }

  send(payload: Uint8Array): void {
    if (!this.#open) return;
    const datagram = new Uint8Array(this.#head.length + payload.length);
    datagram.set(this.#head);
    datagram.set(payload, this.#head.length);
    this.#writer.write(datagram).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#open = false;
    this.#close();
  }
}
