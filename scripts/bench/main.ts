/**
 * `deno task bench NAME [OPTIONS]`: runs one of the benchmarks of this folder.
 */
const BENCHES: Readonly<Record<string, string>> = {
  camera: "the camera's way over loopback iroh: latency, loss, CPU, start-up, MJPEG throughput",
  can: "CAN frames a second between two processes, and how much later they arrive",
  encode: "milliseconds a picture of each encoder",
  moqt: "MoQT objects between two processes and through relays, beside aiomoqt: rate, CPU, latency",
  moqt_codec: "MoQT objects a second through the codecs and through sessions in memory",
  serial: "a serial line's round trips and throughput, beside ser2net and socat",
  ustreamer: "a camera's own JPEGs over HTTP, beside ustreamer, in the lab: latency, CPU, loss",
  pose: "a phone's datagram in, to its line out: quiet, and under a flood",
  transport: "QUIC: round trips, throughput, new streams",
};

const [name = "", ...rest] = Deno.args;
if (!Object.hasOwn(BENCHES, name)) {
  console.error("usage: deno task bench NAME [--json]\n");
  for (const [bench, what] of Object.entries(BENCHES)) {
    console.error(`  ${bench.padEnd(12)}${what}`);
  }
  Deno.exit(2);
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", new URL(`${name}.ts`, import.meta.url).pathname, ...rest],
}).spawn().status;
Deno.exit(code);
