/**
 * A phone that isn't one: it moves in a circle and turns, for tests and demonstrations.
 *
 * @module
 */
import type { Reporter } from "../device.ts";
import { nowMicros } from "../media/clock.ts";
import { type Answer, Phone, type PhoneOptions } from "./phone.ts";
import type { PoseFields } from "./wire/datagram.ts";
import { encodePosePose } from "./wire/pose.ts";
import { encodeTelePose, MOVEMENT_START } from "./wire/tele.ts";

/** Seconds for one turn. */
const TURN_S = 4;
/** Radius in metres. */
const RADIUS = 0.2;
const STATS_INTERVAL_MS = 1_000;

/** How to simulate. */
export interface SimulationOptions extends PhoneOptions {
  /** Poses a second. */
  rate: number;
  /** How long, in ms; absent: until the signal aborts. */
  durationMs?: number;
}

const WHY: Readonly<Record<Exclude<Answer, "ok">, string>> = {
  badToken: "the receiver wants another token (--pairing-token)",
  busy: "the receiver listens to another phone",
  version: "the receiver speaks another version",
};

/** Where the phone is after this many seconds. */
export function poseAt(seconds: number): Omit<PoseFields, "seq" | "timestampUs"> {
  const angle = 2 * Math.PI * seconds / TURN_S;
  return {
    x: RADIUS * Math.cos(angle),
    y: RADIUS * Math.sin(angle),
    z: 1 + RADIUS / 4 * Math.sin(2 * angle),
    qx: 0,
    qy: 0,
    qz: Math.sin(angle / 2),
    qw: Math.cos(angle / 2),
  };
}

/** Sends poses while the receiver takes them, until the time is up or the signal aborts. */
export async function simulatePhone(
  options: SimulationOptions,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { dialect, rate, durationMs } = options;
  await using phone = await Phone.open(options);
  let told: Answer | undefined;
  phone.onNotice = (notice) => {
    if (notice.type === "silent") {
      told = undefined;
      reporter.event({ type: "lost", device: String(options.receiver), reason: "it is silent" });
    } else if (notice.type === "answer" && notice.answer !== told) {
      told = notice.answer;
      if (told === "ok") {
        reporter.event({ type: "phone", state: "accepted", dialect, port: phone.port });
        reporter.notice(`sending poses to ${options.receiver} (${dialect})`);
      } else {
        reporter.event({ type: "phone", state: told, dialect, port: phone.port });
        reporter.notice(`! ${WHY[told]}`);
      }
    } else if (notice.type === "haptic") {
      reporter.event({ type: "haptic", intensity: notice.intensity, channel: notice.channel });
    } else if (notice.type === "message") {
      reporter.event({ type: "message", data: btoa(String.fromCharCode(...notice.bytes)) });
    }
  };
  const stats = setInterval(
    () => reporter.event({ type: "stats", sent: phone.sent, text: `${phone.sent} poses sent` }),
    STATS_INTERVAL_MS,
  );
  const began = performance.now();
  let seq = 0;
  let ticks = 0;
  const tick = () => {
    // By the clock, so that a timer that is late is made up for.
    const due = Math.floor((performance.now() - began) / 1000 * rate);
    if (due <= ticks) return;
    ticks = due;
    if (phone.answer !== "ok") return;
    const pose = { seq, timestampUs: nowMicros(), ...poseAt((performance.now() - began) / 1000) };
    phone.send(
      dialect === "TELE"
        ? encodeTelePose({ ...pose, flags: seq === 0 ? MOVEMENT_START : 0 })
        : encodePosePose(pose),
    );
    seq = (seq + 1) & 0xffff;
  };
  const timer = setInterval(tick, Math.max(1, Math.floor(500 / rate)));
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) resolve();
  const limit = durationMs === undefined ? undefined : setTimeout(resolve, durationMs);
  await promise;
  clearTimeout(limit);
  clearInterval(timer);
  clearInterval(stats);
  signal.removeEventListener("abort", end);
}
