/**
 * The contract of `lib/serial/port.ts` as tests, run against every implementation: the echo port, a
 * terminal, and a port across the network.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LostError } from "../../lib/errors.ts";
import type { SerialPort } from "../../lib/serial/port.ts";

/** A port under test, wired to an echo. */
export interface SerialSubject extends AsyncDisposable {
  /** The port: what is written to it comes back. */
  port: SerialPort;
}

/** What the suite needs to know. */
export interface SerialSubjectOptions<S extends SerialSubject> {
  /** Stands in front of each test's name. */
  name: string;
  /** Skips everything. */
  ignore?: boolean;
  /** Makes one. */
  setUp(): Promise<S>;
  /** Whether there are modem lines, RTS wired to CTS and DTR to DSR. */
  hasLines: boolean;
  /** Unplugs it; absent where a port waits for its return instead. */
  unplug?: (subject: S) => void | Promise<void>;
}

/** Reads so many bytes. */
export async function readBytes(port: SerialPort, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  let filled = 0;
  while (filled < count) {
    const chunk = await port.read();
    assert.ok(chunk.length > 0, "a read gives at least a byte");
    bytes.set(chunk.subarray(0, count - filled), filled);
    filled += chunk.length;
  }
  assert.equal(filled, count, "nothing comes beyond what was sent");
  return bytes;
}

/** Registers the suite. */
export function testSerialPort<S extends SerialSubject>(options: SerialSubjectOptions<S>): void {
  const test = (name: string, body: (subject: S) => Promise<void>) =>
    Deno.test({
      name: `${options.name}: ${name}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using subject = await options.setUp();
        await body(subject);
      },
    });

  test("what is written comes back, every byte value, in order", async ({ port }) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    await port.write(bytes);
    assert.deepEqual(await readBytes(port, 256), bytes);
  });

  test("a megabyte passes whole, written while it is read", async ({ port }) => {
    const bytes = new Uint8Array(1 << 20).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
    const writing = (async () => {
      for (let at = 0; at < bytes.length; at += 5_000) {
        await port.write(bytes.subarray(at, at + 5_000));
      }
    })();
    const received = await readBytes(port, bytes.length);
    await writing;
    assert.ok(received.every((byte, i) => byte === bytes[i]));
  });

  test("a write may reuse its buffer afterwards", async ({ port }) => {
    const bytes = Uint8Array.of(1, 2, 3);
    await port.write(bytes);
    bytes.fill(9);
    assert.deepEqual([...await readBytes(port, 3)], [1, 2, 3]);
  });

  test("any rate is taken, and told", async ({ port }) => {
    const taken = await port.configure({ baudRate: 1_234_567 });
    assert.equal(taken.baudRate, 1_234_567);
    assert.equal(port.format.baudRate, 1_234_567);
    assert.equal((await port.configure({ xonxoff: true })).baudRate, 1_234_567);
    assert.equal(port.format.xonxoff, true);
  });

  test("drain ends when all is sent, and flush drops what came", async ({ port }) => {
    await port.write(Uint8Array.of(1));
    await port.drain();
    await readBytes(port, 1);
    await port.flush("both");
    await port.write(Uint8Array.of(2));
    assert.deepEqual([...await readBytes(port, 1)], [2]);
  });

  test("closing ends a pending read as canceled, and later calls", async ({ port }) => {
    const pending = assert.rejects(port.read(), { name: "AbortError" });
    await port.close();
    await pending;
    await assert.rejects(async () => await port.read(), { name: "AbortError" });
    await assert.rejects(async () => await port.write(Uint8Array.of(1)), { name: "AbortError" });
    await port.close();
  });

  if (options.hasLines) {
    test("lines are set together and seen at the other side", async ({ port }) => {
      await port.setLines({ dtr: false, rts: true });
      let lines = (await port.lines())!;
      assert.deepEqual([lines.dtr, lines.rts, lines.cts, lines.dsr], [false, true, true, false]);
      await port.setLines({ rts: false });
      lines = (await port.lines())!;
      assert.deepEqual([lines.dtr, lines.rts, lines.cts, lines.dsr], [false, false, false, false]);
    });
  } else {
    test("lines that aren't there are undefined, and not to be set", async ({ port }) => {
      assert.equal(await port.lines(), undefined);
      await assert.rejects(async () => await port.setLines({ dtr: true }), {
        name: "UnsupportedError",
      });
    });
  }

  if (options.unplug !== undefined) {
    const { unplug } = options;
    test("an unplugged port ends a pending read as lost, and later calls", async (subject) => {
      const { port } = subject;
      const pending = assert.rejects(port.read(), LostError);
      await unplug(subject);
      await pending;
      await assert.rejects(async () => await port.read(), LostError);
      await assert.rejects(async () => await port.write(Uint8Array.of(1)), LostError);
    });
  }
}
