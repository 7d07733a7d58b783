/**
 * A peer in a process of its own. Arguments: what to do, and with `dial` the address.
 *
 * `serve` writes its address, accepts one connection and echoes until it ends; `hold` does the same, and
 * never ends by itself; `exit` binds, connects to itself through a second endpoint, closes both, and must
 * then end by itself; `idle` binds an endpoint and forgets it.
 *
 * @module
 */
import { IrohEndpoint } from "../../lib/transport/iroh.ts";

const local = { relay: "none", bind: "127.0.0.1", protocols: ["test/1"] };
const endpoint = await IrohEndpoint.bind(local);

switch (Deno.args[0]) {
  case "hold": {
    console.log(JSON.stringify(endpoint.address()));
    for await (const connection of endpoint.incoming) {
      for await (const { readable, writable } of connection.incomingBidirectionalStreams) {
        readable.pipeTo(writable).catch(() => {});
      }
    }
    break;
  }
  case "exit": {
    const other = await IrohEndpoint.bind(local);
    endpoint.onAddressChange(() => {});
    const accepted = endpoint.incoming.getReader().read();
    const connection = await other.connect(endpoint.address(), "test/1");
    connection.onPathChange(() => {});
    const server = (await accepted).value!;
    const stream = await connection.createBidirectionalStream();
    void stream.writable.getWriter().write(new Uint8Array(8 << 20)).catch(() => {});
    void stream.readable.getReader().read().catch(() => {});
    void server.incomingBidirectionalStreams.getReader().read();
    void server.datagrams.readable.getReader().read();
    await other.close();
    await endpoint.close();
    console.log("closed");
    break;
  }
  case "idle":
    console.log("idle");
    break;
  default:
    throw new TypeError(`unknown role ${Deno.args[0]}`);
}
