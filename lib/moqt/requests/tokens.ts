/**
 * The peer's registered authorization tokens: draft-18, section 10.2.2; draft-16, section 9.2.2.1.
 *
 * @module
 */
import { MoqtViolation } from "../errors.ts";
import type { Token } from "../wire/token.ts";

/** A token that authorizes something. */
export interface TokenValue {
  /** The registered type; 0: agreed elsewhere. */
  type: number;
  /** What the type says it is. */
  value: Uint8Array;
}

/** What a registered token costs beside its value, in bytes. */
const OVERHEAD = 16;

/** Resolves aliases. */
export class TokenCache {
  readonly #limit: number;
  readonly #tokens = new Map<number, TokenValue>();
  #size = 0;

  /** Holds tokens of up to `limit` bytes, each with 16 more. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What the tokens of a message stand for. Throws a violation. */
  resolve(tokens: readonly Token[] = [], inSetup = false): TokenValue[] {
    return tokens.flatMap((token) => this.#resolve(token, inSetup));
  }

  #resolve(token: Token, inSetup: boolean): TokenValue[] {
    switch (token.use) {
      case "value":
        return [{ type: token.type, value: token.value }];
      case "register":
        this.#register(token.alias, { type: token.type, value: token.value }, inSetup);
        return [{ type: token.type, value: token.value }];
      case "alias":
        if (inSetup) throw new MoqtViolation("protocol-violation", "a set-up uses a token's alias");
        return [this.#known(token.alias)];
      case "delete": {
        if (inSetup) throw new MoqtViolation("protocol-violation", "a set-up deletes a token");
        this.#size -= this.#known(token.alias).value.length + OVERHEAD;
        this.#tokens.delete(token.alias);
        return [];
      }
    }
  }

  #known(alias: number): TokenValue {
    const token = this.#tokens.get(alias);
    if (token !== undefined) return token;
    throw new MoqtViolation("unknown-auth-token-alias", `no token has the alias ${alias}`);
  }

  #register(alias: number, token: TokenValue, inSetup: boolean): void {
    if (this.#tokens.has(alias)) {
      throw new MoqtViolation("duplicate-auth-token-alias", `two tokens have the alias ${alias}`);
    }
    const size = token.value.length + OVERHEAD;
    if (this.#size + size > this.#limit) {
      // The limit was not told yet when the set-up was sent, so its tokens count as values.
      if (inSetup) return;
      throw new MoqtViolation(
        "auth-token-cache-overflow",
        `registered tokens have more than ${this.#limit} bytes`,
      );
    }
    this.#size += size;
    this.#tokens.set(alias, token);
  }
}
