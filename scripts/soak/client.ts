/**
 * Clients of a soak, each a process: `client.ts '{"kind","role","ticket","milliseconds"}'`. `visits`
 * comes and goes as fast as it can, each time as another endpoint; `load` uses the device all the
 * time at about half of what it can take, and looks at what comes back. Says `{"count"}` every second: visits,
 * or bytes, frames or objects that came back.
 */
import { type CanBus, dataFrame, NotSentError, openCanBus } from "../../lib/client/can.ts";
import { PING_ID } from "../../lib/can/test_node.ts";
import { openSerialPort } from "../../lib/client/serial.ts";
import { createEndpoint } from "../../lib/transport/mod.ts";
import { moqtLoad, moqtVisits } from "./moqt_client.ts";

/** What a client does. */
export interface ClientJob {
  /** The device's kind. */
  kind: "serial" | "can" | "moqt";
  /** See the module. */
  role: "visits" | "load";
  /** Where it is: a ticket, or a relay's URL. */
  ticket: string;
  /** For how long. */
  milliseconds: number;
}

/** Half of the throughput that serial ports are asked for. */
const SERIAL_BYTES_PER_SECOND = 10e6;
/** Half of a full 1 Mbit/s bus. */
const FRAMES_PER_SECOND = 4_400;
/** Time between two portions, in milliseconds. */
const TICK_MS = 10;

const job = JSON.parse(Deno.args[0] ?? "{}") as ClientJob;
const ends = performance.now() + job.milliseconds;
let count = 0;
const telling = setInterval(() => console.log(JSON.stringify({ count })), 1_000);
if (job.kind === "moqt") {
  const client = job.role === "visits" ? moqtVisits : moqtLoad;
  await client(job.ticket, job.milliseconds, (more) => count += more);
} else if (job.role === "visits") await visits();
else if (job.kind === "serial") await serialLoad();
else await canLoad();
clearInterval(telling);

async function visits(): Promise<void> {
  for (; performance.now() < ends; count++) {
    await using endpoint = await createEndpoint({ bind: "127.0.0.1", relay: "none" });
    if (job.kind === "serial") {
      await using port = await openSerialPort(job.ticket, endpoint, { role: "viewer" });
      await port.read();
    } else {
      await using bus = await openCanBus(job.ticket, endpoint, { role: "viewer" });
      await bus.read();
    }
  }
}

async function serialLoad(): Promise<void> {
  await using endpoint = await createEndpoint({ bind: "127.0.0.1", relay: "none" });
  await using port = await openSerialPort(job.ticket, endpoint);
  const portion = SERIAL_BYTES_PER_SECOND * TICK_MS / 1_000;
  const bytes = new Uint8Array(portion).map((_, index) => index % 251);
  while (performance.now() < ends) {
    const began = performance.now();
    await port.write(bytes);
    for (let filled = 0; filled < portion;) {
      const echo = await port.read();
      if (echo[0] !== filled % 251) throw new Error("the echo is not what was sent");
      filled += echo.length;
    }
    count += portion;
    await until(began + TICK_MS);
  }
}

async function canLoad(): Promise<void> {
  await using endpoint = await createEndpoint({ bind: "127.0.0.1", relay: "none" });
  await using bus = await openCanBus(job.ticket, endpoint, { queue: FRAMES_PER_SECOND });
  const reading = echoes(bus);
  let sent = 0;
  while (performance.now() < ends) {
    const began = performance.now();
    const frames = Array.from(
      { length: FRAMES_PER_SECOND * TICK_MS / 1_000 },
      () => dataFrame(PING_ID, new Uint8Array(new Uint32Array([sent++, 0]).buffer)),
    );
    // The last one's confirmation holds the rest back where the machine doesn't keep up.
    const last = frames.pop()!;
    bus.write(frames);
    await bus.send(last).catch(late);
    await until(began + TICK_MS);
  }
  await bus.close();
  await reading;
}

/** A machine that is behind drops frames rather than send them late: that is no failure. */
function late(error: unknown): void {
  if (!(error instanceof NotSentError)) throw error;
}

/** Counts what another node answers. */
async function echoes(bus: CanBus): Promise<void> {
  try {
    for await (const _frame of bus) count++;
  } catch {
    // Closed.
  }
}

async function until(time: number): Promise<void> {
  const left = time - performance.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}
