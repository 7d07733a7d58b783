/** `xoq relay` and others' programs that speak moq-lite: moq-dev's in a browser, XoQ's in Python. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connectLite, LiteBroadcast, LiteTrackSource } from "../../lib/moqt/lite/mod.ts";
import { connect } from "../../lib/moq_tools/connect.ts";
import { directTransport } from "../../lib/moq_tools/direct.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { noChromium, openBrowser } from "../support/browser.ts";
import { noEncoder } from "../support/live_camera.ts";
import { servePage } from "../support/page.ts";
import { within } from "../support/process.ts";
import { missingPython, python } from "../support/python.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { camera, SIZE } from "../support/served_camera.ts";
import { type Xoq, xoq } from "../support/xoq.ts";

async function relay(): Promise<{ process: Xoq; address: string; hash: string }> {
  const process = xoq(["relay", "--public", "--json", "--listen", "127.0.0.1:0"]);
  const ready = await process.until("ready");
  return {
    process,
    address: String(ready["address"]),
    hash: String(ready["certificate_hash"]),
  };
}

async function lite(address: string, path: string) {
  const transport = await directTransport();
  return await connectLite(
    await transport.dial(`https://${address}/${path}`, {
      protocols: ["moql"],
      trust: { insecure: true },
    }),
  );
}

const GROUPS = 30;
const FRAMES = 4;

/** The frame's bytes, here and in the page. */
const FRAME = `(group, frame) => {
  const bytes = new Uint8Array(frame === 0 ? 30000 : 1 + (group * 131 + frame * 17) % 2000);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + 1, group * 7 + frame + 3) >>> 2;
  return bytes;
}`;
const frameOf = new Function(`return ${FRAME}`)() as (group: number, frame: number) => Uint8Array;
const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function wanted(): string[] {
  const lines: string[] = [];
  for (let group = 0; group < GROUPS; group++) {
    for (let frame = 0; frame < FRAMES; frame++) {
      lines.push(`${group}/${frame} ${hashOf(frameOf(group, frame))}`);
    }
  }
  return lines.toSorted();
}

/** moq-dev's client as it comes, over the browser's own WebTransport. */
const PAGE = `
import * as Moq from "@moq/net";

const query = new URL(location.href).searchParams;
const connection = await Moq.Connection.connect(new URL(query.get("url")!), {
  websocket: { enabled: false },
  webtransport: { serverCertificateHashes: [{ value: query.get("hash")! }] },
});
const state = { version: connection.version, published: 0, heard: [] as string[], seen: [] as string[] };
Object.assign(globalThis, { state });

const frameOf = ${FRAME};
const theirs = new Moq.Broadcast.Producer();
connection.publish(Moq.Path.from("theirs"), theirs);
(async () => {
  for (let request = await theirs.requested(); request; request = await theirs.requested()) {
    const track = request.accept();
    for (let group = 0; group < ${GROUPS}; group++) {
      const made = track.appendGroup();
      for (let frame = 0; frame < ${FRAMES}; frame++) {
        made.writeFrame({ payload: frameOf(group, frame), timestamp: Moq.Time.Timestamp.now() });
      }
      made.close();
      state.published++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
})();

const announced = connection.announced();
for (let news = await announced.next(); news; news = await announced.next()) {
  state.heard.push(news.path);
  if (news.path === "ours") break;
}
const track = connection.consume(Moq.Path.from("ours")).track("video").subscribe();
while (state.seen.length < ${GROUPS * FRAMES}) {
  const group = await track.recvGroup();
  if (group === undefined) break;
  for (let frame = 0;; frame++) {
    const read = await group.readFrame();
    if (read === undefined) break;
    const hash = await crypto.subtle.digest("SHA-256", read.payload);
    state.seen.push(\`\${group.sequence}/\${frame} \${new Uint8Array(hash).toHex()}\`);
  }
}
`;

Deno.test({
  name: "moq-dev's client in a browser publishes and subscribes through the relay",
  ...requires(noChromium, whyNoNativeQuic()),
  async fn() {
    const { process, address, hash } = await relay();
    await using _ = process;
    await using page = await servePage(PAGE);
    await using ours = await lite(address, "room");
    const track = new LiteTrackSource({ lateGroups: 1000 });
    const seen = Promise.withResolvers<void>();
    const source = new LiteBroadcast({
      onTrack: () => {
        seen.resolve();
        return track;
      },
    });
    ours.publish("ours", source);
    const browser = await openBrowser();
    try {
      const tab = await browser.newPage();
      const said: string[] = [];
      tab.on("console", (message) => said.push(message.text()));
      tab.on("pageerror", (error) => said.push(String(error)));
      const state = async <T>(what: string) => await tab.evaluate(`state.${what}`) as T;
      page.url.search = `?${new URLSearchParams({ url: `https://${address}/room`, hash })}`;
      await tab.goto(page.url.href);
      await within(seen.promise, 15_000, () => `the page's subscription: ${said.join("\n")}`);
      assert.equal(await state("version"), "moq-lite-02");
      for (let group = 0; group < GROUPS; group++) {
        track.startGroup();
        for (let frame = 0; frame < FRAMES; frame++) track.write(frameOf(group, frame));
        track.endGroup();
        await track.drained();
      }
      await tab.waitForFunction(`state.seen.length === ${GROUPS * FRAMES}`, null, {
        timeout: 15_000,
      });
      assert.deepEqual((await state<string[]>("seen")).toSorted(), wanted());

      // What the page publishes, in both families at once: it sends each track once.
      const found: string[] = [];
      const subscription = ours.subscribe("theirs", "video", { maxGroups: 1000, late: "deliver" });
      await using draft = await connect(`moqt://${address}`, { trust: { insecure: true } });
      const objects = draft.subscribe(trackName(["room", "theirs"], "video"));
      const byLite = async () => {
        for await (const group of subscription.groups()) {
          let frame = 0;
          for await (const bytes of group) {
            found.push(`${group.sequence}/${frame++} ${hashOf(bytes)}`);
          }
          if (found.length === GROUPS * FRAMES) return;
        }
      };
      const byDraft = async () => {
        const lines: string[] = [];
        for await (const { group, id, payload, status } of objects.objects()) {
          if (status === "normal") lines.push(`${group}/${id} ${hashOf(payload)}`);
          if (group === GROUPS - 1 && id === FRAMES - 1) break;
        }
        return lines;
      };
      const [, lines] = await within(Promise.all([byLite(), byDraft()]), 20_000, () => {
        return `${found.length} frames: ${said.join("\n")}`;
      });
      assert.deepEqual(found.toSorted(), wanted());
      const all = new Set(wanted());
      assert.ok(lines.length > GROUPS && lines.every((line) => all.has(line)), lines.join("\n"));
    } finally {
      await browser.close();
    }
  },
});

/** XoQ's client of a CAN bus: what it sends must come back. */
const CAN_CLIENT = `
import sys, xoq_can
bus = xoq_can.Bus(sys.argv[1], insecure=True, timeout=10.0)
for i in range(int(sys.argv[2])):
    data = bytes([i % 256] * (i % 9))
    bus.send(xoq_can.Message(arbitration_id=0x100 + i, data=data))
    answer = bus.recv(10.0)
    assert answer is not None, f"no answer to {i}"
    assert (answer.arbitration_id, bytes(answer.data)) == (0x100 + i, data), f"{i}: {answer}"
print("done")
`;
const MESSAGES = 100;

Deno.test({
  name: "XoQ's CAN client talks through the relay with who publishes as XoQ's server does",
  ...requires(whyNoNativeQuic(), await missingPython("xoq_can")),
  async fn() {
    const { process, address } = await relay();
    await using _ = process;
    await using state = await lite(address, "anon/bus/state");
    const track = new LiteTrackSource({ lateGroups: 1000 });
    state.publish("", new LiteBroadcast({ onTrack: (name) => name === "can" ? track : undefined }));
    await using commands = await lite(address, "anon/bus/commands");
    let echoed = 0;
    const echo = async () => {
      for await (const { active } of commands.announced()) if (active) break;
      for await (const group of commands.subscribe("", "can").groups()) {
        for await (const record of group) {
          echoed++;
          track.writeGroup(record);
        }
      }
    };
    // Until the client is gone.
    const echoing = echo().catch(() => {});
    const { code, stdout, stderr } = await new Deno.Command("timeout", {
      args: ["40", python, "-c", CAN_CLIENT, `https://${address}/anon/bus`, String(MESSAGES)],
      stdin: "null",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.match(new TextDecoder().decode(stdout), /done/);
    assert.equal(echoed, MESSAGES);
    await commands.close();
    await echoing;
  },
});

/** Plays what a camera publishes: each frame is 8 bytes of time and then CMAF. */
const PLAYER = `
import * as Moq from "@moq/net";

const query = new URL(location.href).searchParams;
const state = { errors: [] as string[] };
Object.assign(globalThis, { state });
const video = document.createElement("video");
video.muted = true;
document.body.append(video);
const media = new MediaSource();
video.src = URL.createObjectURL(media);
await new Promise((resolve) => media.addEventListener("sourceopen", resolve, { once: true }));
const buffer = media.addSourceBuffer('video/mp4; codecs="avc1.64001f"');
const connection = await Moq.Connection.connect(new URL(query.get("url")!), {
  websocket: { enabled: false },
  webtransport: { serverCertificateHashes: [{ value: query.get("hash")! }] },
});
const track = connection.consume(Moq.Path.from("")).track("video").subscribe();
video.addEventListener("error", () => state.errors.push(video.error!.message));
for (let group = await track.recvGroup(); group !== undefined; group = await track.recvGroup()) {
  for (let read = await group.readFrame(); read !== undefined; read = await group.readFrame()) {
    buffer.appendBuffer(read.payload.slice(8));
    await new Promise((resolve) => buffer.addEventListener("updateend", resolve, { once: true }));
    const ranges = video.buffered.length;
    if (ranges === 0) continue;
    // A camera that was late for a picture leaves a gap, which live players leap over.
    const from = video.buffered.start(ranges - 1);
    if (video.currentTime < from) video.currentTime = from;
    // Not awaited: it resolves once there is more to play.
    if (video.paused) video.play().catch((error) => state.errors.push(String(error)));
  }
}
`;

Deno.test({
  name: "a page plays a camera that is published to the relay, by moq-dev's client",
  ...requires(noChromium, whyNoNativeQuic(), await noEncoder("h264")),
  async fn() {
    const { process, address, hash } = await relay();
    await using _ = process;
    await using served = await camera([
      ...["--h264", "--gop", "15", "--moq=anon/camera", "--moq-relay", `https://${address}`],
      "--insecure",
    ]);
    await served.xoq.until("moq", { where: ({ state }) => state === "published" });
    await using page = await servePage(PLAYER);
    const browser = await openBrowser();
    try {
      const tab = await browser.newPage();
      const said: string[] = [];
      tab.on("console", (message) => said.push(message.text()));
      tab.on("pageerror", (error) => said.push(String(error)));
      page.url.search = `?${new URLSearchParams({ url: `https://${address}/anon/camera`, hash })}`;
      await tab.goto(page.url.href);
      const shown = "document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames";
      const playing = `globalThis.state && (${shown} >= 20 || state.errors.length > 0)`;
      await tab.waitForFunction(playing, null, { timeout: 60_000 }).catch((error) => {
        throw new Error(`${error}; the page said: ${said.join("; ")}`);
      });
      assert.deepEqual(await tab.evaluate("state.errors"), []);
      const size = "(({ videoWidth, videoHeight }) => [videoWidth, videoHeight])";
      assert.deepEqual(
        await tab.evaluate(`${size}(document.querySelector("video"))`),
        [SIZE.width, SIZE.height],
      );
    } finally {
      await browser.close();
    }
  },
});
