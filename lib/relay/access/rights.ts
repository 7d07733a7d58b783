/**
 * What one session may do: what its tokens say, and for how long.
 *
 * @module
 */
import { MoqtViolation, RequestError } from "../../moqt/errors.ts";
import type { Namespace } from "../../moqt/wire/track_name.ts";
import { type AccessGrant, type Action, allows, type Gatekeeper } from "./access.ts";

/** The longest time that timers can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A session's rights. */
export class SessionRights {
  readonly #gate: Gatekeeper;
  #grants: readonly AccessGrant[] = [];
  #path = "/";

  /** Begins with what everybody may do. */
  constructor(gate: Gatekeeper) {
    this.#gate = gate;
  }

  /** The path of the session's URI, without its query. */
  get path(): string {
    return this.#path;
  }

  /**
   * Takes the path of the session's URI, with its query, where a token may be (`?token=`), and other
   * tokens. Rejects with a `MoqtViolation` where one is void.
   */
  async admit(uri: string, tokens: readonly Uint8Array[] = []): Promise<void> {
    const shown = [...tokens];
    const inPath = tokenOf(uri);
    if (inPath !== undefined) shown.push(inPath);
    this.#path = uri.split("?", 1)[0]!;
    this.#grants = await Promise.all(shown.map((token) => this.#gate.admit(token)));
  }

  /** Whether the session may do this now, or with what else one of its requests shows. */
  async allowsWith(
    action: Action,
    namespace: Namespace,
    tokens: readonly Uint8Array[],
  ): Promise<boolean> {
    if (this.allows(action, namespace)) return true;
    for (const token of tokens) {
      const grant = await admitRequest(this.#gate, token);
      if (this.#allows([grant], action, namespace)) return true;
    }
    return false;
  }

  /** Whether the session may do this now. */
  allows(action: Action, namespace: Namespace): boolean {
    return this.#allows([...this.#gate.everybody, ...this.#grants], action, namespace);
  }

  #allows(grants: readonly AccessGrant[], action: Action, namespace: Namespace): boolean {
    return allows(grants, action, namespace, { path: this.#path, now: Date.now() });
  }

  /** Whether there is anything that it may do of this kind. */
  allowsAny(action: Action): boolean {
    return [...this.#gate.everybody, ...this.#grants].some((grant) => grant[action].length > 0);
  }

  /** Calls `end` when the last of its tokens has expired, unless `over` has settled before. */
  onExpiry(end: () => void, over: Promise<unknown>): void {
    if (this.#grants.length === 0) return;
    const at = Math.max(...this.#grants.map(({ expiresAt = Infinity }) => expiresAt));
    if (at === Infinity) return;
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      const left = at - Date.now();
      timer = setTimeout(
        () => left > MAX_TIMER_MS ? wait() : end(),
        Math.min(Math.max(left, 0), MAX_TIMER_MS),
      );
    };
    wait();
    const forget = () => clearTimeout(timer);
    over.then(forget, forget);
  }
}

/** The token in a path's query; undefined where there is none. */
function tokenOf(path: string): Uint8Array | undefined {
  const query = path.indexOf("?");
  if (query < 0) return undefined;
  const token = new URLSearchParams(path.slice(query)).get("token");
  return token === null ? undefined : new TextEncoder().encode(token);
}

/** A void token refuses the request, not the session. */
async function admitRequest(gate: Gatekeeper, token: Uint8Array): Promise<AccessGrant> {
  try {
    return await gate.admit(token);
  } catch (error) {
    if (!(error instanceof MoqtViolation)) throw error;
    const expired = error.closeName === "expired-auth-token";
    const name = expired ? "expired-auth-token" : "unauthorized";
    throw new RequestError(name, error.message, { cause: error });
  }
}
