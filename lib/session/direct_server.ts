/**
 * Devices' tracks by address instead of by ticket: MoQT on plain QUIC and WebTransport (`--listen`).
 * Who comes has no proven id, so that a grant holds for the one connection that shows it. Listening on
 * loopback, nobody needs one; pages of other sites are kept out.
 *
 * @module
 */
import { isLoopback, parseSocketAddress } from "../bytes/ip.ts";
import { DeniedError, UsageError } from "../errors.ts";
import { protocols, versionOf } from "../moqt/mod.ts";
import type {
  DirectTransport,
  IncomingSession,
  Listener,
  ListenOptions,
} from "../transport/direct.ts";
import { AdmissionDesk, type GrantedRights } from "./admission.ts";
import { DATAGRAM_WINDOW_BYTES } from "./datagram_source.ts";
import type { MoqtOutcome, MoqtServer } from "./moqt_server.ts";

/** Most connections at once; a further one is refused. */
export const MAX_DIRECT_CONNECTIONS = 256;
/** How long a connection may take for its set-up, in milliseconds. */
const DEADLINE_MS = 3_000;
/** HTTP statuses that WebTransport sessions are refused with. */
const STATUS = { badRequest: 400, forbidden: 403, busy: 503 } as const;

/** How to listen. */
export interface DirectServerOptions {
  /** What listens. */
  transport: Pick<DirectTransport, "listen">;
  /** `ADDR:PORT`; see {@link parseListen}. */
  address: string;
  /** What is the same after a restart; default: nothing. */
  lasting?: Pick<ListenOptions, "certificate" | "resetSecret"> | undefined;
  /** The tracks. */
  moqt: MoqtServer;
  /** Whether everybody is let in, wherever it listens. */
  public: boolean;
  /** Checks a grant. Throws `DeniedError` saying why not; one that may be used once is refused. */
  verify(grant: string): Promise<GrantedRights & { once?: boolean }>;
}

/** Where a {@link DirectServer} listens. */
export interface DirectPlace {
  /** `IP:PORT`. */
  address: string;
  /** SHA-256 of its certificate in hex: what clients pin. */
  certificateHash: string;
  /** Whether clients must show a grant. */
  grantWanted: boolean;
}

/**
 * Reads `ADDR:PORT` or `:PORT`, which is 127.0.0.1. Gives it in full, and whether only this machine
 * reaches it. Throws `UsageError`.
 */
export function parseListen(text: string): { address: string; loopback: boolean } {
  const address = text.startsWith(":") ? `127.0.0.1${text}` : text;
  const parsed = parseSocketAddress(address);
  if (parsed === undefined) {
    throw new UsageError(`--listen ${text} is no address with a port`, {
      hint: "write 127.0.0.1:4443, 0.0.0.0:4443 or [::]:4443",
    });
  }
  return { address, loopback: isLoopback(parsed.ip) };
}

/** Serves tracks by address until closed. */
export class DirectServer implements AsyncDisposable {
  readonly #listener: Listener;
  readonly #moqt: MoqtServer;
  readonly #desk: AdmissionDesk;
  readonly #grantWanted: boolean;
  readonly #reader: ReadableStreamDefaultReader<IncomingSession>;
  readonly #done: Promise<void>;
  readonly #refused: Record<Exclude<MoqtOutcome, "over"> | "busy" | "origin", number> = {
    ...{ denied: 0, silent: 0, protocol: 0, busy: 0, origin: 0 },
  };
  #connections = 0;
  /** Numbers connections, for ids that no other one has. */
  #next = 1;

  private constructor(listener: Listener, options: DirectServerOptions, grantWanted: boolean) {
    this.#listener = listener;
    this.#moqt = options.moqt;
    this.#grantWanted = grantWanted;
    this.#desk = new AdmissionDesk({
      public: !grantWanted,
      allow: new Set(),
      verify: async (text) => {
        const grant = await options.verify(text);
        if (grant.once === true) {
          throw new DeniedError(
            "a one-time grant is for one endpoint, and who comes by address has none",
          );
        }
        return grant;
      },
    });
    this.#reader = listener.incoming.getReader();
    this.#done = this.#run();
  }

  /** Listens. Throws `UsageError`, `BusyError`. */
  static async listen(options: DirectServerOptions): Promise<DirectServer> {
    const { address, loopback } = parseListen(options.address);
    const listener = await options.transport.listen({
      ...options.lasting,
      address,
      alpns: protocols(),
      datagramWindow: DATAGRAM_WINDOW_BYTES,
    });
    return new DirectServer(listener, options, !(options.public || loopback));
  }

  /** Where it listens. */
  get place(): DirectPlace {
    const { address, certificateHash } = this.#listener;
    return { address, certificateHash, grantWanted: this.#grantWanted };
  }

  /** Connections now, and those refused since the start. */
  stats(): { connections: number; refused: Readonly<Record<string, number>> } {
    return { connections: this.#connections, refused: { ...this.#refused } };
  }

  /** Closes the socket and all connections. Idempotent. */
  async close(): Promise<void> {
    await this.#listener.close();
    await this.#reader.cancel().catch(() => {});
    await this.#done;
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    for (;;) {
      const next = await this.#reader.read().catch(() => ({ done: true, value: undefined }));
      if (next.done || next.value === undefined) return;
      void this.#take(next.value);
    }
  }

  async #take(incoming: IncomingSession): Promise<void> {
    const { kind, remote } = incoming;
    if (this.#connections >= MAX_DIRECT_CONNECTIONS) {
      this.#refused.busy++;
      return incoming.refuse(STATUS.busy);
    }
    if (!this.#grantWanted && !isOwnOrigin(incoming.headers.get("origin"))) {
      this.#refused.origin++;
      return incoming.refuse(STATUS.forbidden);
    }
    const protocol = incoming.protocols.find((name) => versionOf(name) !== undefined);
    if (protocol === undefined) {
      this.#refused.protocol++;
      return incoming.refuse(STATUS.badRequest);
    }
    this.#connections++;
    try {
      const connection = await incoming.accept(protocol);
      const outcome = await this.#moqt.serve(connection, {
        id: `${remote} ${this.#next++}`,
        label: remote,
        desk: this.#desk,
        webTransport: kind === "webtransport",
        deadlineMs: DEADLINE_MS,
        admitted: () => {},
      });
      if (outcome !== "over") this.#refused[outcome]++;
    } catch {
      // It went away before it was let in.
    } finally {
      this.#connections--;
    }
  }
}

/** Whether a page of this machine asks, or no page at all. */
function isOwnOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  const hostname = URL.parse(origin)?.hostname ?? "";
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
