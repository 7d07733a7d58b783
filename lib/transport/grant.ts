/**
 * Grants: who may do what with an endpoint's devices until when, signed with the endpoint's own key
 * (layout in `grant_format.ts`). The endpoint that issued a grant is the only one that judges it, by
 * its own clock: there is no leeway for clocks that differ, since an expiry is compared with the
 * clock that set it, unless `xoq ticket new` ran with the key on another machine.
 *
 * @module
 */
import { encodeHex } from "../bytes/text.ts";
import { DeniedError } from "../errors.ts";
import {
  decodeGrant,
  encodeGrant,
  encodeGrantBody,
  type GrantFields,
  GrantFormatError,
  NONCE_BYTES,
  type Rights,
  signedBytes,
} from "./grant_format.ts";
import { endpointIdOf, isSignedBy, sign } from "./key.ts";

export type { GrantFields, Rights, UnverifiedGrant } from "./grant_format.ts";
export { decodeGrant, GrantFormatError } from "./grant_format.ts";

/** Why a grant admits nobody. */
export type GrantFault =
  | "missing"
  | "malformed"
  | "unknown-version"
  | "other-endpoint"
  | "bad-signature"
  | "expired"
  | "other-device"
  | "used";

/** A grant that admits nobody: `fault` says why for programs, the message for people. */
export class GrantDeniedError extends DeniedError {
  /** Why. */
  readonly fault: GrantFault;
  /** Makes the error. */
  constructor(
    fault: GrantFault,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, { hint: "ask whoever serves the device for a new ticket", ...options });
    this.fault = fault;
  }
}

/** What to grant. */
export interface GrantRequest {
  /** What the bearer may do. */
  rights: Rights;
  /** The only device it opens; absent: all of the endpoint's. */
  device?: string;
  /** Seconds since the Unix epoch from which on it is void; absent: never. */
  expires?: number;
  /** Admits only the first endpoint that shows it. */
  once?: boolean;
  /**
   * Same fields, same text, every time: for the ticket a server prints at each start. Can't be
   * `once`.
   */
  standing?: boolean;
}

/** A grant that is valid: signed by the endpoint, not expired, for the device asked for. */
export interface Grant extends GrantFields {
  /** The endpoint that issued it. */
  endpointId: string;
}

/** Issues a grant, signed with the endpoint's secret key (32 bytes). */
export async function issueGrant(secretKey: Uint8Array, request: GrantRequest): Promise<string> {
  if (request.standing && request.once) throw new TypeError("a standing grant can't be once");
  const nonce = new Uint8Array(NONCE_BYTES);
  if (!request.standing) crypto.getRandomValues(nonce);
  const endpointId = await endpointIdOf(secretKey);
  const body = encodeGrantBody({
    rights: request.rights,
    once: request.once ?? false,
    expires: request.expires,
    nonce: encodeHex(nonce),
    device: request.device,
  }, endpointId);
  return encodeGrant(body, await sign(secretKey, signedBytes(body, endpointId)));
}

/**
 * Checks a grant shown to the endpoint `endpointId` at the time `now` (milliseconds since the epoch,
 * as `Date.now()`). Without `device`, the device is not checked (hello, before a device is opened):
 * compare `grant.device` later. Whether a one-time grant was used before is the
 * `NonceStore`'s to say.
 *
 * @throws {GrantDeniedError} with the precise reason.
 */
export async function verifyGrant(
  text: string,
  endpointId: string,
  now: number,
  options: { device?: string } = {},
): Promise<Grant> {
  const grant = decodeOrDeny(text);
  if (!endpointId.startsWith(grant.issuer)) {
    throw new GrantDeniedError("other-endpoint", "the grant was issued by another endpoint");
  }
  if (!await isSignedBy(endpointId, signedBytes(grant.body, endpointId), grant.signature)) {
    throw new GrantDeniedError("bad-signature", "the grant's signature is not this endpoint's");
  }
  if (grant.expires !== undefined && now >= grant.expires * 1000) {
    const at = new Date(grant.expires * 1000);
    // Beyond the range of dates an expiry is not in the past, so `at` is valid here.
    throw new GrantDeniedError("expired", `the grant expired at ${at.toISOString()}`);
  }
  if (
    options.device !== undefined && grant.device !== undefined && grant.device !== options.device
  ) {
    throw new GrantDeniedError(
      "other-device",
      `the grant is for the device ${grant.device}, not ${options.device}`,
    );
  }
  const { rights, once, expires, nonce, device } = grant;
  return { rights, once, expires, nonce, device, endpointId };
}

function decodeOrDeny(text: string) {
  if (text === "") throw new GrantDeniedError("missing", "no grant was shown");
  let grant;
  try {
    grant = decodeGrant(text);
  } catch (cause) {
    if (!(cause instanceof GrantFormatError)) throw cause;
    throw new GrantDeniedError("malformed", `the grant ${cause.message}`, { cause });
  }
  if (grant === undefined) {
    throw new GrantDeniedError("unknown-version", "the grant is of a version unknown here", {
      hint: "update xoq where the device is, or ask there for a new ticket",
    });
  }
  return grant;
}
