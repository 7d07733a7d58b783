/**
 * `xoq camera --moq`: the camera's stream through a MoQ relay by moq-lite-02, as XoQ's programs expect
 * it there. The camera is open only while the relay wants the track.
 *
 * @module
 */
import { Backoff } from "../backoff.ts";
import type { Reporter } from "../device.ts";
import { UsageError } from "../errors.ts";
import type { Feed } from "../media/feed.ts";
import { LITE_PROTOCOL, LiteBroadcast, type LiteTrackSource } from "../moqt/lite/mod.ts";
import { connectLite, litePath } from "../moqt/lite/mod.ts";
import type { DirectTransport } from "../transport/direct.ts";
import { defaultMoqPath, MoqPictureWriter, moqTrackName } from "./moq_wire.ts";

/** A session that lasted this long was a good one: its loss is answered at once, in milliseconds. */
const GOOD_AFTER_MS = 5_000;
/** Longest that one try to reach the relay may take, in milliseconds. */
const DIAL_MS = 5_000;

/**
 * Most bytes on their way to the relay: what waits there is old when it arrives. At 2 Mbit/s this is a
 * second; with a round trip of 50 ms it allows 40 Mbit/s.
 */
const SEND_WINDOW = 256 << 10;

/** Where a camera is published. */
export interface MoqTarget {
  /** The URL that is dialled. */
  url: URL;
  /** The broadcast's path on the relay, in full. */
  path: string;
  /** Its path in the session: WebTransport's URL tells the rest. */
  announced: string;
}

/** How a camera is published. */
export interface MoqPublishOptions {
  /** Device name, for events. */
  device: string;
  /** Where to. */
  target: MoqTarget;
  /** Takes any certificate. */
  insecure: boolean;
  /** What dials. */
  transport: Pick<DirectTransport, "dial">;
  /** Is told `moq` events: `published`, `lost`. */
  reporter: Reporter;
}

/** Reads `--moq-relay` and `--moq`. Throws `UsageError`. */
export function moqTarget(relay: string, path: string): MoqTarget {
  const url = URL.canParse(relay) ? new URL(relay) : undefined;
  if (url === undefined || !/^(https|moqt|moql):$/.test(url.protocol) || url.hostname === "") {
    throw new UsageError(`--moq-relay: ${JSON.stringify(relay)} is no address of a MoQ relay`, {
      hint: "write https://HOST[:PORT] (WebTransport) or moqt://HOST[:PORT] (QUIC)",
    });
  }
  let whole: string;
  try {
    whole = litePath(`${decodeURIComponent(url.pathname)}/${path}`);
  } catch (cause) {
    throw new UsageError(`--moq: ${(cause as Error).message}`, { cause });
  }
  if (whole === "") throw new UsageError("--moq: a path is wanted: --moq=anon/camera-0");
  const encoded = whole.split("/").map(encodeURIComponent).join("/");
  // Of other schemes' URLs the setter takes no protocol, so the text is put together.
  const scheme = url.protocol === "moql:" ? "moqt:" : url.protocol;
  const dialled = new URL(`${scheme}//${url.host}/${encoded}${url.search}`);
  return { url: dialled, path: whole, announced: scheme === "https:" ? "" : whole };
}

/** Flags of `xoq camera` that say where to. */
export interface MoqValues {
  /** `--moq`: the path; empty: the default one. */
  readonly moq: string | undefined;
  /** `--moq-relay`. */
  readonly "moq-relay": string | undefined;
}

/** Reads the flags for a device; undefined: it is not published. Throws `UsageError`. */
export function moqTargetOf(
  values: MoqValues,
  device: string,
  name: string,
): MoqTarget | undefined {
  if (values.moq === undefined) return undefined;
  const relay = values["moq-relay"];
  if (relay === undefined) {
    throw new UsageError("--moq wants a relay", {
      hint: "say which: --moq-relay https://HOST:PORT; whoever may subscribe there sees the camera",
    });
  }
  return moqTarget(relay, values.moq === "" ? defaultMoqPath(device, name) : values.moq);
}

/** Publishes a feed from now on. Throws `UnsupportedError` where nothing here dials by address. */
export async function publishMoq(
  feed: Feed,
  options: Omit<MoqPublishOptions, "transport">,
): Promise<MoqPublisher> {
  const { directTransport } = await import("../transport/direct_endpoint.ts");
  return new MoqPublisher(feed, { ...options, transport: directTransport });
}

/** Publishes a feed until it is closed. Reconnects with back-off. */
export class MoqPublisher implements AsyncDisposable {
  readonly #feed: Feed;
  readonly #options: MoqPublishOptions;
  readonly #ended = new AbortController();
  readonly #broadcast: LiteBroadcast;
  readonly #running: Promise<void>;
  readonly #pumps = new Set<Promise<void>>();

  /** Begins. */
  constructor(feed: Feed, options: MoqPublishOptions) {
    this.#feed = feed;
    this.#options = options;
    this.#broadcast = new LiteBroadcast({ onTrack: (name) => this.#track(name) });
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    const { transport, target, insecure } = this.#options;
    const backoff = new Backoff();
    let told = false;
    while (!signal.aborted) {
      let since = Infinity;
      let reason = "the relay closed the session";
      try {
        const connection = await transport.dial(target.url, {
          protocols: [LITE_PROTOCOL],
          congestion: "bbr3",
          sendWindow: SEND_WINDOW,
          signal,
          timeoutMs: DIAL_MS,
          ...(insecure ? { trust: { insecure } } : {}),
        });
        await using session = await connectLite(connection, { signal });
        const close = () => void session.close();
        signal.addEventListener("abort", close, { once: true });
        session.publish(target.announced, this.#broadcast);
        this.#tell("published");
        since = performance.now();
        told = true;
        const info = await session.closed;
        signal.removeEventListener("abort", close);
        if (info.reason !== "") reason = info.reason;
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
      if (signal.aborted) return;
      // Once for each loss, and once where the relay was never there.
      if (since !== Infinity || !told) this.#tell("lost", reason);
      told = true;
      if (performance.now() - since > GOOD_AFTER_MS) backoff.reset();
      await backoff.wait(signal);
    }
  }

  #tell(state: "published" | "lost", reason?: string): void {
    const { reporter, device, target } = this.#options;
    reporter.event({
      type: "moq",
      state,
      device,
      relay: `${target.url.protocol}//${target.url.host}`,
      path: target.path,
      ...(reason === undefined ? {} : { reason }),
    });
  }

  /** Somebody wants a track: there is the one of the stream's codec. */
  async #track(name: string): Promise<LiteTrackSource | undefined> {
    const { codec, fps } = await this.#feed.description();
    if (name !== moqTrackName(codec) || this.#ended.signal.aborted) return undefined;
    let demand: AbortController | undefined;
    const track: LiteTrackSource = this.#broadcast.track(name, {
      onDemand: (wanted) => {
        demand?.abort();
        if (!wanted) return;
        demand = new AbortController();
        const signal = AbortSignal.any([demand.signal, this.#ended.signal]);
        const pump = this.#pump(track, fps, signal).catch(() => track.end());
        this.#pumps.add(pump);
        pump.finally(() => this.#pumps.delete(pump));
      },
    });
    return track;
  }

  async #pump(track: LiteTrackSource, fps: number, signal: AbortSignal): Promise<void> {
    const writer = new MoqPictureWriter(fps);
    let codec: string | undefined;
    using frames = this.#feed.subscribe({ signal });
    for await (const picture of frames) {
      codec ??= picture.codec;
      // Another codec is another stream; who subscribes again gets it.
      if (picture.codec !== codec) return await track.end();
      const frame = writer.write(picture);
      if (frame === undefined) continue;
      if (frame.begins) track.startGroup();
      track.write(frame.payload);
      if (frame.ends) track.endGroup();
      // The feed drops what is late while the network takes this, and goes on at a key frame.
      await track.drained();
    }
    // What was kept is old when somebody comes again.
    if (signal.aborted) track.forget();
    else await track.end();
  }

  /** Takes the broadcast back. Idempotent. */
  async close(): Promise<void> {
    this.#ended.abort();
    await this.#running;
    await Promise.all(this.#pumps);
  }

  /** Takes the broadcast back. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
