/**
 * `--http` of `xoq camera` and of `xoq open`: one feed over HTTP, and where it can be watched.
 *
 * @module
 */
import type { Reporter } from "../../device.ts";
import type { Feed } from "../../media/feed.ts";
import { isLoopback } from "./http_address.ts";
import type { Authorize } from "./http_guard.ts";
import { type HttpServer, serveHttp } from "./http.ts";
import { autoCodecs } from "./sink.ts";

/** What the page is told of its surroundings. */
export interface PageContext {
  /** Told where the page is. */
  reporter: Reporter;
  /** Checks what visitors show who come from elsewhere. */
  authorize?: Authorize;
}

/** Serves a feed at `address` (as after `--http`) and tells where. Throws as `serveHttp` does. */
export function startHttp(
  device: string,
  feed: Feed,
  address: string,
  { reporter, authorize }: PageContext,
): HttpServer {
  const http = serveHttp(new Map([[device, feed]]), {
    address,
    codecs: autoCodecs,
    ...(authorize === undefined ? {} : { authorize }),
  });
  const open = isLoopback(http.hostname);
  reporter.event({ type: "page", device, url: http.url, grant_wanted: !open });
  return http;
}
