import assert from "node:assert/strict";
import { close, ERRNO, ioctl, OPEN, open, POLL, read, write } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";
import { PtyMaster } from "../../ffi/pty.ts";
import { termios2, TTY } from "../../ffi/termios_layout.ts";
import { type LineFormat, termios } from "../../ffi/termios.ts";
import { runAhead } from "../../ffi/termios_timing.ts";

const ignore = Deno.build.os !== "linux";
const test = (name: string, fn: () => void | Promise<void>) => Deno.test({ name, ignore, fn });
const FORMAT: LineFormat = {
  baudRate: 115_200,
  dataBits: 8,
  parity: "none",
  stopBits: 1,
  rtscts: false,
  xonxoff: false,
};

/** A pair: the master, and the other end opened as a program does. */
function pair() {
  const master = new PtyMaster();
  const fd = open(master.path, OPEN.O_RDWR | OPEN.O_NOCTTY | OPEN.O_NONBLOCK);
  assert.ok(fd >= 0);
  assert.equal(master.opened(), true);
  master.read();
  master.takeEvents();
  return {
    master,
    fd,
    [Symbol.dispose]: () => {
      close(fd);
      master.close();
    },
  };
}

test("any rate, stop bits and flow control are set and read back", () => {
  using ends = pair();
  for (const baudRate of [1, 50, 9_600, 57_601, 1_000_000, 4_000_000]) {
    const wish = { ...FORMAT, baudRate, stopBits: 2, rtscts: true, xonxoff: true } as const;
    assert.deepEqual(termios.setFormat(ends.fd, wish, undefined), wish);
    assert.deepEqual(termios.format(ends.master.fd), wish, "the master sees it");
  }
});

test("the master is told of each change of settings, and by programs that clear all flags, too", () => {
  using ends = pair();
  termios.setFormat(ends.fd, { ...FORMAT, baudRate: 300 }, undefined);
  assert.equal(ends.master.read(), undefined);
  assert.deepEqual(ends.master.takeEvents()?.settings, true);
  assert.equal(ends.master.takeEvents(), undefined);
  const attributes = new Uint8Array(termios2.size);
  ioctl(ends.fd, TTY.TCGETS2, attributes);
  new DataView(attributes.buffer).setUint32(termios2.c_lflag, 0, true);
  ioctl(ends.fd, TTY.TCSETS2, attributes);
  ends.master.read();
  assert.equal(ends.master.takeEvents()?.settings, true, "of the clearing itself");
  ends.master.watchSettings();
  ends.master.read();
  ends.master.takeEvents();
  termios.setFormat(ends.fd, { ...FORMAT, baudRate: 600 }, undefined);
  ends.master.read();
  assert.equal(ends.master.takeEvents()?.settings, true, "and of what comes after");
});

test("a raw terminal changes no byte", () => {
  using ends = pair();
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.equal(write(ends.fd, every), 256);
  assert.deepEqual(Uint8Array.from(ends.master.read() as Uint8Array), every);
  assert.equal(write(ends.master.fd, every), 256);
  const back = new Uint8Array(300);
  assert.equal(read(ends.fd, back), 256);
  assert.deepEqual(back.subarray(0, 256), every);
});

test("flushing is told, and what was not read is dropped", () => {
  using ends = pair();
  write(ends.master.fd, Uint8Array.of(1, 2, 3));
  assert.equal(termios.flush(ends.fd, "input"), 0);
  ends.master.read();
  assert.equal(ends.master.takeEvents()?.flushedInput, true);
  assert.equal(read(ends.fd, new Uint8Array(8)), -ERRNO.EAGAIN);
});

test("the master knows whether somebody has the other end open, by an event", async () => {
  const master = new PtyMaster();
  const poller = new Poller();
  assert.equal(master.opened(), false);
  assert.equal(master.read(), "closed");
  const opening = poller.wait(master.openings, POLL.POLLIN);
  const fd = open(master.path, OPEN.O_RDWR | OPEN.O_NOCTTY);
  assert.equal(await opening & POLL.POLLIN, POLL.POLLIN);
  assert.equal(master.opened(), true);
  write(fd, Uint8Array.of(9));
  write(master.fd, Uint8Array.of(8));
  close(fd);
  assert.deepEqual([...master.read() as Uint8Array], [9], "the last words are read");
  assert.equal(master.read(), "closed");
  master.forget();
  const again = open(master.path, OPEN.O_RDWR | OPEN.O_NOCTTY | OPEN.O_NONBLOCK);
  assert.equal(read(again, new Uint8Array(1)), -ERRNO.EAGAIN, "what was not read is forgotten");
  close(again);
  master.close();
  master.close();
});

test("a pseudo-terminal has no modem lines and no counters, and says so", () => {
  using ends = pair();
  assert.equal(termios.lines(ends.fd), undefined);
  assert.equal(termios.counters(ends.fd), undefined);
  assert.ok(termios.setLines(ends.fd, { dtr: true }) < 0);
  assert.ok(termios.setLowLatency(ends.fd) < 0);
  assert.equal(termios.outputQueue(ends.fd), 0);
});

test("an exclusive terminal is refused to a second lock", () => {
  using ends = pair();
  assert.equal(termios.setExclusive(ends.fd), 0);
  const second = open(ends.master.path, OPEN.O_RDWR | OPEN.O_NOCTTY | OPEN.O_NONBLOCK);
  // Root may open it all the same; the lock tells.
  if (second >= 0) {
    assert.equal(termios.setExclusive(second), -ERRNO.EAGAIN);
    close(second);
  } else assert.equal(second, -ERRNO.EBUSY);
});

test("draining ends when all is sent", async () => {
  using ends = pair();
  write(ends.fd, Uint8Array.of(1));
  await termios.drain(ends.fd);
  ends.master.read();
});

test("running ahead is undone, where it is allowed and where it isn't", () => {
  // proc(5): the policy is the 41st field, the third is the first behind the name.
  const policy = () => {
    const stat = Deno.readTextFileSync("/proc/thread-self/stat");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[38]);
  };
  const before = policy();
  {
    using ahead = runAhead();
    assert.equal(policy() !== before, ahead.allowed);
  }
  assert.equal(policy(), before);
});
