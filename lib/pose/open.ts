/**
 * `xoq open` for poses: JSON lines on standard output, or the phone's datagrams sent on to a receiver
 * as if the phone were there.
 *
 * @module
 */
import type { OpenContext, ValuesOf } from "../device.ts";
import type { RemoteDevice } from "../remote.ts";
import { LineWriter } from "./line_writer.ts";
import { readLines } from "./lines.ts";
import type { POSE_OPEN_OPTIONS } from "./options.ts";
import { findReceiver, Phone } from "./phone.ts";
import { RemotePose } from "./remote_pose.ts";
import { tokenBytes } from "./token.ts";
import type { Dialect } from "./wire/datagram.ts";
import {
  beginsMovement,
  MAX_REVERSE_LINE,
  parseReverse,
  type PhoneEvent,
  poseLine,
} from "./wire/event.ts";
import { COMMANDS, encodeTeleCommand } from "./wire/tele.ts";

/** Values of the options, and of `--take`. */
export type PoseOpenValues = ValuesOf<typeof POSE_OPEN_OPTIONS> & { take?: boolean };

/** Counters are told this often, in ms. */
const STATS_INTERVAL_MS = 1_000;

/** Opens the poses until the signal aborts, or it can't go on. */
export async function openPose(
  remote: RemoteDevice,
  values: PoseOpenValues,
  context: OpenContext,
): Promise<void> {
  const { signal, reporter } = context;
  const role = values.reverse ? "controller" : "viewer";
  const pose = new RemotePose(remote, { role, take: values.take ?? false });
  await using stack = new AsyncDisposableStack();
  const lines = values.stdout !== undefined || values.udp === undefined
    ? new LineWriter(reporter.stdout)
    : undefined;
  if (lines !== undefined) stack.defer(() => lines.release());
  const passing = values.udp === undefined
    ? undefined
    : stack.use(await Passing.to(values.udp, values["receiver-token"], context));
  pose.onPose = (datagram, raw, receivedUs, first) => {
    passing?.pose(datagram.dialect, raw);
    lines?.pose(poseLine(datagram, receivedUs, beginsMovement(datagram, first)));
  };
  const device = remote.label;
  pose.onEvent = (event) => {
    if (event.type === "phone") {
      lines?.line(JSON.stringify(event.event));
      passing?.event(event.event);
    } else if (event.type === "lost") {
      reporter.event({ type: "lost", device, reason: event.reason });
    } else if (event.type === "attached") {
      passing?.attached();
      const again = pose.stats().reconnects > 0;
      const description = event.attachment.control?.description;
      reporter.event(again ? { type: "back", device } : { ...description, type: "open", device });
    }
  };
  if (values.reverse && context.input !== undefined) {
    const take = (line: string) => {
      try {
        pose.reverse(parseReverse(line));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        reporter.notice(`standard input: not sent to the phone: ${error.message}`);
      }
    };
    readLines(context.input, MAX_REVERSE_LINE, take, signal).catch((error) => {
      reporter.notice(`standard input can't be read: ${error}`);
    });
  }
  const timer = setInterval(
    () => reporter.event({ type: "stats", ...pose.stats() }),
    STATS_INTERVAL_MS,
  );
  stack.defer(() => clearInterval(timer));
  await pose.run(signal);
}

/** A phone's stream on its way to another receiver. */
class Passing implements AsyncDisposable {
  readonly #receiver: Awaited<ReturnType<typeof findReceiver>>;
  readonly #token: Uint8Array | undefined;
  readonly #context: OpenContext;
  #phone: Phone | undefined;
  #dialect: Dialect | undefined;
  #opening = false;
  /** Poses are datagrams and may come after the event that their phone has left. */
  #hasLeft = false;

  private constructor(
    receiver: Awaited<ReturnType<typeof findReceiver>>,
    token: Uint8Array | undefined,
    context: OpenContext,
  ) {
    this.#receiver = receiver;
    this.#token = token;
    this.#context = context;
  }

  static async to(
    receiver: string,
    token: string | undefined,
    context: OpenContext,
  ): Promise<Passing> {
    const bytes = token === undefined ? undefined : tokenBytes(token);
    return new Passing(await findReceiver(receiver), bytes, context);
  }

  pose(dialect: Dialect, raw: Uint8Array<ArrayBuffer>): void {
    if (this.#hasLeft) return;
    if (this.#phone !== undefined && this.#dialect === dialect) this.#phone.send(raw);
    else if (!this.#opening) void this.#open(dialect);
  }

  /** Which phone is there now is not known. */
  attached(): void {
    this.#hasLeft = false;
  }

  event(event: PhoneEvent): void {
    if (event.type === "wifi_connected") {
      this.#hasLeft = false;
    } else if (event.type === "wifi_disconnected") {
      this.#hasLeft = true;
      void this.#close();
    } else if (event.type === "command" && this.#dialect === "TELE") {
      const known = (COMMANDS as Record<string, number>)[event.name];
      const command = known ?? Number(/^command_(\d+)$/.exec(event.name)?.[1]);
      if (Number.isInteger(command)) {
        this.#phone?.send(encodeTeleCommand(command, Number(event.value)));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #open(dialect: Dialect): Promise<void> {
    this.#opening = true;
    try {
      await this.#close();
      const phone = await Phone.open({
        receiver: this.#receiver,
        dialect,
        ...(this.#token === undefined ? {} : { token: this.#token }),
      });
      if (this.#hasLeft) return await phone.close();
      this.#phone = phone;
      this.#dialect = dialect;
      phone.onNotice = (notice) => {
        if (notice.type === "answer" && notice.answer !== "ok") {
          this.#context.reporter.notice(
            `! the receiver at ${this.#receiver} says: ${notice.answer}`,
          );
        }
      };
    } catch (error) {
      this.#context.reporter.notice(`! ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#opening = false;
    }
  }

  async #close(): Promise<void> {
    const phone = this.#phone;
    this.#phone = undefined;
    await phone?.close();
  }
}
