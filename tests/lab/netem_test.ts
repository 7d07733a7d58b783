/** A camera over a bad network: two namespaces, a wire between them that delays and loses. */
import assert from "node:assert/strict";
import { readPictures } from "../support/pattern.ts";
import { camera, receive, SIZE } from "../support/served_camera.ts";
import { command, inLab } from "./support.ts";

const SERVER = "10.9.0.1";
const VIEWER = "10.9.0.2";

/** The wire, with its two ends in the namespaces `bad-a` and `bad-b`. */
async function wire(netem: string): Promise<AsyncDisposable> {
  for (const module of ["veth", "sch_netem"]) {
    await command("modprobe", "-d", Deno.env.get("XOQ_LAB_MODULES") ?? "/", module);
  }
  for (const name of ["bad-a", "bad-b"]) await command("ip", "netns", "add", name);
  const wire: AsyncDisposable = {
    async [Symbol.asyncDispose]() {
      for (const name of ["bad-a", "bad-b"]) await command("ip", "netns", "delete", name);
    },
  };
  try {
    const ends = ["netns", "bad-a", "type", "veth", "peer", "name", "wire", "netns", "bad-b"];
    await command("ip", "link", "add", "wire", ...ends);
    for (const [name, address] of [["bad-a", SERVER], ["bad-b", VIEWER]] as const) {
      await command("ip", "-n", name, "link", "set", "lo", "up");
      await command("ip", "-n", name, "address", "add", `${address}/24`, "dev", "wire");
      await command("ip", "-n", name, "link", "set", "wire", "up");
      const discipline = ["qdisc", "add", "dev", "wire", "root", "netem", ...netem.split(" ")];
      await command("tc", "-n", name, ...discipline);
    }
    return wire;
  } catch (error) {
    await wire[Symbol.asyncDispose]();
    throw error;
  }
}

for (const loss of [1, 5]) {
  const name = `a camera stays live and whole with ${loss} % loss and 100 ms of delay`;
  Deno.test({ name, ignore: !inLab }, async () => {
    await using _ = await wire(`delay 50ms loss ${loss}%`);
    await using server = await camera(["--h264", "--fps", "10"], {
      prefix: ["ip", "netns", "exec", "bad-a"],
      env: { XOQ_BIND: SERVER },
    });
    const { bytes, pictures, viewer } = await receive(server.ticket, "h264", 60, {
      prefix: ["ip", "netns", "exec", "bad-b"],
      env: { XOQ_BIND: VIEWER },
    });
    const read = await readPictures(bytes, SIZE, "h264");
    assert(read.length >= pictures * 0.8, `${read.length} of ${pictures} pictures decode`);
    read.reduce((before, { sequence }) => {
      assert(sequence > before, `picture ${sequence} comes after ${before}`);
      return sequence;
    }, -1);
    const span = (read.at(-1)?.sequence ?? 0) - (read[0]?.sequence ?? 0) + 1;
    assert(read.length / span > 0.4, `${read.length} of ${span} pictures came in time`);
    assert.equal(viewer.events.filter(({ event }) => event === "lost").length, 0);
    const roundTrip = viewer.events.findLast(({ event }) => event === "stats")?.["rtt_ms"];
    assert(Number(roundTrip) >= 95, `${roundTrip} ms of round trip over the wire`);
  });
}
