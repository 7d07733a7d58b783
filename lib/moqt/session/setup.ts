/**
 * What set-ups must obey: draft-18, section 10.3.1; draft-16, section 9.3.1.
 *
 * @module
 */
import { MoqtViolation } from "../errors.ts";
import type { SetupOptions } from "../messages/setup.ts";
import type { Role } from "./request_ids.ts";

/** RFC 3986, path-abempty and query, by their characters. */
const PATH = /^(\/[\w\-.~%!$&'()*+,;=:@/]*)?(\?[\w\-.~%!$&'()*+,;=:@/?]*)?$/;
/** RFC 3986, authority, by its characters. */
const AUTHORITY = /^[\w\-.~%!$&'()*+,;=:@[\]]+$/;

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
