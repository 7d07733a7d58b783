/**
 * Who may publish and subscribe to what.
 *
 * @module
 */
import { hasPrefix, type Namespace } from "../../moqt/wire/track_name.ts";

/** What a bearer may do. */
export interface AccessGrant {
  /** Namespaces below these prefixes may be published; a prefix without fields: all. */
  readonly publish: readonly Namespace[];
  /** Namespaces below these prefixes may be subscribed to. */
  readonly subscribe: readonly Namespace[];
  /** The only path of the URI it opens; absent: any. */
  readonly path?: string;
  /** When it ends, in milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number;
}

/** What is to be done. */
export type Action = "publish" | "subscribe";

/** Everything, for everybody. */
export const PUBLIC_ACCESS: AccessGrant = { publish: [[]], subscribe: [[]] };

/** Whether one of the grants allows something at the time `now`, at the path of the session. */
export function allows(
  grants: readonly AccessGrant[],
  action: Action,
  namespace: Namespace,
  { path, now }: { path: string; now: number },
): boolean {
  return grants.some((grant) =>
    (grant.expiresAt === undefined || now < grant.expiresAt) &&
    (grant.path === undefined || grant.path === path) &&
    grant[action].some((prefix) => hasPrefix(namespace, prefix))
  );
}

/** Judges tokens. */
export interface Gatekeeper {
  /** What a token allows; rejects with a `MoqtViolation` or `RequestError` where it is void. */
  admit(token: Uint8Array): Promise<AccessGrant>;
  /** What everybody may do. */
  readonly everybody: readonly AccessGrant[];
}

/** Lets everybody do everything. */
export const OPEN_GATE: Gatekeeper = {
  admit: () => Promise.resolve(PUBLIC_ACCESS),
  everybody: [PUBLIC_ACCESS],
};
