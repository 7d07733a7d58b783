/**
 * The UDP port by `node:dgram`, for systems whose C library isn't spoken here (Windows). There is one
 * socket for all: Deno's `connect()` of a datagram socket doesn't reach the kernel.
 *
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import { SocketAddress } from "../../ffi/udp.ts";
import { type DatagramHandler, portError, type UdpPort } from "./udp_port.ts";

/** A port of `node:dgram`. */
export class DgramPort implements UdpPort {
  /** UDP port. */
  readonly port: number;
  /** Nothing pauses here. */
  readonly pauses = 0;
  readonly #socket: Socket;
  #closed: Promise<void> | undefined;

  private constructor(socket: Socket, handler: DatagramHandler) {
    this.#socket = socket;
    this.port = socket.address().port;
    const from = new SocketAddress();
    socket.on("message", (message, { address, port }) => {
      from.set(address, port);
      const bytes = new Uint8Array(
        message.buffer as ArrayBuffer,
        message.byteOffset,
        message.byteLength,
      );
      handler(bytes, bytes.length, from);
    });
    // Refusals of what was sent before (ICMP).
    socket.on("error", () => {});
  }

  /** Binds. Throws as `openUdpPort`. */
  static open(host: string, port: number, handler: DatagramHandler): Promise<DgramPort> {
    return new Promise((resolve, reject) => {
      const socket = createSocket("udp4");
      socket.once("error", (error: NodeJS.ErrnoException) => {
        reject(portError(error, host, port, {
          busy: error.code === "EADDRINUSE",
          denied: error.code === "EACCES",
        }));
      });
      socket.bind(port, host, () => {
        socket.removeAllListeners("error");
        resolve(new DgramPort(socket, handler));
      });
    });
  }

  /** Sends. */
  send(bytes: Uint8Array<ArrayBuffer>, to: SocketAddress): boolean {
    this.#socket.send(bytes, to.port, to.host);
    return true;
  }

  /** Nobody can be set apart. */
  favour(): void {}

  /** Nobody was. */
  release(): void {}

  /** Closes. */
  close(): Promise<void> {
    return this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
