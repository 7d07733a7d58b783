import assert from "node:assert/strict";
import { BusyError, NotFoundError, UnsupportedError, XoqError } from "../../lib/errors.ts";
import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import { openError } from "../../lib/serial/tty_errors.ts";
import { openTty } from "../../lib/serial/tty_port.ts";
import { hasPty, PtyDevice } from "../support/pty_echo.ts";

const ignore = Deno.build.os !== "linux";
const open = { format: { ...DEFAULT_FORMAT }, exclusive: true };

Deno.test({
  name: "a port that isn't there is not found; a file is no serial port",
  ignore,
  fn: async () => {
    assert.throws(() => openTty("/dev/ttyNONE0", open), NotFoundError);
    const file = await Deno.makeTempFile();
    assert.throws(() => openTty(file, open), (error) => error instanceof XoqError);
    await Deno.remove(file);
    assert.throws(() => openTty("/dev/null", open), (error) => error instanceof XoqError);
  },
});

Deno.test({
  name: "a port that is open exclusively is busy for the next",
  ignore: !hasPty(),
  fn: async () => {
    await using device = new PtyDevice();
    await using _first = openTty(device.path, open);
    assert.throws(() => openTty(device.path, open), BusyError);
    await using _shared = openTty(device.path, { ...open, exclusive: false });
  },
});

Deno.test("every errno of an opening says what to do, or that it is no port", () => {
  assert.match(openError("/dev/x", 13).hint ?? "", /dialout/);
  assert.equal(openError("/dev/x", 13).code, "denied");
  assert.equal(openError("/dev/x", 16).code, "busy");
  assert.equal(openError("/dev/x", 2).code, "not-found");
  assert.ok(openError("/dev/x", 25) instanceof UnsupportedError);
  assert.equal(openError("/dev/x", 24).code, "failed");
});
