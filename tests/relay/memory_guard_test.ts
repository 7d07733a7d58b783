import assert from "node:assert/strict";
import { MemoryGuard } from "../../lib/relay/memory_guard.ts";
import { source, Stage, take, TRACK, until, utf8 } from "./support.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";

const MB = 1 << 20;
const LIMIT = 200 * MB;

/** A process whose memory is told. */
class Process {
  bytes = 80 * MB;
  reliefs = 0;
  /** What it is after it was relieved; undefined: as before. */
  relieved: number | undefined;
  resident(): number {
    return this.bytes;
  }
  relieve(): void {
    this.reliefs++;
    this.bytes = this.relieved ?? this.bytes;
  }
}

function guarded() {
  const process = new Process();
  const shrunk: number[] = [];
  const guard = new MemoryGuard({
    limitBytes: LIMIT,
    gauge: process,
    shrink: (bytes) => shrunk.push(bytes),
  });
  return { process, guard, shrunk };
}

Deno.test("a process that is large is relieved, and again only when it has grown", () => {
  const { process, guard, shrunk } = guarded();
  guard.look(0);
  assert.equal(process.reliefs, 0);
  process.bytes = 165 * MB;
  process.relieved = 155 * MB;
  guard.look(100);
  assert.equal(process.reliefs, 1);
  process.bytes = 160 * MB;
  guard.look(200);
  assert.equal(process.reliefs, 1);
  process.bytes = 164 * MB;
  guard.look(300);
  assert.equal(process.reliefs, 2);
  assert.deepEqual(shrunk, []);
  assert.deepEqual(guard.counters, {
    memoryBytes: 155 * MB,
    memoryReliefs: 2,
    memoryHolds: 0,
  });
});

Deno.test("where relief does not help, groups get less room, and have it back later", () => {
  const { process, guard, shrunk } = guarded();
  process.bytes = 185 * MB;
  guard.look(0);
  assert.deepEqual(shrunk, [10 * MB]);
  guard.look(100);
  assert.deepEqual(shrunk, [10 * MB, 20 * MB]);
  process.bytes = 100 * MB;
  for (let i = 0; i < 30; i++) guard.look(200 + 100 * i);
  assert.equal(shrunk.at(-1), 0);
});

Deno.test("publishers wait when nothing else helps, until it does, but not for ever", async () => {
  const { process, guard } = guarded();
  process.bytes = 195 * MB;
  guard.look(0);
  const wait = guard.came(1);
  assert.ok(wait !== undefined);
  process.bytes = 150 * MB;
  guard.look(100);
  await wait;
  assert.equal(guard.came(1), undefined);
  process.bytes = 195 * MB;
  guard.look(200);
  assert.ok(guard.came(1) !== undefined);
  guard.look(1_300);
  assert.equal(guard.came(1), undefined);
  guard.look(1_400);
  assert.equal(guard.came(1), undefined);
  guard.look(1_600);
  assert.ok(guard.came(1) !== undefined);
  assert.equal(guard.counters.memoryHolds, 3);
  guard.open();
  assert.equal(guard.came(1), undefined);
});

Deno.test("the process is looked at by what comes, too", () => {
  const { process, guard } = guarded();
  process.bytes = 195 * MB;
  assert.equal(guard.came(3 * MB), undefined);
  assert.ok(guard.came(MB) !== undefined);
});

Deno.test("a process that was large from the beginning may still grow", () => {
  const process = new Process();
  process.bytes = 300 * MB;
  const guard = new MemoryGuard({ limitBytes: LIMIT, gauge: process, shrink: () => {} });
  process.bytes = 330 * MB;
  guard.look(0);
  assert.equal(guard.came(1), undefined);
});

Deno.test("a relay whose process is too large lets publishers wait, and goes on", async () => {
  const process = new Process();
  await using stage = new Stage({ memory: { limitBytes: LIMIT, gauge: process } });
  const track = source();
  const [version] = VERSIONS;
  await stage.publisher(version!, new Map([[TRACK, track]]));
  const subscription = (await stage.come(version!)).subscribe(TRACK);
  await subscription.ready;
  const all = take(subscription, 3);
  process.bytes = 199 * MB;
  await until(() => stage.relay.stats.memoryHolds === 1);
  track.startGroup();
  track.write({ payload: utf8("a") });
  await until(() => stage.relay.stats.objectsIn === 1);
  track.write({ payload: utf8("b") });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(stage.relay.stats.objectsIn, 1);
  process.bytes = 100 * MB;
  track.write({ payload: utf8("c") });
  track.endGroup();
  assert.deepEqual(await all, ["0/0=a", "0/1=b", "0/2=c"]);
});
