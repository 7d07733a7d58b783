/**
 * Events in words, for people.
 *
 * @module
 */
import type { Palette } from "./terminal.ts";

/** An event of `--json`; `type` becomes the key `event` of its line. */
export type Event = Readonly<Record<string, unknown> & { type: string }>;

/** The lines a person reads of an event; `undefined`: none. */
export function eventText(event: Event, paint: Palette): string | undefined {
  switch (event.type) {
    case "ready":
      return readyText(event, paint);
    case "ticket":
      return `${paint.dim("reachable from anywhere now, ticket:")}\n${text(event, "ticket")}`;
    case "page":
      return `${paint.dim("watch it here:")} ${paint.strong(text(event, "url"))}` +
        (event["grant_wanted"] === true
          ? paint.dim(" (with ?token= and the part of the ticket behind #)")
          : "");
    case "pairing":
      return pairingText(event, paint);
    case "open":
      return openText(event, paint);
    case "moq":
      return moqText(event, paint);
    case "file":
      return `writing ${text(event, "path")}`;
    case "client":
      return `+ ${role(event)} ${short(event)}${from(event)}`;
    case "gone":
      return `- ${role(event)} ${short(event)}${because(event)}`;
    case "lost":
      return paint.warn(`! ${text(event, "device") || "the device"} is gone${because(event)}`) +
        "; waiting for it";
    case "back":
      return `${text(event, "device") || "the device"} is back`;
    default:
      return undefined;
  }
}

function readyText(event: Event, paint: Palette): string | undefined {
  // A relay serves no device, and has no ticket.
  if (event["ticket"] === undefined) return undefined;
  const device = text(event, "device");
  const label = text(event, "label");
  const what = [device, label === device ? "" : label].filter((part) => part !== "").join(", ");
  return `${paint.strong(`serving ${what || "this device"}`)} as ${text(event, "id")}\n` +
    `open it elsewhere:\n${paint.strong(`xoq open '${text(event, "ticket")}'`)}`;
}

/** A relay has the device's stream, or not any more. */
function moqText(event: Event, paint: Palette): string {
  const where = `${text(event, "relay")}, path ${text(event, "path")}`;
  return event["state"] === "published"
    ? `${paint.dim("published at")} ${where}`
    : paint.warn(`! not published at ${where}${because(event)}`) + "; trying again";
}

/** Where a phone finds the receiver, and what it must show. */
function pairingText(event: Event, paint: Palette): string {
  const token = text(event, "token");
  return `${paint.strong(`phones send to ${text(event, "ip")} port ${event["port"]}`)}, ` +
    `service ${text(event, "service")}, ` +
    (token === "" ? "no token wanted" : `token ${paint.strong(token)}`);
}

/** `camera-test: h264 1280×720, 30 fps, libav libx264` */
function openText(event: Event, paint: Palette): string {
  const { width, height, fps } = event;
  const size = typeof width === "number" && width > 0 ? `${width}×${String(height)}` : "";
  const rate = typeof fps === "number" && fps > 0 ? `${fps} fps` : "";
  const what = [[text(event, "codec"), size].join(" ").trim(), rate, text(event, "encoder")];
  return [paint.strong(text(event, "device")), what.filter((part) => part !== "").join(", ")]
    .filter((part) => part !== "").join(": ");
}

/**
 * The live line of a `stats` event: its `fps`, `mbps` (megabits a second), `viewers` and `dropped`,
 * where it has them, or its `text`.
 */
export function statsText(event: Event): string {
  if (typeof event["text"] === "string") return event["text"];
  const parts: string[] = [];
  const add = (key: string, digits: number, unit: string) => {
    const value = event[key];
    if (typeof value === "number") parts.push(`${value.toFixed(digits)} ${unit}`);
  };
  add("fps", 1, "fps");
  add("mbps", 2, "Mbit/s");
  add("viewers", 0, event["viewers"] === 1 ? "viewer" : "viewers");
  add("dropped", 0, "dropped");
  return parts.join(" · ");
}

function text(event: Event, key: string): string {
  const value = event[key];
  return typeof value === "string" ? value : "";
}

/** What it is; who has just come to a relay has done nothing yet. */
function role(event: Event): string {
  const role = text(event, "role");
  return role === "" || role === "none" ? "client" : role;
}

/** Where a client is, and what it speaks, where that is told. */
function from(event: Event): string {
  const remote = text(event, "remote");
  if (remote === "") return "";
  const { draft, transport } = event;
  const spoken = typeof draft === "number" ? `, draft ${draft} over ${String(transport)}` : "";
  return ` from ${remote}${spoken}`;
}

function short(event: Event): string {
  return text(event, "id").slice(0, 10);
}

function because(event: Event): string {
  const reason = text(event, "reason");
  return reason === "" ? "" : `: ${reason}`;
}
