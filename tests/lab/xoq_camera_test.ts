import assert from "node:assert/strict";
import { accessUnits, ffprobe } from "../support/ffmpeg.ts";
import { type Xoq, xoq } from "../support/xoq.ts";
import { feedJpegs } from "./feed.ts";
import { inLab, platformDevice } from "./support.ts";

const FED = "/dev/video22";
/** Everything is some ten times slower here. */
const PATIENCE = { timeoutMs: 120_000 };
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !inLab, fn });

interface Viewer extends AsyncDisposable {
  command: Xoq;
  /** Interrupts it and answers what it wrote. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
  /** Waits until it has received so many pictures. */
  received(count: number): Promise<number>;
}

function view(ticket: string, format: string): Viewer {
  const command = xoq(["open", ticket, `--stdout=${format}`, "--json"], { data: true });
  const reading = new Response(command.stdout).arrayBuffer();
  return {
    command,
    async finish() {
      command.signal("SIGINT");
      await command.exit(PATIENCE.timeoutMs);
      return new Uint8Array(await reading);
    },
    async received(count) {
      const { received } = await command.until("stats", {
        where: ({ received }) => Number(received) >= count,
        ...PATIENCE,
      });
      return Number(received);
    },
    [Symbol.asyncDispose]: () => command[Symbol.asyncDispose](),
  };
}

test("vivid's pictures arrive as H.264 that ffprobe decodes, across an unplugging", async () => {
  const vivid = platformDevice("vivid", "vivid.0");
  const size = ["--width", "320", "--height", "180", "--fps", "5"];
  await using server = xoq(["camera", "/dev/video0", "--h264", ...size, "--json"]);
  const { ticket } = await server.until("ready", PATIENCE);
  await using viewer = view(String(ticket), "h264");
  const before = await viewer.received(10);

  await vivid.remove();
  try {
    await server.until("lost", PATIENCE);
  } finally {
    await vivid.restore();
  }
  await server.until("back", PATIENCE);
  const pictures = await viewer.received(before + 10);

  const file = await Deno.makeTempFile({ suffix: ".h264" });
  try {
    await Deno.writeFile(file, await viewer.finish());
    const probe = await ffprobe(file);
    assert.equal(probe.codec, "h264");
    assert.deepEqual([probe.width, probe.height], [320, 180]);
    assert.ok(probe.frames >= pictures, `${probe.frames} of ${pictures} pictures decode`);
    assert.equal(probe.errors, "");
  } finally {
    await Deno.remove(file);
  }
});

test("a camera's JPEGs arrive bit by bit as they were fed", async () => {
  await using fed = await feedJpegs(FED);
  await using server = xoq(["camera", FED, "--jpeg", "--json"]);
  const { ticket } = await server.until("ready", PATIENCE);
  await using viewer = view(String(ticket), "jpeg");
  await viewer.received(30);
  const pictures = accessUnits("jpeg", await viewer.finish());
  assert.ok(pictures.length >= 30);
  // The module forgets its buffers' lengths when a reader comes: the first ones are its own affair.
  const exact = pictures.slice(8).filter((each) => fed.pictures.includes(each.toBase64()));
  assert.equal(exact.length, pictures.length - 8);
});
