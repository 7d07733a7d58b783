/** `xoq relay` and those who speak moq-lite: over QUIC and WebTransport, beside MoQT's drafts. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { decodeMoqJpeg, decodeMoqVideo } from "../../lib/camera/moq_wire.ts";
import { parseJpegInfo } from "../../lib/media/jpeg_info.ts";
import {
  connectLite,
  LiteBroadcast,
  type LiteSession,
  LiteStreamError,
  LiteTrackSource,
} from "../../lib/moqt/lite/mod.ts";
import { connect } from "../../lib/moq_tools/connect.ts";
import { directTransport } from "../../lib/moq_tools/direct.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { TransportError } from "../../lib/transport/connection.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { camera, SIZE } from "../support/served_camera.ts";
import { freePort, runXoq, type Xoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic());

/** Over WebTransport the URL's path is the root of what a session sees. */
const WAYS = [
  { scheme: "https", path: "room", root: "", protocols: ["moql"], name: "WebTransport" },
  { scheme: "https", path: "room", root: "", protocols: [], name: "WebTransport, by set-up" },
  { scheme: "moqt", path: "", root: "room/", protocols: ["moql"], name: "QUIC" },
] as const;
type Way = typeof WAYS[number];

async function relay(args: readonly string[] = ["--public"], options: { state?: string } = {}) {
  const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const process = xoq(["relay", "--json", ...listen, ...args], options);
  const { address } = await process.until("ready");
  return { process, address: String(address) };
}

async function come(address: string, way: Way, query = ""): Promise<LiteSession> {
  const transport = await directTransport();
  const url = `${way.scheme}://${address}/${way.path}${query}`;
  return await connectLite(
    await transport.dial(url, { protocols: way.protocols, trust: { insecure: true } }),
  );
}

async function announced(session: LiteSession, path: string): Promise<void> {
  for await (const news of session.announced()) if (news.path === path && news.active) return;
  throw new Error(`${path} was not announced`);
}

/** Events tell who came. */
async function client(process: Xoq, draft: string | number): Promise<void> {
  await process.until("client", { where: (event) => event["draft"] === draft });
}

function payload(seed: number): Uint8Array {
  const bytes = new Uint8Array(seed % 4 === 0 ? 40_000 : seed * 13 % 3000);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + 1, seed + 7) >>> 3;
  return bytes;
}

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const GROUPS = 60;
const FRAMES = 4;

for (const [index, from] of WAYS.entries()) {
  const to = WAYS[(index + 1) % WAYS.length]!;
  Deno.test({
    name: `moq-lite over ${from.name}: every byte reaches ${to.name}, and draft 22`,
    ignore,
    async fn() {
      const { process, address } = await relay();
      await using _ = process;
      await using publisher = await come(address, from);
      assert.equal(publisher.version, 2);
      await client(process, "moq-lite-02");
      const track = new LiteTrackSource({ lateGroups: 1000 });
      publisher.publish(`${from.root}cam/front`, new LiteBroadcast({ onTrack: () => track }));
      await using lite = await come(address, to);
      await within(announced(lite, `${to.root}cam/front`), 5000, () => "the announcement");
      const frames = lite.subscribe(`${to.root}cam/front`, "video", {
        maxGroups: 1000,
        late: "deliver",
      });
      await using draft = await connect(`moqt://${address}`, { trust: { insecure: true } });
      const objects = draft.subscribe(trackName(["room", "cam", "front"], "video"));
      await Promise.all([frames.ready, objects.ready]);
      const wanted = new Map<string, string>();
      for (let group = 0; group < GROUPS; group++) {
        const sequence = track.startGroup();
        for (let frame = 0; frame < FRAMES; frame++) {
          const bytes = payload(group * FRAMES + frame);
          track.write(bytes);
          wanted.set(`${sequence}/${frame}`, hash(bytes));
        }
        track.endGroup();
        await track.drained();
      }
      const byLite = async () => {
        const found = new Map<string, string>();
        for await (const group of frames.groups()) {
          let frame = 0;
          for await (const bytes of group) found.set(`${group.sequence}/${frame++}`, hash(bytes));
          if (found.size === wanted.size) break;
        }
        return found;
      };
      const byDraft = async () => {
        const found = new Map<string, string>();
        for await (const { group, id, status, payload: bytes } of objects.objects()) {
          if (status === "normal") found.set(`${group}/${id}`, hash(bytes));
          if (found.size === wanted.size) break;
        }
        return found;
      };
      const sorted = (found: Map<string, string>) => [...found].toSorted();
      const found = await within(Promise.all([byLite(), byDraft()]), 20_000, () => "all groups");
      assert.deepEqual(found.map(sorted), [sorted(wanted), sorted(wanted)]);
    },
  });
}

Deno.test({
  name: "moq-lite: a token in the URL says what is seen, published and for how long",
  ignore,
  async fn() {
    const state = await Deno.makeTempDir({ prefix: "xoq-relay-lite-" });
    try {
      const { process, address } = await relay([], { state });
      await using _ = process;
      const [way] = WAYS;
      const issue = async (...args: string[]) => {
        const { stdout } = await runXoq(["relay", "token", ...args], { state });
        return `?token=${new TextDecoder().decode(stdout).trim()}`;
      };
      const token = await issue("--publish", "room/cam", "--expires", "1h");
      await using publisher = await come(address, way, token);
      const track = new LiteTrackSource();
      const broadcast = new LiteBroadcast({ onTrack: () => track });
      publisher.publish("cam", broadcast);
      publisher.publish("elsewhere", broadcast);
      await using nobody = await come(address, way);
      await assert.rejects(nobody.subscribe("cam", "video").ready, LiteStreamError);
      const heard = nobody.announced();
      await heard.ready;
      assert.deepEqual([...heard.active], []);
      const short = await come(address, way, await issue("--subscribe", "/", "--expires", "3s"));
      await within(announced(short, "cam"), 5000, () => "the announcement");
      await assert.rejects(short.subscribe("elsewhere", "video").ready, LiteStreamError);
      await short.subscribe("cam", "video").ready;
      const { closeCode } = await within(short.closed, 10_000, () => "the token's end");
      assert.equal(closeCode, 0x18);
      await assert.rejects(
        come(address, way, `${token.slice(0, -4)}AAAA`),
        (error) => error instanceof TransportError && error.closeCode === 2,
      );
      const said = [...process.events.map((event) => JSON.stringify(event)), ...process.said];
      assert.ok(!said.join("\n").includes(token.slice(7)), "tokens are told to nobody");
    } finally {
      await Deno.remove(state, { recursive: true });
    }
  },
});

const PATH = "anon/camera-test";

/** The first frames of the first groups of a camera on the relay. */
async function watch(address: string, track: string, groups: number): Promise<Uint8Array[]> {
  await using session = await come(address, { ...WAYS[1], path: PATH as "room" });
  await announced(session, "");
  const frames: Uint8Array[] = [];
  for await (const group of session.subscribe("", track).groups()) {
    for await (const frame of group) {
      frames.push(frame);
      break;
    }
    if (frames.length === groups) break;
  }
  return frames;
}

Deno.test({
  name: "xoq camera --moq is seen through xoq relay, in both families, also after it was gone",
  ignore,
  async fn() {
    const listen = `127.0.0.1:${await freePort()}`;
    let { process } = await relay(["--public", "--listen", listen]);
    try {
      await using served = await camera([
        ...["--h264", "--gop", "10", `--moq=${PATH}`, "--moq-relay", `https://${listen}`],
        "--insecure",
      ]);
      await served.xoq.until("moq", { where: ({ state }) => state === "published" });
      const frames = await within(watch(listen, "video", 3), 20_000, () => "three groups");
      for (const frame of frames) {
        const { data } = decodeMoqVideo(frame);
        assert.equal(new TextDecoder().decode(data.subarray(4, 8)), "ftyp");
      }
      await using tool = xoq([
        ...["moq", "sub", `moqt://${listen}`, "--insecure", "--namespace", PATH],
        ...["--track", "video", "--format", "json", "--count", "5"],
      ]);
      assert.equal((await tool.exit()).code, 0);
      assert.equal(tool.printed.length, 5);

      await process[Symbol.asyncDispose]();
      await served.xoq.until("moq", { where: ({ state }) => state === "lost" });
      ({ process } = await relay(["--public", "--listen", listen]));
      await served.xoq.until("moq", { where: ({ state }) => state === "published" });
      await within(watch(listen, "video", 2), 20_000, () => "two more");
    } finally {
      await process[Symbol.asyncDispose]();
    }
  },
});

Deno.test({
  name: "xoq camera --jpeg --moq: pictures are on the relay as XoQ's programs read them",
  ignore,
  async fn() {
    const { process, address } = await relay();
    await using _ = process;
    await using served = await camera([
      ...["--jpeg", `--moq=${PATH}`, "--relay", `https://${address}`, "--insecure"],
    ]);
    await served.xoq.until("moq", { where: ({ state }) => state === "published" });
    const pictures = await within(watch(address, "camera", 5), 15_000, () => "five pictures");
    for (const picture of pictures) {
      const { data, width, height } = decodeMoqJpeg(picture);
      assert.deepEqual({ width, height }, SIZE);
      const info = parseJpegInfo(data);
      assert.deepEqual({ width: info.width, height: info.height }, SIZE);
    }
  },
});
