import assert from "node:assert/strict";
import type { Connection } from "../../lib/transport/connection.ts";
import type { Listener } from "../../lib/transport/direct.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());
const ALPN = "test/1";
const ROUNDS = 200;

/** Both ends of a connection with a stream in the middle of something. */
async function busy(listener: Listener, scheme: string): Promise<[Connection, Connection]> {
  const incoming = listener.incoming.getReader();
  const dialling = directTransport.dial(`${scheme}://${listener.address}/`, {
    protocols: [ALPN],
    trust: { insecure: true },
  });
  const theirs = await (await incoming.read()).value!.accept(ALPN);
  const ours = await dialling;
  await (await ours.createBidirectionalStream()).writable.getWriter().write(Uint8Array.of(1));
  const streams = theirs.incomingBidirectionalStreams.getReader();
  await (await streams.read()).value!.readable.getReader().read();
  return [ours, theirs];
}

Deno.test({
  name: `direct: a port is free as soon as its listener has closed, ${ROUNDS} times`,
  ignore,
}, async () => {
  let address = "127.0.0.1:0";
  // Who still holds a connection does not hold the port.
  const held: Connection[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const listener = await directTransport.listen({ address, alpns: [ALPN] });
    address = listener.address;
    if (round % 5 === 0) held.push(...await busy(listener, round % 10 === 0 ? "moqt" : "https"));
    await listener.close();
  }
  assert.equal(held.length, 2 * ROUNDS / 5);
  await Promise.allSettled(held.map(({ closed }) => closed));
});
