/** XoQ's own camera client (PyPI `xoq-opencv`), which knows an endpoint id and nothing else. */
import assert from "node:assert/strict";
import { readPattern } from "../../lib/camera/pattern_code.ts";
import { noPrivateNetwork, PrivateNetwork } from "../support/private_network.ts";
import { missingPython, python } from "../support/python.ts";
import { requires } from "../support/requires.ts";
import { camera, SIZE } from "../support/served_camera.ts";

/** Reads pictures and writes their luma. */
const CLIENT = `
import sys, numpy, xoq_cv2
capture = xoq_cv2.VideoCapture(sys.argv[1])
assert capture.isOpened()
for _ in range(int(sys.argv[2])):
    ok, picture = capture.read()
    assert ok, "read() failed"
    grey = picture @ numpy.array([0.114, 0.587, 0.299])
    sys.stdout.buffer.write(grey.round().astype(numpy.uint8).tobytes())
`;

const missing = [noPrivateNetwork, await missingPython("xoq_cv2", "numpy")];
const PICTURES = 20;

// Of this wheel's builds only those with NVENC decode H.264.
const name = "XoQ's camera client finds a camera by its id and reads its pictures";
Deno.test({ name, ...requires(...missing) }, async () => {
  await using network = await PrivateNetwork.start();
  const { prefix } = network;
  await using server = await camera(["--jpeg", "--public"], { prefix });
  await network.serveNames({ [server.id]: server.address });
  const [program = "", ...args] = [...prefix, "timeout", "40", python, "-c", CLIENT];
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, server.id, String(PICTURES)],
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const size = SIZE.width * SIZE.height;
  assert.equal(stdout.length, PICTURES * size);
  let before = -1;
  for (let at = 0; at < stdout.length; at += size) {
    const picture = stdout.subarray(at, at + size);
    const reading = readPattern(picture, SIZE.width, SIZE.height, SIZE.width);
    assert(reading !== undefined, `picture ${at / size} is readable`);
    assert(reading.sequence > before, "pictures are in order, none twice");
    before = reading.sequence;
  }
});
