/**
 * `--cannelloni`: a remote bus for cannelloni peers, by its TCP format.
 *
 * @module
 */
import { nowMicros } from "../../media/clock.ts";
import { CANNELLONI_HELLO, CannelloniParser, encodeCannelloni } from "../cannelloni_codec.ts";
import type { BusHub } from "../hub.ts";
import { serveTcp, type TcpService, TcpWriter } from "./tcp_listener.ts";

/** Bytes read at once. */
const READ_BYTES = 65_536;

/** Listens for cannelloni peers (`cannelloni -C c -R HOST -r PORT`). Throws as `serveTcp`. */
export function serveCannelloni(hub: BusHub, address: string): TcpService {
  return serveTcp(address, (connection) => serve(hub, connection));
}

async function serve(hub: BusHub, connection: Deno.TcpConn): Promise<void> {
  const writer = new TcpWriter(connection);
  const parser = new CannelloniParser();
  // Frames of before the peer's hello are not for it.
  using node = hub.join({
    onFrames: (frames) => {
      if (!parser.greeted) return;
      const plain = frames.filter(({ kind }) => kind !== "error");
      if (plain.length > 0) writer.write(encodeCannelloni(plain));
    },
  });
  writer.write(CANNELLONI_HELLO);
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    const frames = parser.push(buffer.slice(0, count), nowMicros())
      .filter(({ kind }) => kind !== "error");
    if (frames.length > 0) node.send(frames);
  }
}
