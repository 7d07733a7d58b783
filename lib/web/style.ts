/**
 * How the pages look: the picture first, figures on glass above it, light or dark as the reader
 * likes it.
 *
 * @module
 */

/** The style sheet of both pages. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f5f7, #0b0d10);
  --ink: light-dark(#14171c, #eef1f5);
  --faint: light-dark(#5b6470, #98a2b0);
  --glass: light-dark(rgb(255 255 255 / .78), rgb(20 24 30 / .66));
  --line: light-dark(rgb(20 24 30 / .10), rgb(255 255 255 / .10));
  --live: #16a34a; --wait: #d97706; --gone: #dc2626;
  font: 14px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
@media (prefers-color-scheme: dark) { :root { --live: #3fd07c; --wait: #fbb040; --gone: #ff6b6b; } }
* { box-sizing: border-box; margin: 0 }
[hidden] { display: none !important }
html, body { height: 100%; background: var(--ground); color: var(--ink) }
body { overflow: hidden; -webkit-font-smoothing: antialiased }
#stage { position: fixed; inset: 0; display: grid; place-items: center; padding: 68px 20px 78px }
#stage > * {
  display: block; max-width: 100%; max-height: 100%; aspect-ratio: var(--ratio, auto);
  width: auto; height: auto; min-width: 0; min-height: 0; object-fit: contain;
  border-radius: 14px; background: #000;
  box-shadow: 0 1px 2px rgb(0 0 0 / .25), 0 24px 60px -18px rgb(0 0 0 / .45);
  transition: filter .25s;
}
#stage > canvas, #stage > video { width: min(100%, (100vh - 146px) * var(--wide, 1.7778)) }
:fullscreen #stage, :root[data-quiet] #stage { padding: 0 }
:fullscreen #stage > *, :root[data-quiet] #stage > * { border-radius: 0; width: 100%; height: 100% }
:root:not([data-state=live]) #stage > * { filter: grayscale(1) brightness(.6) }
header, footer {
  position: fixed; left: 20px; right: 20px; display: flex; align-items: center; gap: 10px;
  transition: opacity .2s; z-index: 1;
}
header { top: 16px } footer { bottom: 16px; justify-content: center }
:root[data-quiet] footer, :fullscreen footer { opacity: 0 } footer:hover { opacity: 1 !important }
:root[data-quiet] header, :fullscreen header { opacity: 0 } header:hover { opacity: 1 !important }
.glass {
  background: var(--glass); border: 1px solid var(--line); border-radius: 12px;
  backdrop-filter: blur(16px) saturate(1.4); -webkit-backdrop-filter: blur(16px) saturate(1.4);
}
.mark { font-weight: 700; letter-spacing: -.02em; font-size: 17px; color: inherit; text-decoration: none }
.mark::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 8px; border-radius: 50%;
  background: linear-gradient(135deg, #4f8cff, #9b5cff) }
.device { color: var(--faint) } .device::before { content: "/"; margin-right: 10px; opacity: .5 }
.spacer { flex: 1 }
.badge { display: inline-flex; align-items: center; gap: 8px; padding: 6px 12px; font-weight: 600; font-size: 13px }
.badge::first-letter { text-transform: uppercase }
.badge::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--wait) }
[data-state=live] .badge::before { background: var(--live); animation: pulse 2s infinite }
[data-state=ended] .badge::before, [data-state="can't be shown"] .badge::before { background: var(--gone) }
@keyframes pulse { 50% { box-shadow: 0 0 0 5px color-mix(in srgb, var(--live) 22%, transparent) } }
@media (prefers-reduced-motion: reduce) { *, ::before { animation: none !important; transition: none !important } }
button { font: inherit; color: inherit; cursor: pointer; width: 36px; height: 34px; display: grid; place-items: center }
button:hover { border-color: var(--faint) } button:focus-visible, a:focus-visible { outline: 2px solid #4f8cff; outline-offset: 2px }
svg { width: 18px; height: 18px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round }
dl { display: flex; flex-wrap: wrap; justify-content: center; padding: 7px 8px; font-variant-numeric: tabular-nums }
dl > div { padding: 1px 12px; border-left: 1px solid var(--line); text-align: center }
dl > div:first-child, dl > [hidden]:first-child + div { border: 0 }
dt { font-size: 11px; color: var(--faint) } dd { font-weight: 600; white-space: nowrap }
dd small { font-weight: 400; color: var(--faint); font-size: inherit }
#message { position: fixed; inset: 50% auto auto 50%; transform: translate(-50%, -50%); padding: 12px 18px; z-index: 1;
  width: max-content; max-width: 80vw; text-align: center; font-weight: 500 }
#message:empty { display: none }
@media (max-width: 720px) { #stage { padding: 60px 0 96px } #stage > * { border-radius: 0 } .wide { display: none !important }
  header, footer { left: 12px; right: 12px } dl { padding: 7px 2px } dl > div { padding: 1px 8px } dd { font-size: 13px } }
main { max-width: 1100px; margin: 0 auto; padding: 84px 20px 40px; display: grid; gap: 18px;
  grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)) }
body.list { overflow: auto }
.card { color: inherit; text-decoration: none; overflow: hidden; display: block; transition: transform .15s }
.card:hover { transform: translateY(-2px) }
.card img { display: block; width: 100%; aspect-ratio: 16 / 9; object-fit: cover; background: #000 }
.card span { display: block; padding: 10px 14px; font-weight: 600 }
`;
