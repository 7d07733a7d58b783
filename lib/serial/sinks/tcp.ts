/**
 * A remote port as a TCP port of plain bytes (`--tcp`), one client at a time; and what listening
 * sinks share.
 *
 * @module
 */
import { listen, type ListenAddress } from "./address.ts";
import { abortable, type SharedPort, type SinkContext } from "./sink.ts";

/** Serves one TCP client until it ends or the signal aborts. */
export type ServeClient = (socket: Deno.TcpConn, signal: AbortSignal) => Promise<void>;

/** Listens for clients, one at a time; a second is closed at once. */
export async function serveClients(
  address: ListenAddress,
  protocol: "rfc2217" | "tcp",
  context: SinkContext,
  serve: ServeClient,
): Promise<void> {
  const { signal } = context;
  using listener = listen(address);
  const { hostname, port } = listener.addr;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  context.onEvent({ type: "listening", protocol, address: `${host}:${port}` });
  let serving: Promise<void> | undefined;
  while (!signal.aborted) {
    let socket: Deno.TcpConn;
    try {
      socket = await abortable(listener.accept(), signal);
    } catch {
      break;
    }
    if (serving !== undefined) {
      context.onEvent({ type: "notice", message: `${protocol}: a second client was refused` });
      socket.close();
      continue;
    }
    socket.setNoDelay(true);
    serving = serveOne(socket, signal, serve, context, protocol)
      .finally(() => serving = undefined);
  }
  await serving;
}

async function serveOne(
  socket: Deno.TcpConn,
  signal: AbortSignal,
  serve: ServeClient,
  context: SinkContext,
  protocol: string,
): Promise<void> {
  const { hostname, port } = socket.remoteAddr as Deno.NetAddr;
  const who = `${hostname}:${port}`;
  context.onEvent({ type: "notice", message: `${protocol}: ${who} connected` });
  const close = () => closeQuietly(socket);
  signal.addEventListener("abort", close, { once: true });
  let why = "it closed";
  try {
    await serve(socket, signal);
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  } finally {
    signal.removeEventListener("abort", close);
    close();
    context.onEvent({ type: "notice", message: `${protocol}: ${who} is gone: ${why}` });
  }
}

/** Closes a socket that may be closed. */
export function closeQuietly(socket: Deno.TcpConn): void {
  try {
    socket.close();
  } catch {
    // It is closed.
  }
}

/** Writes all bytes. */
export async function writeAll(socket: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await socket.write(bytes.subarray(done));
}

/** Plain bytes both ways. */
export async function serveTcp(
  shared: SharedPort,
  address: ListenAddress,
  context: SinkContext,
): Promise<void> {
  await serveClients(address, "tcp", context, async (socket) => {
    using _attached = shared.attach((bytes) => writeAll(socket, bytes).catch(() => {}));
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await socket.read(buffer);
      if (count === null) return;
      await shared.port.write(buffer.subarray(0, count));
    }
  });
}
