import assert from "node:assert/strict";
import { close } from "../../ffi/libc.ts";
import { connectUdp, HAS_UDP, openUdp, sendUdp, SocketAddress } from "../../ffi/udp.ts";
import { DgramPort } from "../../lib/pose/dgram_port.ts";
import { type DatagramHandler, openUdpPort, type UdpPort } from "../../lib/pose/udp_port.ts";
import { requires } from "../support/requires.ts";
import { within } from "../support/process.ts";

type Open = (host: string, port: number, handler: DatagramHandler) => Promise<UdpPort>;
const IMPLEMENTATIONS: readonly [name: string, open: Open, missing: string | undefined][] = [
  [
    "the C library's port",
    openUdpPort,
    HAS_UDP ? undefined : "this system's C library is not spoken",
  ],
  ["node:dgram's port", DgramPort.open, undefined],
];
const LOOPBACK = "127.0.0.1";

for (const [name, open, missing] of IMPLEMENTATIONS) {
  Deno.test({
    name: `${name} receives, answers the sender, and closes twice`,
    ...requires(missing),
    fn: async () => {
      const got = Promise.withResolvers<string>();
      const answer = Promise.withResolvers<string>();
      const text = (bytes: Uint8Array, length: number) =>
        new TextDecoder().decode(bytes.subarray(0, length));
      await using server = await open(LOOPBACK, 0, (bytes, length, from) => {
        got.resolve(text(bytes, length));
        server.favour(from);
        server.send(new TextEncoder().encode("answer"), from);
      });
      await using client = await open(LOOPBACK, 0, (bytes, length, from) => {
        assert.equal(from.toString(), `${LOOPBACK}:${server.port}`);
        answer.resolve(text(bytes, length));
      });
      client.send(new TextEncoder().encode("question"), new SocketAddress(LOOPBACK, server.port));
      assert.equal(await within(got.promise, 5_000, () => "the question"), "question");
      assert.equal(await within(answer.promise, 5_000, () => "the answer"), "answer");
      await assert.rejects(open(LOOPBACK, server.port, () => {}), { code: "busy" });
      server.release();
      await server.close();
      await server.close();
    },
  });
}

Deno.test({
  name: "a flood from elsewhere takes no room from the favoured phone, and is read in portions",
  ...requires(HAS_UDP ? undefined : "this system's C library is not spoken"),
  fn: async () => {
    const phone = openUdp(new SocketAddress(LOOPBACK));
    const stranger = openUdp(new SocketAddress(LOOPBACK));
    let fromPhone = 0;
    let fromStranger = 0;
    let strangersBefore = 0;
    const all = Promise.withResolvers<void>();
    let favoured = false;
    const server = await openUdpPort(LOOPBACK, 0, (_bytes, length, from) => {
      if (!favoured) {
        favoured = true;
        server.favour(from);
        return all.resolve();
      }
      if (length === 2) fromStranger++;
      else if (++fromPhone === 100) {
        strangersBefore = fromStranger;
        all.resolve();
      }
    });
    try {
      const to = new SocketAddress(LOOPBACK, server.port);
      connectUdp(phone, to);
      sendUdp(phone, new Uint8Array(1));
      await all.promise;
      Object.assign(all, Promise.withResolvers<void>());
      // More than any receive buffer takes, and only then the phone's: nothing is read in between.
      for (let n = 0; n < 5_000; n++) sendUdp(stranger, new Uint8Array(2), to);
      for (let n = 0; n < 100; n++) sendUdp(phone, new Uint8Array(1));
      await within(all.promise, 5_000, () => `the phone's datagrams (${fromPhone})`);
      assert.equal(fromPhone, 100);
      assert.ok(strangersBefore <= 320, `${strangersBefore} of strangers were read before`);
    } finally {
      await server.close();
      close(phone);
      close(stranger);
    }
  },
});
