/** A network by address in memory: what dials and listens, without sockets. */
import { BusyError } from "../../lib/errors.ts";
import { TransportError } from "../../lib/transport/connection.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import type {
  DialOptions,
  DirectTransport,
  IncomingSession,
  Listener,
  ListenOptions,
} from "../../lib/transport/direct.ts";
import { memoryPair } from "../../lib/transport/memory.ts";

interface Place {
  options: ListenOptions;
  arrive(session: IncomingSession): void;
  connections: Set<Connection>;
}

/** See the file. Each is a network of its own. */
export class MemoryDirect implements DirectTransport {
  readonly #places = new Map<string, Place>();
  #next = 40_000;
  /** URLs that were dialled. */
  readonly dialled: string[] = [];

  /** Dials; protocols are negotiated as QUIC and WebTransport do. */
  dial(target: string | URL, options: DialOptions): Promise<Connection> {
    const url = new URL(target);
    this.dialled.push(url.href);
    const place = this.#places.get(`127.0.0.1:${url.port}`);
    const webTransport = url.protocol === "https:";
    if (place === undefined) return Promise.reject(failure("unreachable", "nobody listens there"));
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const common = options.protocols.filter((name) => place.options.alpns.includes(name));
    if (!webTransport && common.length === 0) {
      return Promise.reject(failure("refused", "no common protocol"));
    }
    place.arrive({
      kind: webTransport ? "webtransport" : "quic",
      remote: "127.0.0.1:1",
      protocols: webTransport ? options.protocols : common.slice(0, 1),
      path: webTransport ? url.pathname + url.search : undefined,
      authority: url.host,
      headers: new Map(Object.entries(options.headers ?? {})),
      accept: (protocol) => {
        const [ours, theirs] = memoryPair(webTransport ? protocol ?? "" : common[0]!);
        place.connections.add(theirs);
        resolve(ours);
        return Promise.resolve(theirs);
      },
      refuse: (status) => reject(failure("refused", `refused with ${status}`)),
    });
    options.signal?.addEventListener("abort", () => reject(options.signal!.reason), { once: true });
    return promise;
  }

  /** Listens; port 0 is a new one. */
  listen(options: ListenOptions): Promise<Listener> {
    const asked = Number(options.address.split(":").at(-1));
    const address = `127.0.0.1:${asked === 0 ? this.#next++ : asked}`;
    if (this.#places.has(address)) {
      return Promise.reject(new BusyError(`${address} is taken`));
    }
    const connections = new Set<Connection>();
    let end = () => {};
    const incoming = new ReadableStream<IncomingSession>({
      start: (controller) => {
        this.#places.set(address, {
          options,
          connections,
          arrive: (session) => controller.enqueue(session),
        });
        end = () => controller.close();
      },
    });
    const close = () => {
      if (this.#places.delete(address)) end();
      for (const connection of connections) connection.close();
      return Promise.resolve();
    };
    return Promise.resolve({
      address,
      certificateHash: "00".repeat(32),
      incoming,
      setCertificate() {},
      close,
      [Symbol.asyncDispose]: close,
    });
  }
}

function failure(kind: "unreachable" | "refused", message: string): TransportError {
  return new TransportError(message, { source: "session", failure: kind });
}
