import assert from "node:assert/strict";
import { BusyError, NotFoundError, UnsupportedError, UsageError } from "../../../lib/errors.ts";
import { type HttpOptions, serveHttp } from "../../../lib/camera/sinks/http.ts";
import { isLoopback, parseHttpAddress } from "../../../lib/camera/sinks/http_address.ts";
import { MAX_CLIENTS } from "../../../lib/camera/sinks/http_clients.ts";
import type { Feed } from "../../../lib/media/feed.ts";
import { Fanout } from "../../../lib/media/fanout.ts";
import type { Codecs } from "../../../lib/media/transcode.ts";
import { decodeMedia, encodeMedia, type ServerMessage } from "../../../lib/web/wire.ts";
import { frame } from "../../media/frames.ts";
import { noFfmpeg, testStream } from "../../support/ffmpeg.ts";
import { within } from "../../support/process.ts";
import { fanoutOf, ReplayFeed } from "../../support/replay.ts";
import { requires } from "../../support/requires.ts";

const { ignore } = requires(noFfmpeg);

const jpegImage = (n: number) =>
  frame(n, true, {
    codec: "jpeg",
    data: new Uint8Array([
      0xff,
      0xd8,
      0xff,
      0xc0,
      0,
      8,
      8,
      0,
      16,
      0,
      16,
      1,
      0xff,
      0xda,
      0,
      2,
      n,
      0xff,
      0xd9,
    ]),
  });

function serve(feeds: Record<string, Feed>, options: HttpOptions = {}) {
  return serveHttp(new Map(Object.entries(feeds)), { address: ":0", ...options });
}

/** Answer of one request, whose Host and method can be anything. */
async function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<{ status: number; head: string; body: string }> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = [`${method} ${path} HTTP/1.1`, "Connection: close"];
  const all = { Host: `127.0.0.1:${port}`, ...headers };
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`);
  await connection.write(new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of connection.readable) text += decoder.decode(bytes, { stream: true });
  const [head = "", ...body] = text.split("\r\n\r\n");
  return {
    status: Number(head.split(" ")[1]),
    head: head.toLowerCase(),
    body: body.join("\r\n\r\n"),
  };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

async function until(condition: () => boolean, what: string): Promise<void> {
  await within(
    (async () => {
      while (!condition()) await turn();
    })(),
    5000,
    () => what,
  );
}

Deno.test("addresses: what people write, and what they may not", () => {
  const cases: [string, string, number | undefined][] = [
    ["", "127.0.0.1", undefined],
    [":8080", "127.0.0.1", 8080],
    ["8080", "127.0.0.1", 8080],
    ["0.0.0.0:80", "0.0.0.0", 80],
    ["192.168.1.5", "192.168.1.5", undefined],
    ["localhost:9", "localhost", 9],
    ["[::1]:8080", "::1", 8080],
    ["[::]", "::", undefined],
    ["*:8080", "0.0.0.0", 8080],
    ["robot-1.local:0", "robot-1.local", 0],
  ];
  for (const [text, hostname, port] of cases) {
    assert.deepEqual(parseHttpAddress(text), { hostname, port }, text);
  }
  for (const text of [":", ":70000", "http://x", "a b", "::1", ":-1", "x:y", "[::1"]) {
    assert.throws(() => parseHttpAddress(text), UsageError, text);
  }
  assert.ok(isLoopback("127.8.8.8") && isLoopback("::1") && isLoopback("localhost"));
  assert.ok(!isLoopback("0.0.0.0") && !isLoopback("192.168.1.1") && !isLoopback("127.evil.com"));
});

Deno.test("a named port that is taken is busy; without one the next free is taken", async () => {
  await using first = serve({ cam: new Fanout() }, { address: "" });
  await using second = serve({ cam: new Fanout() }, { address: "" });
  assert.notEqual(first.port, second.port);
  assert.throws(() => serve({}, { address: `:${first.port}` }), BusyError);
  assert.throws(
    () => serve({}, { address: "192.0.2.1:0", authorize: () => Promise.reject() }),
    NotFoundError,
  );
  assert.throws(() => serve({}, { address: "0.0.0.0:0" }), UsageError);
});

Deno.test("every answer carries the headers that shut other sites out", async () => {
  await using server = serve({ cam: fanoutOf([jpegImage(0)]) });
  for (const path of ["/", "/status.json", "/nothing"]) {
    const { head } = await ask(server.port, path);
    assert.match(head, /x-content-type-options: nosniff/);
    assert.match(head, /x-frame-options: deny/);
    assert.match(head, /cross-origin-resource-policy: same-origin/);
    assert.match(head, /referrer-policy: no-referrer/);
    assert.ok(!head.includes("access-control-"), "no CORS");
  }
  const { head, body } = await ask(server.port, "/");
  const nonce = /'nonce-([0-9a-f]{32})'/.exec(head)?.[1];
  assert.match(head, /content-security-policy: default-src 'none'/);
  assert.ok(nonce !== undefined && body.includes(`<script type="module" nonce="${nonce}">`));
  assert.ok(!/(src|href)="https?:/.test(body), "nothing from elsewhere");
  assert.notEqual(/'nonce-([0-9a-f]+)'/.exec((await ask(server.port, "/")).head)?.[1], nonce);
});

Deno.test("requests under another name, from other origins, sites and methods are refused", async () => {
  await using server = serve({ cam: fanoutOf([jpegImage(0)]) });
  const { port } = server;
  const cases: [string, Record<string, string>, string, number][] = [
    ["as it is", {}, "GET", 200],
    ["localhost", { Host: `localhost:${port}` }, "GET", 200],
    ["a rebound name", { Host: `evil.example:${port}` }, "GET", 421],
    ["a name that begins alike", { Host: "127.0.0.1.evil.example" }, "GET", 421],
    ["another address", { Host: `192.168.1.7:${port}` }, "GET", 421],
    ["own origin", { Origin: `http://127.0.0.1:${port}` }, "GET", 200],
    ["other origin", { Origin: "https://evil.example" }, "GET", 403],
    ["other port", { Origin: "http://127.0.0.1:1" }, "GET", 403],
    ["null origin", { Origin: "null" }, "GET", 403],
    [
      "img of another site",
      { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" },
      "GET",
      403,
    ],
    [
      "img of another port",
      { "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" },
      "GET",
      403,
    ],
    [
      "frame of another site",
      { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe" },
      "GET",
      403,
    ],
    [
      "link from another site",
      {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
      },
      "GET",
      200,
    ],
    ["POST", {}, "POST", 405],
    ["OPTIONS", {}, "OPTIONS", 405],
    ["HEAD", {}, "HEAD", 200],
  ];
  for (const [name, headers, method, status] of cases) {
    assert.equal((await ask(port, "/", headers, method)).status, status, name);
  }
  const upgrade = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
  };
  assert.equal(
    (await ask(port, "/ws", { ...upgrade, Origin: "https://evil.example" })).status,
    403,
  );
  assert.equal((await ask(port, "/ws")).status, 426);
});

Deno.test("off loopback the grant opens the door, once in the address, then as a cookie", async () => {
  const asked: string[] = [];
  const authorize = (token: string) => {
    asked.push(token);
    return Promise.resolve(token === "good" ? { expires: Date.now() + 60_000 } : undefined);
  };
  await using server = serve({ cam: fanoutOf([jpegImage(0)]) }, {
    address: "0.0.0.0:0",
    authorize,
  });
  const { port } = server;
  assert.equal((await ask(port, "/")).status, 401);
  assert.equal((await ask(port, "/status.json")).status, 401);
  assert.equal((await ask(port, "/?token=bad")).status, 403);
  assert.equal((await ask(port, `/?token=${"x".repeat(5000)}`)).status, 403);
  const page = { Accept: "text/html" };
  const redirect = await ask(port, "/?decoder=mse&token=good", page);
  assert.equal(redirect.status, 303);
  assert.match(redirect.head, /location: \/\?decoder=mse\r\n/);
  const cookie = /set-cookie: (xoq_\d+=[0-9a-f]{64}); path=\/; httponly; samesite=strict/
    .exec(redirect.head)?.[1];
  assert.ok(cookie !== undefined, redirect.head);
  const before = asked.length;
  assert.equal((await ask(port, "/", { ...page, Cookie: `other=1; ${cookie}` })).status, 200);
  assert.equal((await ask(port, "/status.json", { Cookie: cookie })).status, 200);
  assert.equal(asked.length, before, "a cookie needs no grant");
  assert.equal((await ask(port, "/", { Cookie: `xoq_${port}=${"0".repeat(64)}` })).status, 401);
  assert.equal(
    (await ask(port, "/status.json?token=good")).status,
    200,
    "programs go on with the grant",
  );
  assert.equal((await ask(port, "/status.json", { Authorization: "Bearer good" })).status, 200);
  assert.equal((await ask(port, "/", { Host: "192.168.1.7", Cookie: cookie })).status, 200);
  assert.equal((await ask(port, "/", { Host: "evil.example", Cookie: cookie })).status, 421);
});

Deno.test("several devices have their own paths, and one that isn't there is named", async () => {
  const feeds = new Map<string, Feed>([["front", fanoutOf([jpegImage(0)])], [
    "rear<b>",
    new Fanout(),
  ]]);
  await using server = serveHttp(feeds, { address: ":0" });
  const { port } = server;
  const list = await ask(port, "/");
  assert.ok(list.body.includes('href="/front/"') && list.body.includes("rear&#60;b&#62;"));
  assert.ok(!list.body.includes("<b>"));
  assert.match((await ask(port, "/front")).head, /location: \/front\/\r\n/);
  assert.match((await ask(port, "/front/")).body, /data-device="front"/);
  const status = JSON.parse((await ask(port, "/front/status.json")).body);
  assert.deepEqual([status.device, status.state, status.stream.codec], ["front", "live", "jpeg"]);
  const missing = await ask(port, "/side/status.json");
  assert.deepEqual([missing.status, missing.body.includes("front, rear")], [404, true]);
  const odd = await ask(port, "/rear%3Cb%3E/status.json");
  assert.deepEqual([odd.status, JSON.parse(odd.body).device], [200, "rear<b>"]);
  assert.equal((await ask(port, "/%ff/")).status, 404);
  feeds.delete("rear<b>");
  assert.match((await ask(port, "/")).body, /data-device="front"/);
  assert.equal((await ask(port, "/front/a/b")).status, 404);
});

Deno.test("MJPEG parts carry the camera's own images with their times", async () => {
  const fanout = fanoutOf([jpegImage(0)]);
  await using server = serve({ cam: fanout });
  const response = await fetch(`${server.url}stream.mjpg`);
  assert.equal(
    response.headers.get("content-type"),
    "multipart/x-mixed-replace; boundary=xoqframe",
  );
  const reader = response.body!.getReader();
  let text = "";
  const read = async (wanted: RegExp) => {
    while (!wanted.test(text)) {
      const { value } = await within(reader.read(), 5000, () => `${wanted} in ${text}`);
      text += new TextDecoder("latin1").decode(value);
    }
  };
  await read(/^--xoqframe\r\n$/);
  for (const n of [1, 2]) {
    fanout.push(jpegImage(n));
    const image = `\xff\xda\0\x02${String.fromCharCode(n)}\xff\xd9`;
    text = "";
    // An image is whole with its delimiter, before the next one begins.
    await read(new RegExp(`X-Sequence: ${n}\r\n\r\n[^]*\r\n--xoqframe\r\n$`));
    assert.match(
      text,
      /^Content-Type: image\/jpeg\r\nContent-Length: 19\r\nX-Timestamp: 1700000000\.\d{6}\r\n/,
    );
    assert.ok(text.includes(image), "the image, byte for byte");
  }
  await reader.cancel();
  await until(() => fanout.stats().readers === 0, "the reader's leaving");
  assert.equal(server.clients().length, 0);
});

Deno.test("what can't be transcoded is 415 with the reason, and tried again the next time", async () => {
  let tries = 0;
  const codecs: Codecs = {
    createDecoder: () =>
      Promise.reject(new UnsupportedError(`no decoder, try ${++tries}`, { hint: "get one" })),
    createEncoder: () => Promise.reject(new UnsupportedError("no encoder")),
  };
  await using server = serve({ cam: fanoutOf([frame(0, true)]) }, { codecs });
  for (const [path, text] of [["stream.mjpg", "try 1"], ["snapshot.jpg", "try 2"]] as const) {
    const answer = await ask(server.port, `/${path}`);
    assert.equal(answer.status, 415);
    assert.ok(answer.body.includes(`${text}: get one`), answer.body);
  }
  assert.equal((await ask(server.port, "/stream.hevc")).status, 404);
  assert.equal(server.clients().length, 0);
});

Deno.test("no more than 64 clients; the next one is told", async () => {
  const fanout = fanoutOf([jpegImage(0)]);
  const changes: number[] = [];
  await using server = serve({ cam: fanout }, { onClients: (n) => changes.push(n) });
  const responses = await Promise.all(
    Array.from({ length: MAX_CLIENTS }, () => fetch(`${server.url}stream.mjpg`)),
  );
  assert.equal(MAX_CLIENTS, 64);
  assert.equal(server.clients().length, 64);
  assert.equal((await ask(server.port, "/stream.mjpg")).status, 503);
  assert.equal((await ask(server.port, "/status.json")).status, 200);
  await responses[0]!.body!.cancel();
  await until(() => server.clients().length === 63, "a free place");
  assert.equal(Math.max(...changes), 64);
  for (const response of responses.slice(1)) await response.body!.cancel();
});

Deno.test("a client that doesn't read delays nobody and loses frames", async () => {
  const fanout = fanoutOf([jpegImage(0)]);
  await using server = serve({ cam: fanout });
  using stuck = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await stuck.write(
    new TextEncoder().encode(`GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n`),
  );
  await until(() => fanout.stats().readers === 1, "the stuck client");
  const large = { ...jpegImage(0), data: new Uint8Array(1_000_000) };
  // What the socket's buffers hold is taken; then it is full.
  for (let i = 0; i < 30; i++) {
    fanout.push({ ...large, sequence: i });
    await turn();
  }
  const quick = fanout.subscribe();
  for (let i = 30; i < 60; i++) {
    fanout.push({ ...large, sequence: i });
    assert.equal((await within(quick.next(), 2000, () => "a frame")).value?.sequence, i);
  }
  const [client] = server.clients();
  assert.ok(client!.stats!.dropped >= 30, `${client!.stats!.dropped} dropped`);
  quick[Symbol.dispose]();
});

Deno.test("closing ends everything within two seconds", async () => {
  const fanout = fanoutOf([jpegImage(0)]);
  const server = serve({ cam: fanout });
  const stream = await fetch(`${server.url}stream.mjpg`);
  const socket = new WebSocket(`${server.url.replace("http", "ws")}ws`);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await new Promise((resolve) => socket.onmessage = resolve);
  using idle = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await until(() => server.clients().length === 2, "both clients");
  const began = performance.now();
  await Promise.all([server.close(), server.close()]);
  assert.ok(performance.now() - began < 2000);
  await stream.body!.cancel().catch(() => {});
  assert.equal((await closed).code, 1001);
  assert.equal(fanout.stats().readers, 0);
  idle.close();
});

/** A page's side of the WebSocket. */
async function openPage(url: string) {
  const socket = new WebSocket(`${url.replace("http", "ws")}ws`);
  socket.binaryType = "arraybuffer";
  const texts: ServerMessage[] = [];
  const media: ReturnType<typeof decodeMedia>[] = [];
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") texts.push(JSON.parse(data));
    else media.push(decodeMedia(data));
  };
  await new Promise((resolve) => socket.onopen = resolve);
  const say = (message: unknown) => socket.send(JSON.stringify(message));
  return { socket, texts, media, say, [Symbol.dispose]: () => socket.close() };
}

Deno.test("a page gets state, description and frames, and no more than it acknowledges", async () => {
  const fanout = fanoutOf([jpegImage(0)]);
  await using server = serve({ cam: fanout });
  using page = await openPage(server.url);
  await until(() => page.texts.length === 2, "hello and state");
  assert.deepEqual(page.texts, [
    { t: "hello", version: 1, device: "cam" },
    { t: "state", state: "live" },
  ]);
  page.say({ t: "unknown" });
  page.socket.send("not JSON");
  page.socket.send("null");
  page.socket.send(new Uint8Array(10));
  page.say({ t: "watch", as: "frames" });
  await until(() => fanout.stats().readers === 1, "the page's reading");
  const push = async (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      fanout.push(jpegImage(i));
      await turn();
    }
  };
  await push(0, 20);
  assert.deepEqual(page.media.map((m) => m.sequence), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(page.media[3]!.captureTime, jpegImage(3).captureTime);
  assert.deepEqual(page.media[3]!.payload, jpegImage(3).data);
  const stream = page.texts.find((text) => text.t === "stream");
  assert.deepEqual([stream?.codec, stream?.width, stream?.mime], ["jpeg", 16, ""]);
  page.say({ t: "ack", n: 1000 });
  page.say({ t: "ack", n: 8 });
  await until(() => page.media.length === 9, "the next frame");
  assert.equal(page.media[8]!.sequence, 19, "the newest, not the oldest");
  fanout.setState({ state: "lost", reason: "unplugged" });
  fanout.setState({ state: "live" });
  page.say({ t: "ping", sent: 5 });
  await until(() => page.texts.some((text) => text.t === "pong"), "pong");
  const states = page.texts.flatMap((text) => text.t === "state" ? [text.state] : []);
  assert.deepEqual(states, ["live", "lost", "live"]);
  page.say({ t: "watch", as: "nothing" });
  await until(() => fanout.stats().readers === 0, "rest");
});

Deno.test({
  name: "a page that wants MP4 gets segments without gaps; JPEG it is told about",
  ignore,
  fn: async () => {
    using replay = new ReplayFeed(await testStream({ codec: "h264", frames: 20 }), 100);
    await using server = serve({ cam: replay.feed, jpeg: fanoutOf([jpegImage(0)]) });
    using page = await openPage(`${server.url}cam/`);
    page.say({ t: "watch", as: "mp4" });
    await until(() => page.media.length === 8, "eight segments");
    assert.deepEqual(page.media.map((m) => m.kind), [2, 3, 3, 3, 3, 3, 3, 3]);
    const stream = page.texts.find((text) => text.t === "stream");
    assert.match(stream!.mime, /^video\/mp4; codecs="avc1\.[0-9a-f]{6}"$/);
    assert.ok(page.media.slice(2).every((m, i) => m.mediaTime > page.media[i + 1]!.mediaTime));
  },
});

Deno.test("headers of binary messages are as documented", () => {
  const message = {
    kind: 3,
    key: true,
    sequence: 0x1_0203_0405,
    captureTime: 1.7e15 + 1,
    mediaTime: 33333.5,
    payload: new Uint8Array([9, 8]),
  };
  const bytes = encodeMedia(message);
  assert.deepEqual([...bytes.subarray(0, 8)], [3, 1, 0, 0, 2, 3, 4, 5]);
  assert.equal(bytes.length, 26);
  assert.deepEqual(decodeMedia(bytes.buffer), { ...message, sequence: 0x0203_0405 });
  assert.throws(() => decodeMedia(new ArrayBuffer(23)), RangeError);
});
