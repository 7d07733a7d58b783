/**
 * A relay in the benchmark's own process, for runs without another one.
 *
 * @module
 */
import { subprotocols } from "../../moqt/dial.ts";
import { protocols, type Version } from "../../moqt/versions.ts";
import { Relay } from "../../relay/relay.ts";
import type { DirectTransport, IncomingSession, ListenOptions } from "../../transport/direct.ts";

/** Where a relay of this process is, and its end. */
export interface OwnRelay extends AsyncDisposable {
  /** `IP:PORT`. */
  readonly address: string;
}

/** Begins a relay that listens. Throws what listening throws. */
export async function ownRelay(
  transport: Pick<DirectTransport, "listen">,
  versions: readonly Version[],
  options: Omit<ListenOptions, "alpns">,
): Promise<OwnRelay> {
  const listener = await transport.listen({ ...options, alpns: protocols(versions) });
  const relay = new Relay();
  const spoken = subprotocols(versions);
  const welcome = async (incoming: IncomingSession) => {
    const webTransport = incoming.kind === "webtransport";
    const chosen = webTransport
      ? incoming.protocols.find((name) => spoken.includes(name))
      : undefined;
    const connection = await incoming.accept(chosen);
    await relay.serve(connection, { webTransport });
  };
  const welcomeAll = async () => {
    for await (const incoming of listener.incoming) welcome(incoming).catch(() => {});
  };
  welcomeAll().catch(() => {});
  return {
    address: listener.address,
    async [Symbol.asyncDispose]() {
      await relay.close();
      await listener.close();
    },
  };
}
