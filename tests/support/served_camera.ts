/** A test camera served by the real command. */
import { type Xoq, xoq, type XoqOptions } from "./xoq.ts";

/** The size these tests use: small enough for every codec in software, on any machine. */
export const SIZE = { width: 320, height: 240 };

/** A served camera. */
export interface ServedCamera extends AsyncDisposable {
  /** The command. */
  readonly xoq: Xoq;
  /** Endpoint id. */
  readonly id: string;
  /** Its ticket, with a control grant. */
  readonly ticket: string;
  /** Its ticket without a grant. */
  readonly endpointTicket: string;
  /** `IP:PORT`. */
  readonly address: string;
}

/** Starts `xoq camera test` with these arguments and waits until it is ready. */
export async function camera(
  args: readonly string[] = [],
  options: XoqOptions = {},
): Promise<ServedCamera> {
  const size = ["--width", String(SIZE.width), "--height", String(SIZE.height)];
  const command = xoq(["camera", "test", ...size, ...args, "--json"], options);
  try {
    const ready = await command.until("ready");
    return {
      xoq: command,
      id: String(ready["id"]),
      ticket: String(ready["ticket"]),
      endpointTicket: String(ready["endpoint_ticket"]),
      address: String((ready["addresses"] as string[])[0]),
      [Symbol.asyncDispose]: () => command[Symbol.asyncDispose](),
    };
  } catch (error) {
    await command[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a viewer got before it was interrupted. */
export interface Received {
  /** Its standard output. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Pictures it had counted by its last statistics. */
  pictures: number;
  /** The command, ended. */
  viewer: Xoq;
}

/** Opens a ticket with `--stdout=FORMAT`, interrupts the viewer after some pictures, gives its output. */
export async function receive(
  ticket: string,
  format: string,
  pictures: number,
  options: XoqOptions = {},
): Promise<Received> {
  await using viewer = xoq(["open", ticket, `--stdout=${format}`, "--json"], {
    ...options,
    data: true,
  });
  const reading = new Response(viewer.stdout).arrayBuffer();
  const { received } = await viewer.until("stats", {
    where: ({ received }) => Number(received) >= pictures,
  });
  await viewer.interrupt();
  return { bytes: new Uint8Array(await reading), pictures: Number(received), viewer };
}
