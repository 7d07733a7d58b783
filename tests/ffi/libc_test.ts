import assert from "node:assert/strict";
import { FfiError } from "../../ffi/errors.ts";
import * as libc from "../../ffi/libc.ts";

const ignore = Deno.build.os !== "linux" && Deno.build.os !== "darwin";
const test = (name: string, fn: () => void | Promise<void>) => Deno.test({ name, ignore, fn });

test("a failing call answers the negated errno, and check() turns it into an error", () => {
  const result = libc.open("/no/such/file", libc.OPEN.O_RDONLY);
  assert.equal(result, -libc.ERRNO.ENOENT);
  assert.throws(
    () => libc.check(result, "open", "/no/such/file"),
    (error: unknown) =>
      error instanceof FfiError && error.code === libc.ERRNO.ENOENT &&
      error.operation === "open" && error.message.includes("/no/such/file"),
  );
});

test("a file is created, written, read and mapped", async () => {
  const path = await Deno.makeTempFile();
  try {
    const fd = libc.check(libc.open(path, libc.OPEN.O_RDWR), "open");
    const bytes = new TextEncoder().encode("forty-two");
    assert.equal(libc.write(fd, bytes), 9);
    assert.equal(libc.read(fd, new Uint8Array(4)), 0);
    const mapping = libc.mmap(fd, 9, 0, "read-write");
    assert.ok(typeof mapping !== "number");
    assert.deepEqual(mapping.memory, bytes);
    mapping.memory[0] = 0x46;
    assert.equal(libc.munmap(mapping), 0);
    assert.equal(libc.close(fd), 0);
    assert.equal(await Deno.readTextFile(path), "Forty-two");
    assert.equal(libc.close(fd), -libc.ERRNO.EBADF);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test({
  name: "a detached mapping keeps its bytes and lets the file go",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, "before");
    const fd = libc.check(libc.open(path, libc.OPEN.O_RDWR), "open");
    const mapping = libc.mmap(fd, 6, 0, "read-write");
    assert.ok(typeof mapping !== "number");
    const mapped = () => Deno.readTextFileSync("/proc/self/maps").includes(path);
    assert.ok(mapped());
    assert.equal(libc.detachMapping(mapping), 0);
    assert.ok(!mapped());
    await Deno.writeTextFile(path, "after!");
    assert.equal(new TextDecoder().decode(mapping.memory), "before");
    libc.munmap(mapping);
    libc.close(fd);
    await Deno.remove(path);
  },
});

test("mapping what can't be mapped answers the negated errno", () => {
  assert.equal(libc.mmap(-1, 4096, 0, "read"), -libc.ERRNO.EBADF);
});

test("an ioctl that the descriptor doesn't know is ENOTTY", () => {
  const fd = libc.check(libc.open("/dev/null", libc.OPEN.O_RDONLY), "open");
  try {
    assert.equal(libc.ioctl(fd, 0x5401, new Uint8Array(64)), -libc.ERRNO.ENOTTY);
  } finally {
    libc.close(fd);
  }
});

test("the monotonic clock runs at the pace of performance.now()", () => {
  const [clock, now] = [libc.monotonicMicros(), performance.now()];
  while (performance.now() < now + 5);
  const passed = libc.monotonicMicros() - clock;
  assert.ok(passed >= 4_900 && passed < 1e6, `${passed} µs for 5 ms`);
});

test("a path that holds a NUL is the caller's mistake", () => {
  assert.throws(() => libc.open("a\0b", libc.OPEN.O_RDONLY), TypeError);
});
