/**
 * What a server does to its port when nobody is in control any more (`--on-lost`): a servo bus that is
 * told to let go by the machine beside it is safer than one that waits for a network.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { type LineStep, parseLineScript } from "./line_script.ts";

/** One thing to do. */
export type SafeAction =
  | { type: "bytes"; bytes: Uint8Array }
  | { type: "lines"; steps: LineStep[] };

/** Most bytes of one action. */
export const MAX_SAFE_BYTES = 4_096;

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "0": "\0",
  "\\": "\\",
};

/** Reads `hex:FF FF FE …`, `text:STOP\n`, or a line script. Throws `UsageError`. */
export function parseSafeAction(text: string): SafeAction {
  if (text.startsWith("hex:")) {
    const digits = text.slice("hex:".length).replace(/[\s:,]+/g, "");
    if (digits === "" || digits.length % 2 === 1 || !/^[0-9a-f]+$/i.test(digits)) {
      throw new UsageError(`"${text}" is not bytes in hex`, {
        hint: "write two digits a byte: hex:ff ff fe 04 03 28 00 d2",
      });
    }
    return limited(Uint8Array.from(digits.match(/../g)!, (byte) => parseInt(byte, 16)));
  }
  if (text.startsWith("text:")) {
    const plain = text.slice("text:".length)
      .replace(/\\([nrt0\\])/g, (_, letter: string) => ESCAPES[letter]!);
    return limited(new TextEncoder().encode(plain));
  }
  return { type: "lines", steps: parseLineScript(text) };
}

function limited(bytes: Uint8Array): SafeAction {
  if (bytes.length === 0 || bytes.length > MAX_SAFE_BYTES) {
    throw new UsageError(`a safe state's bytes are 1 to ${MAX_SAFE_BYTES}, not ${bytes.length}`);
  }
  return { type: "bytes", bytes };
}
