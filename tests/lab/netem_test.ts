/** A camera over a bad network. */
import assert from "node:assert/strict";
import { readPictures } from "../support/pattern.ts";
import { camera, receive, SIZE } from "../support/served_camera.ts";
import { SERVER, VIEWER, wire } from "./bad_wire.ts";
import { inLab } from "./support.ts";

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
