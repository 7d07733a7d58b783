/**
 * This program's version, as in `deno.json`; a test compares them.
 *
 * @module
 */

/** Version of xoq. */
export const VERSION = "0.1.0";
