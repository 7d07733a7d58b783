/**
 * Names and numbers that both sides of `xoq/1` share (docs/xoq-1.md).
 *
 * @module
 */

/** The ALPN of control connections. */
export const SESSION_PROTOCOL = "xoq/1";
/** The version this program speaks. */
export const SESSION_VERSION = 1;
