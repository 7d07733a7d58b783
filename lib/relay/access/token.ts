/**
 * Tokens that let sessions publish and subscribe, signed with the relay's own key. The relay that
 * issued a token is the only one that judges it, by its own clock.
 *
 * @module
 */
import { MoqtViolation } from "../../moqt/errors.ts";
import { endpointIdOf, isSignedBy, sign } from "../../transport/key.ts";
import type { AccessGrant, Gatekeeper } from "./access.ts";
import {
  decodeRelayToken,
  encodeRelayToken,
  encodeTokenBody,
  MAX_TOKEN_CHARS,
  signedBytes,
  type TokenFields,
  TokenFormatError,
} from "./token_format.ts";

export type { TokenFields } from "./token_format.ts";

/** Issues a token, signed with the relay's secret key (32 bytes). */
export async function issueRelayToken(
  secretKey: Uint8Array,
  fields: TokenFields,
): Promise<string> {
  const id = await endpointIdOf(secretKey);
  const body = encodeTokenBody(fields, id);
  return encodeRelayToken(body, await sign(secretKey, signedBytes(body, id)));
}

/**
 * Checks a token shown to the relay whose key has the id `relayId`, at the time `now` (milliseconds
 * since the epoch). Rejects with a `MoqtViolation` that has the draft's code; the message never holds
 * the token.
 */
export async function verifyRelayToken(
  text: string,
  relayId: string,
  now: number,
): Promise<AccessGrant> {
  const token = decode(text);
  const isOurs = relayId.startsWith(token.issuer) &&
    await isSignedBy(relayId, signedBytes(token.body, relayId), token.signature);
  if (!isOurs) throw new MoqtViolation("unauthorized", "the token was not issued by this relay");
  const { publish, subscribe, path, expires } = token;
  if (expires !== undefined && now >= expires * 1000) {
    throw new MoqtViolation("expired-auth-token", "the token has expired");
  }
  return {
    publish,
    subscribe,
    ...(path === undefined ? {} : { path }),
    ...(expires === undefined ? {} : { expiresAt: expires * 1000 }),
  };
}

function decode(text: string): ReturnType<typeof decodeRelayToken> {
  try {
    return decodeRelayToken(text);
  } catch (cause) {
    if (!(cause instanceof TokenFormatError)) throw cause;
    throw new MoqtViolation("malformed-auth-token", `the token ${cause.message}`, { cause });
  }
}

/** Lets in who shows a token of the relay whose key has this id; others may do nothing. */
export function tokenGate(relayId: string): Gatekeeper {
  return {
    everybody: [],
    admit: (token) => {
      const text = token.length <= MAX_TOKEN_CHARS ? new TextDecoder().decode(token) : "";
      return verifyRelayToken(text, relayId, Date.now());
    },
  };
}
