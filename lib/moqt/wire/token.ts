/**
 * Authorization tokens: draft-16, section 9.2.2.1.
 *
 * @module
 */
import { MoqtViolation } from "../errors.ts";
import type { Version } from "../versions.ts";
import { formatted } from "./key_values.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** A token as it is sent: by value, or by an alias that was registered with one. */
export type Token =
  | { use: "value"; type: number; value: Uint8Array }
  | { use: "register"; alias: number; type: number; value: Uint8Array }
  | { use: "alias"; alias: number }
  | { use: "delete"; alias: number };

const DELETE = 0x0;
const REGISTER = 0x1;
const USE_ALIAS = 0x2;
const USE_VALUE = 0x3;

/** Reads a token, which is all of `bytes`. Malformed ones close with KEY_VALUE_FORMATTING_ERROR. */
export function decodeToken(bytes: Uint8Array, version: Version): Token {
  return formatted("an authorization token", () => {
    const reader = new Reader(bytes, version);
    const use = reader.integer();
    const token = readToken(reader, use);
    reader.end("an authorization token");
    return token;
  });
}

function readToken(reader: Reader, use: number): Token {
  switch (use) {
    case DELETE:
      return { use: "delete", alias: reader.integer() };
    case USE_ALIAS:
      return { use: "alias", alias: reader.integer() };
    case REGISTER:
      return {
        use: "register",
        alias: reader.integer(),
        type: reader.integer(),
        value: reader.rest().slice(),
      };
    case USE_VALUE:
      return { use: "value", type: reader.integer(), value: reader.rest().slice() };
    default:
      throw new MoqtViolation("key-value-formatting-error", `${use} is no alias type`);
  }
}

/** A token's bytes. */
export function encodeToken(token: Token, version: Version): Uint8Array<ArrayBuffer> {
  const writer = new Writer(version);
  switch (token.use) {
    case "delete":
      return writer.integer(DELETE).integer(token.alias).finish();
    case "alias":
      return writer.integer(USE_ALIAS).integer(token.alias).finish();
    case "register":
      return writer.integer(REGISTER).integer(token.alias).integer(token.type).bytes(token.value)
        .finish();
    case "value":
      return writer.integer(USE_VALUE).integer(token.type).bytes(token.value).finish();
  }
}
