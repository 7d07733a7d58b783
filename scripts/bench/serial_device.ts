/**
 * The device at the far end of a benchmark's serial line: a pseudo-terminal with nothing but system
 * calls behind it. Its job: `{"mode": "echo" | "source" | "sink", "bytes": N}`. Says `{"path"}`, then,
 * when so many bytes have passed, `{"seconds"}`.
 */
import { check, ioctl, OPEN, open, read, write } from "../../ffi/libc.ts";
import { termios } from "../../ffi/termios.ts";
import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import { PTY } from "../../ffi/termios_layout.ts";

/** What the device does. */
export interface DeviceJob {
  /** Echo, send as fast as it goes, or swallow. */
  mode: "echo" | "source" | "sink";
  /** Bytes to send or swallow. */
  bytes: number;
}

if (import.meta.main) {
  const { mode, bytes } = JSON.parse(Deno.args[0] ?? "{}") as DeviceJob;
  // Blocking, unlike the program's own descriptors: the least there can be between two wires.
  const fd = check(open("/dev/ptmx", OPEN.O_RDWR | OPEN.O_NOCTTY), "open", "/dev/ptmx");
  const word = new Uint8Array(4);
  check(ioctl(fd, PTY.TIOCSPTLCK, word), "TIOCSPTLCK");
  check(ioctl(fd, PTY.TIOCGPTN, word), "TIOCGPTN");
  const path = `/dev/pts/${new DataView(word.buffer).getInt32(0, true)}`;
  termios.setFormat(fd, DEFAULT_FORMAT, undefined);
  // Kept open, so that nobody's closing ends it.
  check(open(path, OPEN.O_RDWR | OPEN.O_NOCTTY | OPEN.O_NONBLOCK), "open", path);
  console.log(JSON.stringify({ path }));
  const buffer = new Uint8Array(65_536);
  if (mode === "echo") {
    for (;;) {
      const count = read(fd, buffer);
      for (let done = 0; done < count;) {
        done += Math.max(0, write(fd, buffer.subarray(done, count)));
      }
    }
  }
  // The first byte from the other side says go.
  let passed = mode === "sink" ? check(read(fd, buffer), "read") : 0;
  if (mode === "source") check(read(fd, buffer), "read");
  const start = performance.now();
  while (passed < bytes) {
    passed += mode === "sink"
      ? check(read(fd, buffer), "read")
      : check(write(fd, buffer.subarray(0, Math.min(buffer.length, bytes - passed))), "write");
  }
  console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000 }));
  for (;;) read(fd, buffer);
}
