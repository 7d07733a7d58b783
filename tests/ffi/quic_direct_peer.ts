/**
 * Dials the URL given, writes a byte, closes with code 9, and must then end by itself.
 *
 * @module
 */
import { directTransport } from "../../lib/transport/direct_endpoint.ts";

const connection = await directTransport.dial(Deno.args[0]!, {
  protocols: ["test/1"],
  trust: { insecure: true },
});
const writer = (await connection.createUnidirectionalStream()).getWriter();
await writer.write(Uint8Array.of(1));
void connection.incomingBidirectionalStreams.getReader().read();
connection.close({ closeCode: 9 });
await connection.closed;
console.log("closed");
