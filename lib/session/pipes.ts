/**
 * Byte pipes, the serving side: every further bidirectional stream of an `xoq/1` connection begins
 * with a request, is answered, and is then the device's bytes both ways (docs/xoq-1.md).
 *
 * @module
 */
import type { Peer, ServedDevice } from "../device.ts";
import { Interrupt } from "../interrupt.ts";
import { NotFoundError, ProtocolError, XoqError } from "../errors.ts";
import {
  type BidirectionalStream,
  type Connection,
  TransportError,
} from "../transport/connection.ts";
import { encodeMessage } from "./framing.ts";
import { parsePipeMessage } from "./message_schema.ts";
import { DatagramChannels } from "./datagrams.ts";
import { readPreamble } from "./preamble.ts";

/** A failure as it is told to the peer. */
export interface Refusal {
  /** See `ErrorCode`. */
  code: string;
  /** For people. */
  message: string;
  /** What to do. */
  hint?: string;
}

/** How a failure is told to the peer: what went wrong inside this machine stays here. */
export function refusal(error: unknown): Refusal {
  if (!(error instanceof XoqError)) return { code: "failed", message: "the server failed" };
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

/** There is none, or none for this client: the answer is the same, so that names can't be guessed. */
export function noDevice(name: string): NotFoundError {
  return new NotFoundError(`no device "${name}" for you here`);
}

/** Finds a device for the client of the connection. */
export type FindDevice = (name: string) => { device: ServedDevice; peer: Peer } | undefined;

/** Limits of one connection's pipes. */
export interface PipeLimits {
  /** Most at once; a further one is reset. */
  most: number;
  /** How long a stream may take to bring its request, in milliseconds. */
  deadlineMs: number;
}

/** Serves pipes until the connection ends. Rejects with the first `ProtocolError`. */
export async function servePipes(
  connection: Connection,
  find: FindDevice,
  limits: PipeLimits,
): Promise<void> {
  let open = 0;
  const channels = new DatagramChannels(connection);
  const violation = new Interrupt();
  const reader = connection.incomingBidirectionalStreams.getReader();
  for (;;) {
    const { done, value: stream } = await violation.wait(reader.read());
    if (done || stream === undefined) return;
    if (open >= limits.most) {
      abandon(stream, "too many pipes");
      continue;
    }
    open++;
    servePipe(stream, find, channels, limits.deadlineMs)
      .catch((error) => {
        abandon(stream, "the pipe failed");
        if (error instanceof ProtocolError) violation.interrupt(error);
      })
      .finally(() => open--);
  }
}

async function servePipe(
  stream: BidirectionalStream,
  find: FindDevice,
  channels: DatagramChannels,
  deadlineMs: number,
): Promise<void> {
  const { body, readable } = await readPreamble(stream.readable, AbortSignal.timeout(deadlineMs));
  const { device: name, role, take, params, channel } = parsePipeMessage(body);
  const send = async (message: Parameters<typeof encodeMessage>[0]) => {
    const writer = stream.writable.getWriter();
    try {
      await writer.write(encodeMessage(message));
    } finally {
      writer.releaseLock();
    }
  };
  try {
    const found = find(name);
    if (found === undefined) throw noDevice(name);
    const { device, peer } = found;
    if (device.pipe === undefined) {
      throw new XoqError("unsupported", `a ${device.kind} has no byte pipe`);
    }
    using datagrams = channel === undefined ? undefined : channels.open(channel);
    if (channel !== undefined && datagrams === undefined) {
      throw new ProtocolError(`another pipe has channel ${channel}`);
    }
    const request = {
      role,
      take: take ?? false,
      params: params ?? {},
      ...(datagrams === undefined ? {} : { datagrams }),
    };
    await device.pipe(
      { readable, writable: stream.writable },
      request,
      peer,
      (answer) => send({ t: "open", answer }),
    );
  } catch (error) {
    if (error instanceof TransportError || error instanceof ProtocolError) throw error;
    await send({ t: "error", ...refusal(error) });
    await stream.writable.close();
    await readable.cancel();
  }
}

function abandon(stream: BidirectionalStream, why: string): void {
  const reason = new TransportError(why);
  stream.writable.abort(reason).catch(() => {});
  stream.readable.cancel(reason).catch(() => {});
}
