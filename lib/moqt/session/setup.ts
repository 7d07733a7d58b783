/**
 * What set-ups must obey: draft-18, section 10.3.1; draft-16, section 9.3.1.
 *
 * @module
 */
import { MoqtViolation } from "../errors.ts";
import type { SetupOptions } from "../messages/setup.ts";
import { hasRangeFilters, hasUpdateCredit, type Version } from "../versions.ts";
import { MAX_FILTER_RANGES } from "../publish/object_filter.ts";
import type { SessionOptions } from "./options.ts";
import type { Role } from "../requests/request_ids.ts";
import { MAX_UPDATES } from "../requests/stream_channel.ts";

/** RFC 3986, path-abempty and query, by their characters. */
const PATH = /^(\/[\w\-.~%!$&'()*+,;=:@/]*)?(\?[\w\-.~%!$&'()*+,;=:@/?]*)?$/;
/** RFC 3986, authority, by its characters. */
const AUTHORITY = /^[\w\-.~%!$&'()*+,;=:@[\]]+$/;

/** What this side says. */
export function ownSetup(options: SessionOptions, role: Role, version: Version): SetupOptions {
  const { path, authority, tokens, implementation = "xoq", maxTokenCacheSize } = options;
  const { maxFilterRanges = MAX_FILTER_RANGES } = options;
  const named = role === "client" && options.webTransport !== true;
  return {
    ...(named && path !== undefined ? { path } : {}),
    ...(named && authority !== undefined ? { authority } : {}),
    ...(tokens === undefined ? {} : { tokens }),
    ...(maxTokenCacheSize === undefined ? {} : { maxTokenCacheSize }),
    ...(hasUpdateCredit(version) ? { maxRequestUpdates: MAX_UPDATES } : {}),
    ...(hasRangeFilters(version) && maxFilterRanges > 0 ? { maxFilterRanges } : {}),
    implementation,
  };
}

/** Checks what the peer says, given which side this is. Throws a violation. */
export function checkSetup(peer: SetupOptions, role: Role, webTransport: boolean): void {
  const { path, authority } = peer;
  const who = role === "client" ? "a server" : webTransport ? "a WebTransport client" : undefined;
  if (path !== undefined) {
    if (who !== undefined) throw new MoqtViolation("invalid-path", `${who} has no PATH to tell`);
    if (!PATH.test(path)) throw new MoqtViolation("malformed-path", "PATH is no path and query");
  }
  if (authority !== undefined) {
    if (who !== undefined) {
      throw new MoqtViolation("invalid-authority", `${who} has no AUTHORITY to tell`);
    }
    if (!AUTHORITY.test(authority)) {
      throw new MoqtViolation("malformed-authority", "AUTHORITY is no authority");
    }
  }
}
