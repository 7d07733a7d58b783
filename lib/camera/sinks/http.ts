/**
 * A live stream over HTTP: a page, MJPEG for `<img>` and OpenCV, fragmented MP4 for `<video>` and
 * ffmpeg, the bare stream, a snapshot. Paths, below `/` for the only device and below `/NAME/`
 * for each:
 *
 * | path | what |
 * | --- | --- |
 * | `/` | the page; the list of devices where there are several |
 * | `stream.mjpg` | `multipart/x-mixed-replace` of JPEG images, with `X-Timestamp` (s) and `X-Sequence` |
 * | `stream.mp4` | fragmented MP4, one fragment a frame; ends when size or codec change |
 * | `stream.h264`, `stream.hevc`, `stream.obu` | elementary stream: H.264 (transcoded where it must be); the others only where the camera sends them |
 * | `snapshot.jpg` | the next picture |
 * | `status.json` | state, description, clients |
 * | `ws` | the page's WebSocket |
 *
 * @module
 */
import { concat } from "../../bytes/concat.ts";
import { UsageError, XoqError } from "../../errors.ts";
import { CmafWriter, fitsMp4 } from "../../media/cmaf.ts";
import type { Feed } from "../../media/feed.ts";
import type { EncodedFrame, VideoCodec } from "../../media/frame.ts";
import { type Codecs, nextFrame, TranscodedFeed } from "../../media/transcode.ts";
import { devicesPage, type Page, viewerPage } from "../../web/page.ts";
import { isLoopback, listenOn, parseHttpAddress } from "./http_address.ts";
import {
  type ClientKind,
  type ClientSeat,
  type HttpClient,
  HttpClients,
  liveBody,
  MAX_CLIENTS,
} from "./http_clients.ts";
import { type Authorize, HttpGuard, secured, textResponse } from "./http_guard.ts";
import { PageSocket } from "./http_socket.ts";
import { MJPEG_CONTENT_TYPE, MJPEG_PREAMBLE, mjpegPart } from "./mjpeg.ts";

/** A snapshot is waited for this long, in ms. */
const SNAPSHOT_MS = 5000;
/** `close()` waits this long for responses to end by themselves, in ms. */
const CLOSE_MS = 1000;

/** How to serve. */
export interface HttpOptions {
  /** As after `--http`, see `parseHttpAddress`; default: 127.0.0.1:8080 or the next free port. */
  address?: string;
  /** For MJPEG, MP4 and snapshots of streams in another codec. Without: what passes through untouched. */
  codecs?: Codecs;
  /** Checks grants; off loopback it must be there. On loopback nobody is asked. */
  authorize?: Authorize;
  /** Called with the number of streams and pages whenever it changes. */
  onClients?: (clients: number) => void;
}

/** A running server. */
export interface HttpServer extends AsyncDisposable {
  /** Address of the page on this machine: `http://127.0.0.1:8080/`. */
  readonly url: string;
  /** What it is bound to. */
  readonly hostname: string;
  /** What it is bound to. */
  readonly port: number;
  /** Clients now. */
  clients(): HttpClient[];
  /** Resolves when the server has ended. */
  readonly finished: Promise<void>;
  /** Ends all streams and stops listening, within about a second. Idempotent. */
  close(): Promise<void>;
}

/**
 * Serves feeds by name. Devices may come into and go from `feeds` while it is served. Throws
 * `UsageError` (address, or no `authorize` off loopback), `BusyError`, `DeniedError`, `NotFoundError`.
 */
export function serveHttp(feeds: ReadonlyMap<string, Feed>, options: HttpOptions = {}): HttpServer {
  const address = parseHttpAddress(options.address ?? "");
  const open = isLoopback(address.hostname);
  if (!open && options.authorize === undefined) {
    throw new UsageError(`${address.hostname} is reachable from outside, and there is no grant`, {
      hint: "serve on 127.0.0.1",
    });
  }
  const server = new Server(feeds, options);
  const listener = listenOn(address, (port) =>
    Deno.serve({
      hostname: address.hostname,
      port,
      onListen: () => {},
      onError: (error) => secured(textResponse(500, `failed: ${(error as Error).message}`)),
    }, (request, info) => server.handle(request, info)));
  const { port } = listener.addr as Deno.NetAddr;
  server.guard = new HttpGuard(address.hostname, port, open ? undefined : options.authorize);
  return new Running(listener, server, address.hostname, port);
}

class Running implements HttpServer {
  readonly url: string;
  readonly hostname: string;
  readonly port: number;
  readonly #listener: Deno.HttpServer;
  readonly #server: Server;
  #closing: Promise<void> | undefined;

  constructor(listener: Deno.HttpServer, server: Server, hostname: string, port: number) {
    this.#listener = listener;
    this.#server = server;
    this.hostname = hostname;
    this.port = port;
    const local = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
    this.url = `http://${local.includes(":") ? `[${local}]` : local}:${port}/`;
  }

  get finished(): Promise<void> {
    return this.#listener.finished;
  }

  clients(): HttpClient[] {
    return this.#server.clients.list();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#server.clients[Symbol.dispose]();
    // Kept-alive connections would hold shutdown() as long as their clients like.
    const waited = Promise.withResolvers<void>();
    const timer = setTimeout(waited.resolve, CLOSE_MS);
    await Promise.race([this.#listener.shutdown().catch(() => {}), waited.promise]);
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One request, where it goes. */
interface Route {
  request: Request;
  remote: string;
  name: string;
  feed: Feed;
}

class Server {
  guard: HttpGuard | undefined;
  readonly clients: HttpClients;
  readonly #feeds: ReadonlyMap<string, Feed>;
  readonly #codecs: Codecs | undefined;
  readonly #transcoded = new WeakMap<Feed, Map<VideoCodec, TranscodedFeed>>();

  constructor(feeds: ReadonlyMap<string, Feed>, options: HttpOptions) {
    this.#feeds = feeds;
    this.#codecs = options.codecs;
    this.clients = new HttpClients(options.onClients);
  }

  async handle(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
    const turnedAway = await this.guard?.check(request);
    if (turnedAway !== undefined) return secured(turnedAway);
    const remote = info.remoteAddr.transport === "tcp"
      ? `${info.remoteAddr.hostname}:${info.remoteAddr.port}`
      : "";
    const response = await this.#route(request, remote).catch(failure);
    // The answer to an upgrade can't be changed.
    if (response.status === 101) return response;
    return secured(response);
  }

  #route(request: Request, remote: string): Promise<Response> {
    const path = segments(new URL(request.url).pathname);
    if (path === undefined || path.length > 2) return Promise.resolve(notFound());
    const [first = "", second] = path;
    const names = [...this.#feeds.keys()];
    if (second === undefined) {
      const named = this.#feeds.has(first);
      if (named) return Promise.resolve(redirect(`/${encodeURIComponent(first)}/`));
      const [only] = names;
      if (names.length === 1 && only !== undefined) {
        return this.#device({ request, remote, name: only, feed: this.#feeds.get(only)! }, first);
      }
      return Promise.resolve(first === "" ? pageResponse(devicesPage(names)) : notFound());
    }
    const feed = this.#feeds.get(first);
    if (feed === undefined) {
      return Promise.resolve(
        textResponse(404, `no device "${first}" here; there are: ${names.join(", ")}`),
      );
    }
    return this.#device({ request, remote, name: first, feed }, second);
  }

  async #device(route: Route, path: string): Promise<Response> {
    switch (path) {
      case "":
        return pageResponse(viewerPage(route.name));
      case "ws":
        return this.#socket(route);
      case "status.json":
        return Response.json(await this.#status(route));
      case "snapshot.jpg":
        return await this.#snapshot(route);
      case "stream.mjpg":
        return await this.#stream(
          route,
          "mjpg",
          "jpeg",
          MJPEG_CONTENT_TYPE,
          mjpegPart,
          MJPEG_PREAMBLE,
        );
      case "stream.mp4":
        return await this.#mp4(route);
      case "stream.h264":
        return await this.#stream(route, "raw", "h264", "video/h264", (frame) => frame.data);
      case "stream.hevc":
        return await this.#untouched(route, "hevc", "video/h265");
      case "stream.obu":
        return await this.#untouched(route, "av1", "video/av1");
      default:
        return notFound();
    }
  }

  async #mp4(route: Route): Promise<Response> {
    const { codec, fps } = await route.feed.description();
    const writer = new CmafWriter({ fps });
    let begun = false;
    const write = (frame: EncodedFrame) => {
      const chunk = writer.write(frame);
      if (chunk?.init === undefined) return chunk?.fragment;
      // A second initialization segment is more than players of one resource take.
      if (begun) return "end";
      begun = true;
      return concat(chunk.init, chunk.fragment);
    };
    return await this.#stream(route, "mp4", fitsMp4(codec) ? codec : "h264", "video/mp4", write);
  }

  async #untouched(route: Route, codec: VideoCodec, contentType: string): Promise<Response> {
    const description = await route.feed.description();
    if (description.codec !== codec) {
      return textResponse(404, `this camera sends ${description.codec}: see stream.h264`);
    }
    return await this.#stream(route, "raw", codec, contentType, (frame) => frame.data);
  }

  async #stream(
    { request, remote, name, feed }: Route,
    kind: ClientKind,
    codec: VideoCodec,
    contentType: string,
    write: (frame: EncodedFrame) => Uint8Array | undefined | "end",
    preamble?: Uint8Array,
  ): Promise<Response> {
    const headers = { "Content-Type": contentType };
    if (request.method === "HEAD") return new Response(null, { headers });
    const seat = this.clients.enter(kind, name, remote);
    if (seat === undefined) return full();
    try {
      const source = this.#inCodec(feed, codec);
      await source.check();
      return new Response(liveBody(source, seat, write, preamble), { headers });
    } catch (error) {
      seat[Symbol.dispose]();
      throw error;
    }
  }

  async #snapshot({ request, remote, name, feed }: Route): Promise<Response> {
    const headers = { "Content-Type": "image/jpeg" };
    if (request.method === "HEAD") return new Response(null, { headers });
    using seat = this.clients.enter("snapshot", name, remote);
    if (seat === undefined) return full();
    const late = AbortSignal.timeout(SNAPSHOT_MS);
    try {
      const source = this.#inCodec(feed, "jpeg");
      await source.check();
      const signal = AbortSignal.any([seat.signal, late]);
      const { data, captureTime } = await nextFrame(source, { signal });
      return new Response(data as Uint8Array<ArrayBuffer>, {
        headers: { ...headers, "X-Timestamp": seconds(captureTime) },
      });
    } catch (error) {
      if (!late.aborted) throw error;
      return textResponse(503, "no picture came from the camera", { "Retry-After": "1" });
    }
  }

  #socket({ request, remote, name, feed }: Route): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return textResponse(426, "this is a WebSocket", { Upgrade: "websocket" });
    }
    const seat: ClientSeat | undefined = this.clients.enter("page", name, remote);
    if (seat === undefined) return full();
    try {
      // Dead peers are noticed by acknowledgements that don't come, and by TCP.
      const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 30 });
      new PageSocket(socket, feed, name, seat, () => this.clients.list().length);
      return response;
    } catch (error) {
      seat[Symbol.dispose]();
      throw error;
    }
  }

  async #status({ name, feed }: Route): Promise<Record<string, unknown>> {
    const nothingYet = new Promise<null>((resolve) => setTimeout(resolve, 0, null));
    return {
      device: name,
      ...feed.state,
      stream: await Promise.race([feed.description().catch(() => null), nothingYet]),
      clients: this.clients.list().filter((client) => client.device === name),
    };
  }

  /** The feed in another codec, made once for all readers, made anew after a failure. */
  #inCodec(feed: Feed, codec: VideoCodec): TranscodedFeed {
    let feeds = this.#transcoded.get(feed);
    if (feeds === undefined) this.#transcoded.set(feed, feeds = new Map());
    let transcoded = feeds.get(codec);
    if (transcoded === undefined || transcoded.failure !== undefined) {
      transcoded = new TranscodedFeed(feed, { codec }, this.#codecs);
      feeds.set(codec, transcoded);
    }
    return transcoded;
  }
}

/** `/a/b%20c` as `["a", "b c"]`; `undefined` for what can't be decoded. */
function segments(path: string): string[] | undefined {
  try {
    return path.slice(1).split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function pageResponse(page: Page): Response {
  return new Response(page.html, {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": page.contentSecurityPolicy,
    },
  });
}

function redirect(location: string): Response {
  return new Response(null, { status: 308, headers: { Location: location } });
}

function notFound(): Response {
  return textResponse(
    404,
    "there is: / stream.mjpg stream.mp4 stream.h264 snapshot.jpg status.json",
  );
}

function full(): Response {
  return textResponse(503, `${MAX_CLIENTS} clients are connected, no more fit`, {
    "Retry-After": "5",
  });
}

function failure(error: unknown): Response {
  if (!(error instanceof XoqError)) return textResponse(500, `failed: ${String(error)}`);
  const status = error.code === "unsupported" ? 415 : 503;
  return textResponse(status, error.hint ? `${error.message}: ${error.hint}` : error.message);
}

function seconds(micros: number): string {
  return (micros / 1e6).toFixed(6);
}
