/** Headless Chromium, driven by playwright-core. */
import type { Browser } from "playwright-core";

/** `XOQ_TEST_CHROMIUM`, else Debian's. */
const executablePath = Deno.env.get("XOQ_TEST_CHROMIUM") ?? "/usr/bin/chromium";

/** Why there is no browser here, or `undefined`. */
export const noChromium: string | undefined = await Deno.stat(executablePath).then(
  () => undefined,
  () => `${executablePath} is not installed (set XOQ_TEST_CHROMIUM)`,
);

// Without the networking flags every start asks Google's hosts for things.
const FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required";

/** Starts it; the caller closes it. */
export async function openBrowser(): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  return await chromium.launch({ executablePath, args: FLAGS.split(" ") });
}
