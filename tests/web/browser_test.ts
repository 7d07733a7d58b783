import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { type PatternReading, readPattern } from "../../lib/camera/pattern_code.ts";
import { type HttpServer, serveHttp } from "../../lib/camera/sinks/http.ts";
import { autoCodecs } from "../../lib/camera/sinks/sink.ts";
import { nowMicros } from "../../lib/media/clock.ts";
import type { Feed } from "../../lib/media/feed.ts";
import type { VideoCodec } from "../../lib/media/frame.ts";
import { noChromium, openBrowser } from "../support/browser.ts";
import { liveCamera, noEncoder } from "../support/live_camera.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";

function serve(feed: Feed, address = ":0"): HttpServer {
  return serveHttp(new Map([["test", feed]]), { address, codecs: autoCodecs });
}

/** What the picture on the page says, read off its pixels. */
async function readPage(page: Page): Promise<PatternReading | undefined> {
  const { width, height } = { width: 320, height: 180 };
  // The callback runs in the page.
  const green: number[] = await page.evaluate(`(() => {
    const canvas = document.createElement("canvas");
    canvas.width = ${width};
    canvas.height = ${height};
    const context = canvas.getContext("2d");
    const shown = document.querySelector("#stage > *");
    if (shown === null) return [];
    context.drawImage(shown, 0, 0, ${width}, ${height});
    const { data } = context.getImageData(0, 0, ${width}, ${height});
    return Array.from({ length: ${width * height} }, (_, i) => data[i * 4 + 1]);
  })()`);
  return green.length === 0 ? undefined : readPattern(Uint8Array.from(green), width, height, width);
}

/** Reads until the picture satisfies `accept`. */
async function seen(
  page: Page,
  accept: (reading: PatternReading) => boolean,
): Promise<PatternReading> {
  let last: PatternReading | undefined;
  let open = true;
  const reading = async () => {
    while (open) {
      last = await readPage(page);
      if (last !== undefined && accept(last)) return last;
    }
    throw new Error("given up");
  };
  try {
    return await within(
      reading(),
      30_000,
      () => `a picture (the last one said ${JSON.stringify(last)})`,
    );
  } finally {
    open = false;
  }
}

/** Waits for something to be true in the page; its policy lets nothing be evaluated that waits there. */
async function becomes(page: Page, expression: string): Promise<void> {
  let open = true;
  const polling = async () => {
    while (open && await page.evaluate(expression) !== true) await page.waitForTimeout(50);
  };
  try {
    await within(polling(), 30_000, () => expression);
  } finally {
    open = false;
  }
}

const CASES: [codec: VideoCodec, decoder: string, figures: RegExp][] = [
  ["h264", "webcodecs", /640 × 360.*H\.264.*WebCodecs/s],
  ["h264", "mse", /640 × 360.*H\.264.*MSE/s],
  ["h264", "mjpeg", /MJPEG/],
  ["jpeg", "webcodecs", /640 × 360.*JPEG.*WebCodecs/s],
];

for (const [codec, decoder, figures] of CASES) {
  const missing = [noChromium, await noEncoder(codec), await noEncoder("jpeg")];
  Deno.test({
    name: `Chromium shows ${codec} live by ${decoder}: number and time read off the picture`,
    ...requires(...missing),
    // The browser's connections end in their own time.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await using camera = await liveCamera(codec);
      await using server = serve(camera.feed);
      const browser = await openBrowser();
      try {
        const page = await browser.newPage();
        const problems: string[] = [];
        page.on("pageerror", (error) => problems.push(error.message));
        page.on(
          "console",
          (message) =>
            /Content Security|Refused/.test(message.text()) && problems.push(message.text()),
        );
        await page.goto(`${server.url}?decoder=${decoder}`);
        const first = await seen(page, () => true);
        const later = await seen(page, ({ sequence }) => sequence >= first.sequence + 30);
        const age = (nowMicros() - later.captureTime) / 1000;
        assert.ok(age >= 0 && age < 3000, `${age} ms old when read`);
        await becomes(page, "document.documentElement.dataset.state === 'live'");
        const footer = await page.locator("footer").innerText();
        assert.match(footer, figures);
        if (decoder !== "mjpeg") {
          await becomes(page, "Number(document.documentElement.dataset.latency) < 1000");
          await becomes(
            page,
            "(fps => fps > 10 && fps < 40)(Number(document.getElementById('fps').textContent))",
          );
        }
        assert.deepEqual(problems, []);
      } finally {
        await browser.close();
      }
    },
  });
}

Deno.test({
  name: "the page says that the camera is lost, comes back with it, and finds a restarted server",
  ...requires(noChromium, await noEncoder("h264")),
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using camera = await liveCamera("h264");
    const server = serve(camera.feed);
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      await seen(page, () => true);
      camera.feed.setState({ state: "lost", reason: "unplugged" });
      await becomes(page, "document.documentElement.dataset.state === 'lost'");
      assert.match(await page.locator("#message").innerText(), /unplugged/);
      camera.feed.setState({ state: "live" });
      await becomes(page, "document.documentElement.dataset.state === 'live'");
      const before = await seen(page, () => true);
      await server.close();
      await becomes(page, "document.documentElement.dataset.state === 'reconnecting'");
      await using _again = serve(camera.feed, `:${server.port}`);
      await becomes(page, "document.documentElement.dataset.state === 'live'");
      const after = await seen(page, ({ sequence }) => sequence > before.sequence + 10);
      assert.ok((nowMicros() - after.captureTime) / 1000 < 3000);
    } finally {
      await browser.close();
      await server.close();
    }
  },
});

Deno.test({
  name: "the snapshot button saves the picture, and keys work",
  ...requires(noChromium, await noEncoder("h264")),
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using camera = await liveCamera("h264");
    await using server = serve(camera.feed);
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(server.url);
      await seen(page, () => true);
      for (const act of [() => page.click("#snapshot"), () => page.keyboard.press("s")]) {
        const [download] = await Promise.all([page.waitForEvent("download"), act()]);
        assert.match(download.suggestedFilename(), /^test-\d{4}-\d\d-\d\dT[\d-]+\.png$/);
        const image = await Deno.readFile(await download.path());
        const view = new DataView(image.buffer);
        assert.deepEqual([view.getUint32(16), view.getUint32(20)], [640, 360], "PNG's IHDR");
      }
      await page.keyboard.press("i");
      assert.equal(
        await page.evaluate("document.documentElement.hasAttribute('data-quiet')"),
        true,
      );
    } finally {
      await browser.close();
    }
  },
});
