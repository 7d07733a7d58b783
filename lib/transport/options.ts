/**
 * Options of endpoints as their implementations need them.
 *
 * @module
 */
import { UsageError } from "../errors.ts";

/** How long a dial tries by itself. */
export const DEFAULT_DIAL_TIMEOUT_MS = 15_000;

/**
 * `ADDR[:PORT]` as socket addresses to bind; empty: all addresses, any port. IPv6 with a port stands
 * in brackets. Errors name `option`.
 */
export function bindAddresses(bind: string | undefined, option = "--bind"): string[] {
  if (bind === undefined || bind === "") return [];
  const port = /^(\[[^\]]+\]|[^:]*):(\d{1,5})$/.exec(bind);
  const host = port?.[1] ?? bind;
  const number = port?.[2] ?? "0";
  if (Number(number) > 65_535) throw badBind(bind, option);
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (bare === "" || bare === "*") return [`0.0.0.0:${number}`, `[::]:${number}`];
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(bare)) return [`${bare}:${number}`];
  if (/^[0-9a-f:.]+$/i.test(bare) && bare.includes(":")) return [`[${bare}]:${number}`];
  throw badBind(bind, option);
}

function badBind(bind: string, option: string): UsageError {
  return new UsageError(`${option} ${bind} is not an IP address with or without a port`, {
    hint: "write 127.0.0.1, 0.0.0.0:4433 or [::1]:4433",
  });
}

/** `none`, `default`, or a list of relay URLs separated by commas. */
export function relaySetting(relay: string | undefined): "none" | "default" | string[] {
  if (relay === undefined || relay === "default") return "default";
  if (relay === "none") return "none";
  const urls = relay.split(",").map((url) => url.trim()).filter((url) => url !== "");
  for (const url of urls) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new UsageError(`relay ${url} is not an http or https URL`, {
        hint: "write --iroh-relay https://HOST[:PORT], none, or default",
      });
    }
  }
  if (urls.length === 0) throw new UsageError("an empty relay URL was given");
  return urls;
}
