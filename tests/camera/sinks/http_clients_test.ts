import assert from "node:assert/strict";
import { HttpClients, isServerClosing, liveBody } from "../../../lib/camera/sinks/http_clients.ts";
import { PageSocket } from "../../../lib/camera/sinks/http_socket.ts";
import { Fanout } from "../../../lib/media/fanout.ts";
import { frame } from "../../media/frames.ts";
import { within } from "../../support/process.ts";

const aborted = (signal: AbortSignal) =>
  within(
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
    2000,
    () => "the abort",
  );

Deno.test("a client that takes nothing while there is something is dropped", async () => {
  using clients = new HttpClients(undefined, 50);
  const fanout = new Fanout();
  const stuck = clients.enter("raw", "cam", "")!;
  const resting = clients.enter("raw", "cam", "")!;
  const body = liveBody(fanout, stuck, (f) => f.data);
  const reader = body.getReader();
  const first = reader.read();
  fanout.push(frame(0, true));
  assert.deepEqual((await first).value, frame(0, true).data);
  // Nothing more is read, though the next pull would give it.
  await aborted(stuck.signal);
  await assert.rejects(reader.read(), /reads nothing/);
  assert.equal(fanout.stats().readers, 0);
  assert.ok(!resting.signal.aborted, "who has nothing to read isn't stuck");
  assert.equal(clients.list().length, 1);
});

/** The socket of a page that acknowledges when told to. */
class FakeSocket {
  binaryType = "";
  readyState: number = WebSocket.OPEN;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  sent = 0;
  closedWith: number | undefined;
  send(data: unknown): void {
    if (data instanceof Uint8Array) this.sent++;
  }
  close(code: number): void {
    this.closedWith = code;
    this.readyState = WebSocket.CLOSED;
    this.onclose?.();
  }
  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const turn = (ms = 5) => new Promise<void>((resolve) => setTimeout(resolve, ms));

Deno.test("a slow page that goes on acknowledging stays, one that stops is dropped", async () => {
  using clients = new HttpClients(undefined, 600);
  const fanout = new Fanout();
  const image = frame(0, true, {
    codec: "jpeg",
    data: new Uint8Array([0xff, 0xd8, 0xff, 0xc0, 0, 8, 8, 0, 16, 0, 16, 1, 0xff, 0xda, 0, 2]),
  });
  fanout.setDescription({ codec: "jpeg", width: 16, height: 16, fps: 30, encoder: "" });
  const socket = new FakeSocket();
  const seat = clients.enter("page", "cam", "")!;
  new PageSocket(socket as unknown as WebSocket, fanout, "cam", seat, () => 1);
  socket.onopen?.();
  socket.say({ t: "watch", as: "frames" });
  for (let i = 0; i < 40; i++) {
    fanout.push({ ...image, sequence: i });
    await turn(10);
    // Always behind by some.
    if (socket.sent > 3) socket.say({ t: "ack", n: socket.sent - 3 });
  }
  assert.equal(socket.closedWith, undefined);
  assert.ok(socket.sent >= 30, `${socket.sent}`);
  await aborted(seat.signal);
  assert.equal(socket.closedWith, 1013);
  assert.equal(fanout.stats().readers, 0);
});

Deno.test("the end of the server is no fault of its clients", () => {
  const clients = new HttpClients();
  const seat = clients.enter("page", "cam", "")!;
  clients[Symbol.dispose]();
  assert.ok(seat.signal.aborted && isServerClosing(seat.signal.reason));
  assert.equal(clients.list().length, 0);
});
