/**
 * The pages, each one self-contained document: style and script stand in it, nothing is fetched from
 * elsewhere, and its Content-Security-Policy allows nothing else.
 *
 * The script is the source of the functions and classes listed in {@link SCRIPT}, as the runtime has
 * it after the types were taken off (`Function.prototype.toString`, ECMA-262 20.2.3.5): so the page
 * is type-checked with the rest and needs no build step and no files beside the executable.
 *
 * @module
 */
import { CanvasPlayer, ImagePlayer, MsePlayer } from "./players.ts";
import { STYLE } from "./style.ts";
import { ClockOffset, codecName, Viewer } from "./viewer.ts";
import { decodeMedia } from "./wire.ts";

/** A document and the policy it is served with. */
export interface Page {
  /** The document. */
  html: string;
  /** Value of the `Content-Security-Policy` header. */
  contentSecurityPolicy: string;
}

const SCRIPT = [decodeMedia, CanvasPlayer, MsePlayer, ImagePlayer, ClockOffset, codecName, Viewer]
  .map(String).join("\n");

const ICON = "data:image/svg+xml," + encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><defs><linearGradient id="g" x2="1" y2="1">` +
    `<stop stop-color="#4f8cff"/><stop offset="1" stop-color="#9b5cff"/></linearGradient></defs>` +
    `<circle cx="8" cy="8" r="7" fill="url(#g)"/><circle cx="8" cy="8" r="2.6" fill="#fff"/></svg>`,
);

/** The page of one device. Addresses in it are relative to where it is served. */
export function viewerPage(device: string): Page {
  const icons = {
    figures: `<path d="M4 20V10M10 20V4M16 20v-7M21 20H3"/>`,
    snapshot: `<path d="M4 8h3l2-3h6l2 3h3v11H4z"/><circle cx="12" cy="13" r="3.4"/>`,
    fullscreen: `<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/>`,
  };
  const button = (id: keyof typeof icons, title: string, key: string) =>
    `<button id="${id}" class="glass" title="${title} (${key})" aria-label="${title}">` +
    `<svg viewBox="0 0 24 24" aria-hidden="true">${icons[id]}</svg></button>`;
  const figure = (id: string, name: string, wide = false) =>
    `<div data-figure hidden${
      wide ? ' class="wide"' : ""
    }><dt>${name}</dt><dd id="${id}"></dd></div>`;
  return document(
    device,
    `<div id="stage"></div>
<header>
<a class="mark" href="/">xoq</a><span class="device">${escapeHtml(device)}</span>
<span class="badge glass" id="state" role="status"></span><span class="spacer"></span>
${button("figures", "Picture only", "i")}
${button("snapshot", "Save this picture", "s")}
${button("fullscreen", "Full screen", "f")}
</header>
<p id="message" class="glass" role="status"></p>
<footer><dl class="glass">
${figure("latency", "Latency")}
${figure("fps", "Frames/s")}
${figure("size", "Size")}
${figure("rate", "Rate")}
${figure("codec", "Codec")}
${figure("encoder", "Encoder", true)}
${figure("decoder", "Decoder", true)}
${figure("drops", "Dropped")}
${figure("clients", "Viewers", true)}
</dl></footer>`,
    `${SCRIPT}\nnew Viewer();`,
  );
}

/** The list of devices. */
export function devicesPage(names: readonly string[]): Page {
  const cards = names.map((name) => {
    const path = encodeURIComponent(name);
    return `<a class="card glass" href="/${path}/"><img src="/${path}/snapshot.jpg" alt="">` +
      `<span>${escapeHtml(name)}</span></a>`;
  });
  const nothing = `<p>No camera is served here now.</p>`;
  return document(
    "cameras",
    `<header><a class="mark" href="/">xoq</a><span class="device">cameras</span></header>
<main>${cards.join("\n") || nothing}</main>`,
    `document.body.className = "list";
setInterval(() => document.querySelectorAll("img").forEach((image) => {
  if (!document.hidden && image.complete) image.src = image.src.replace(/\\?.*|$/, "?" + Date.now());
}), 2000);`,
  );
}

function document(title: string, body: string, script: string): Page {
  const nonce = Array.from(
    crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
  const name = escapeHtml(title);
  return {
    html: `<!doctype html>
<html lang="en" data-device="${name}" data-state="connecting">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} · xoq</title>
<link rel="icon" href="${ICON}">
<style nonce="${nonce}">${STYLE}</style>
<body>
${body}
<script type="module" nonce="${nonce}">
${script.replaceAll("</script", "<\\/script")}
</script>
</body>
</html>
`,
    contentSecurityPolicy: [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src 'nonce-${nonce}'`,
      "img-src 'self' data: blob:",
      "media-src 'self' blob:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
