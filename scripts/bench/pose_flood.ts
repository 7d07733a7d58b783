/**
 * `pose_flood.ts PORT RATE SECONDS`: malformed datagrams from 127.0.0.3, for `pose.ts`. Bounded: ends by
 * itself. Prints how many were sent.
 *
 * @module
 */
import { close } from "../../ffi/libc.ts";
import { openUdp, sendUdp, SocketAddress } from "../../ffi/udp.ts";

const [port = 0, rate = 0, seconds = 0] = Deno.args.map(Number);
const to = new SocketAddress("127.0.0.1", port);
const fd = openUdp(new SocketAddress("127.0.0.3"));
const began = performance.now();
let sent = 0;
while (performance.now() - began < Math.min(seconds, 10) * 1000) {
  const due = (performance.now() - began) / 1000 * rate;
  for (; sent < due; sent++) {
    // Half of them begin like a pose's.
    const bytes = crypto.getRandomValues(new Uint8Array(44));
    if (sent % 2 === 0) bytes.set([0x54, 0x45, 0x4c, 0x45, 3, 1]);
    sendUdp(fd, bytes, to);
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
}
close(fd);
console.log(sent);
