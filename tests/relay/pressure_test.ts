import assert from "node:assert/strict";
import { Pressure, type PressureReceiver } from "../../lib/relay/live/pressure.ts";

const MB = 1 << 20;

/** Somebody who is sent something. */
class Receiver implements PressureReceiver {
  forwards = true;
  maxPendingBytes = 8 * MB;
  constructor(public pendingBytes = 0) {}
}

/** A gate whose time is told. */
class Stage {
  readonly pressure = new Pressure();
  readonly receivers: Receiver[];
  #now = performance.now();
  isShared = false;

  constructor(...pending: number[]) {
    this.receivers = pending.map((bytes) => new Receiver(bytes));
    for (const receiver of this.receivers) this.pressure.joined(receiver);
  }

  /** Whether the next piece has to wait. */
  get holds(): boolean {
    return this.pressure.wait() !== undefined;
  }

  /** Somebody takes something, so that `left` bytes wait. */
  takes(index: number, left: number): void {
    this.receivers[index]!.pendingBytes = left;
    this.pressure.sent(this.receivers[index]!);
  }

  /** So many milliseconds pass. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) {
      this.#now += 100;
      this.pressure.tick(this.#now, () => this.isShared);
    }
  }

  get heldMs(): number {
    return this.pressure.heldMs(this.#now);
  }
}

Deno.test("a publisher goes on while one subscriber keeps pace, or nobody is sent anything", () => {
  assert.equal(new Stage(4 * MB, 0).holds, false);
  assert.equal(new Stage().holds, false);
  const stage = new Stage(2 * MB);
  stage.receivers[0]!.forwards = false;
  assert.equal(stage.holds, false);
});

Deno.test("it waits while all are behind, until the fastest has caught up", async () => {
  const stage = new Stage(MB, 2 * MB);
  const wait = stage.pressure.wait();
  assert.ok(wait !== undefined);
  stage.takes(0, MB - 1);
  assert.equal(stage.holds, true);
  stage.takes(0, MB / 2);
  await wait;
  assert.equal(stage.holds, false);
});

Deno.test("it waits for seconds where nobody takes anything, and then until somebody does", () => {
  const stage = new Stage(MB);
  assert.ok(stage.holds);
  stage.pass(4_500);
  assert.ok(stage.holds);
  assert.ok(stage.heldMs > 4_000);
  stage.pass(1_000);
  assert.equal(stage.holds, false);
  const before = stage.heldMs;
  stage.pass(1_000);
  assert.equal(stage.heldMs, before);
  stage.takes(0, MB);
  assert.ok(stage.holds);
});

Deno.test("it waits shortly where the publisher has something for others", () => {
  const stage = new Stage(MB);
  stage.isShared = true;
  assert.ok(stage.holds);
  stage.pass(400);
  assert.ok(stage.holds);
  stage.pass(300);
  assert.equal(stage.holds, false);
});

Deno.test("one that falls behind others is waited for, where they were all behind before", () => {
  const stage = new Stage(MB, MB, MB);
  assert.ok(stage.holds);
  stage.pass(100);
  stage.takes(0, 0);
  stage.takes(1, 0);
  stage.receivers[2]!.pendingBytes = 6 * MB;
  assert.ok(stage.holds);
  stage.takes(0, 0);
  assert.ok(stage.holds, "the fastest does not open the gate");
  assert.equal(stage.pressure.boundOf(stage.receivers[2]!), 16 * MB);
  stage.takes(2, 4 * MB);
  assert.equal(stage.holds, true);
  stage.takes(2, 2 * MB);
  assert.equal(stage.holds, false);
});

Deno.test("one that stands still is waited for once", () => {
  const stage = new Stage(MB, MB);
  assert.ok(stage.holds);
  stage.pass(100);
  stage.takes(0, 0);
  stage.receivers[1]!.pendingBytes = 6 * MB;
  assert.ok(stage.holds);
  stage.pass(800);
  assert.ok(stage.holds);
  stage.pass(500);
  assert.equal(stage.holds, false);
  stage.pass(10_000);
  stage.receivers[0]!.pendingBytes = MB;
  assert.ok(stage.holds);
  stage.takes(0, 0);
  assert.equal(stage.holds, false, "it is slow until it has caught up");
  stage.receivers[1]!.pendingBytes = 0;
  stage.pass(3_000);
  stage.receivers[1]!.pendingBytes = 6 * MB;
  stage.receivers[0]!.pendingBytes = MB;
  assert.ok(stage.holds);
  stage.takes(0, 0);
  assert.ok(stage.holds, "it has caught up, and is waited for again");
});

Deno.test("a paced publisher does not wait for one of many", () => {
  const stage = new Stage(0, 7 * MB);
  assert.equal(stage.holds, false);
});

Deno.test("one that falls behind a file's speed is waited for, though others keep pace", () => {
  const stage = new Stage(0, 5 * MB);
  assert.equal(stage.pressure.wait(4 * MB), undefined);
  assert.ok(stage.pressure.wait(4 * MB) !== undefined);
});

Deno.test("nobody waits for who has left", () => {
  const stage = new Stage(MB, MB);
  assert.ok(stage.holds);
  stage.takes(0, 0);
  stage.receivers[1]!.pendingBytes = 6 * MB;
  assert.ok(stage.holds);
  stage.pressure.left(stage.receivers.pop()!);
  assert.equal(stage.holds, false);
});
