/**
 * The page's script: connection, choice of decoder, figures, buttons. It runs in the browser (see
 * `players.ts` for what that means).
 *
 * @module
 */
import type { Canvas, Document, Image, Video } from "./dom.ts";
import {
  CanvasPlayer,
  ImagePlayer,
  MsePlayer,
  type Player,
  type PlayerHost,
  type StreamMessage,
} from "./players.ts";
import { decodeMedia, type PageMessage, type ServerMessage } from "./wire.ts";

declare const document: Document;
declare const location: { readonly href: string; readonly search: string };

/** Difference of the server's clock to this one's, by the quickest of the last few round trips. */
export class ClockOffset {
  #samples: { trip: number; offset: number }[] = [];

  /** Takes an answer: when it was asked and came (ms, this clock), and the server's clock (µs). */
  add(sent: number, received: number, serverMicros: number): void {
    this.#samples.push({
      trip: received - sent,
      offset: serverMicros / 1000 - (sent + received) / 2,
    });
    if (this.#samples.length > 8) this.#samples.shift();
  }

  /** Now by the server's clock, ms since the epoch; `undefined` before the first answer. */
  now(): number | undefined {
    if (this.#samples.length === 0) return undefined;
    const best = this.#samples.reduce((a, b) => b.trip < a.trip ? b : a);
    return this.local() + best.offset;
  }

  /** Now by this clock, ms since the epoch, finer than `Date.now()`. */
  local(): number {
    return performance.timeOrigin + performance.now();
  }
}

/** The whole page. */
export class Viewer implements PlayerHost {
  readonly #clock = new ClockOffset();
  readonly #stage = document.getElementById("stage")!;
  readonly #ways: (new (host: PlayerHost) => Player)[];
  #way = 0;
  #player: Player | undefined;
  #socket: WebSocket | undefined;
  #stream: StreamMessage | undefined;
  #attempts = 0;
  #received = 0;
  #bytes = 0;
  #shownTimes: number[] = [];
  #latencies: number[] = [];
  #dropped = 0;

  /** Starts. `?decoder=webcodecs|mse|mjpeg` in the address takes that one only. */
  constructor() {
    const wanted = new URLSearchParams(location.search).get("decoder");
    const ways = { webcodecs: CanvasPlayer, mse: MsePlayer, mjpeg: ImagePlayer };
    const only = wanted === null ? undefined : ways[wanted as keyof typeof ways];
    this.#ways = only === undefined ? Object.values(ways) : [only];
    this.#buttons();
    this.#take();
    this.#connect();
    setInterval(() => this.#figures(), 500);
    setInterval(() => this.#send({ t: "ping", sent: this.#clock.local() }), 2000);
    // A hidden page decodes nothing; the camera may rest.
    document.addEventListener("visibilitychange", () => this.#watch());
  }

  #take(): void {
    const Way = this.#ways[this.#way]!;
    this.#player?.close();
    try {
      this.#player = new Way(this);
    } catch (error) {
      this.#player = undefined;
      queueMicrotask(() => this.failed(String(error)));
      return;
    }
    this.#stage.replaceChildren(this.#player.element);
  }

  #connect(): void {
    this.#setState(this.#attempts === 0 ? "connecting" : "reconnecting");
    const url = new URL("ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = "";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#said(JSON.parse(data));
      else this.#media(data);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      const wait = Math.min(5000, 250 * 2 ** this.#attempts++) * (0.75 + Math.random() / 2);
      this.#setState("reconnecting");
      setTimeout(() => this.#connect(), wait);
    };
  }

  #send(message: PageMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #watch(): void {
    this.#received = 0;
    this.#send({ t: "watch", as: document.hidden ? "nothing" : this.#player?.wants ?? "nothing" });
  }

  #said(message: ServerMessage): void {
    switch (message.t) {
      case "hello":
        // A fresh connection continues nothing: decoder and buffers begin anew with it.
        if (this.#attempts > 0) this.#take();
        this.#attempts = 0;
        this.#send({ t: "ping", sent: this.#clock.local() });
        this.#watch();
        break;
      case "stream":
        this.#stream = message;
        this.#stage.style.setProperty("--ratio", `${message.width} / ${message.height}`);
        this.#stage.style.setProperty("--wide", `${message.width / message.height}`);
        this.#player?.stream(message);
        break;
      case "state":
        this.#setState(message.state, message.reason);
        break;
      case "stats":
        this.#dropped = message.dropped;
        this.#text("clients", `${message.clients}`);
        break;
      case "pong":
        this.#clock.add(message.sent, this.#clock.local(), message.now);
        break;
      case "error":
        this.failed(message.message);
    }
  }

  #media(data: ArrayBuffer): void {
    this.#send({ t: "ack", n: ++this.#received });
    this.#bytes += data.byteLength;
    this.#player?.media(decodeMedia(data));
  }

  /** A picture is shown. */
  shown(captureTime: number): void {
    this.#shownTimes.push(performance.now());
    const now = this.#clock.now();
    if (now !== undefined) this.#latencies.push(now - captureTime / 1000);
    document.documentElement.dataset["shown"] = String(
      Number(document.documentElement.dataset["shown"] ?? 0) + 1,
    );
  }

  /** The decoder needs a key frame. */
  needKey(): void {
    this.#send({ t: "key" });
  }

  /** The decoder doesn't work here: the next one. */
  failed(reason: string): void {
    console.warn(`${this.#player?.name ?? "decoder"}: ${reason}`);
    if (this.#way + 1 < this.#ways.length) {
      this.#way++;
      this.#take();
      this.#watch();
    } else this.#setState("can't be shown", reason);
  }

  #setState(state: string, reason?: string): void {
    document.documentElement.dataset["state"] = state;
    this.#text("state", state === "live" ? "Live" : state === "lost" ? "Waiting" : state);
    this.#text(
      "message",
      state === "lost"
        ? `The camera is gone, waiting for it to come back${reason ? ` (${reason})` : ""}`
        : state === "ended"
        ? `The stream has ended${reason ? `: ${reason}` : ""}`
        : state === "reconnecting"
        ? "The connection broke, trying again"
        : reason ?? "",
    );
  }

  #figures(): void {
    const now = performance.now();
    const since = this.#shownTimes[0];
    const last = this.#shownTimes.at(-1);
    const count = this.#shownTimes.length - 1;
    if (since !== undefined && last !== undefined && count > 0 && last > since) {
      this.#text("fps", (count * 1000 / (last - since)).toFixed(1));
    } else this.#text("fps", this.#player?.name === "MJPEG" ? "" : "0");
    this.#shownTimes = this.#shownTimes.filter((time) => now - time < 2000);
    const sorted = this.#latencies.sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    this.#text("latency", median === undefined ? "" : `${Math.max(0, Math.round(median))} ms`);
    if (median !== undefined) document.documentElement.dataset["latency"] = median.toFixed(1);
    this.#latencies = [];
    this.#text("rate", this.#bytes === 0 ? "" : `${(this.#bytes * 16 / 1e6).toFixed(1)} Mbit/s`);
    this.#bytes = 0;
    this.#text("drops", this.#dropped === 0 ? "" : `${this.#dropped}`);
    const stream = this.#stream;
    this.#text("size", stream === undefined ? "" : `${stream.width} × ${stream.height}`);
    this.#text("codec", stream === undefined ? "" : codecName(stream.codec));
    this.#text("encoder", stream?.encoder ?? "");
    this.#text("decoder", this.#player?.name ?? "");
  }

  #text(id: string, text: string): void {
    const element = document.getElementById(id);
    if (element === null || element.textContent === text) return;
    element.textContent = text;
    element.closest("[data-figure]")?.toggleAttribute("hidden", text === "");
  }

  #buttons(): void {
    const on = (id: string, action: () => void) =>
      document.getElementById(id)?.addEventListener("click", action);
    const fullscreen = () => {
      if (document.fullscreenElement !== null) document.exitFullscreen();
      else document.documentElement.requestFullscreen().catch(() => {});
    };
    const figures = () => document.documentElement.toggleAttribute("data-quiet");
    on("fullscreen", fullscreen);
    on("snapshot", () => this.#snapshot());
    on("figures", figures);
    this.#stage.addEventListener("dblclick", fullscreen);
    document.addEventListener("keydown", ({ key, ctrlKey, metaKey, altKey }) => {
      if (ctrlKey || metaKey || altKey) return;
      if (key === "f") fullscreen();
      if (key === "s") this.#snapshot();
      if (key === "i") figures();
    });
  }

  #snapshot(): void {
    if (this.#player === undefined) return;
    const image = this.#player.picture() as Canvas & Video & Image;
    const canvas = document.createElement("canvas");
    canvas.width = image.videoWidth || image.naturalWidth || image.width;
    canvas.height = image.videoHeight || image.naturalHeight || image.height;
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => {
      if (blob === null) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      const time = new Date().toISOString().replaceAll(":", "-").slice(0, 19);
      link.download = `${document.documentElement.dataset["device"]}-${time}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }, "image/png");
  }
}

/** Names of codecs for people. */
export function codecName(codec: string): string {
  return { h264: "H.264", hevc: "HEVC", av1: "AV1", jpeg: "JPEG" }[codec] ?? codec;
}
