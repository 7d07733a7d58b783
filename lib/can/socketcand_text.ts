/**
 * socketcand's protocol: messages `< word word … >` in ASCII, both ways, and frames in them. FD frames
 * are `fdsend` and `fdframe` with a byte of flags, as socketcand's own client has them.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import {
  CANFD_BRS,
  CANFD_ESI,
  type CanFrame,
  dataFrame,
  linuxFlags,
  remoteFrame,
} from "./frame.ts";
import { hexOf } from "./frame_json.ts";

/** Longest message in characters: an FD frame is some 230. */
const MAX_MESSAGE = 4_096;

/** Cuts what a client sends into messages: the words between `<` and `>`. What stands between is skipped. */
export class SocketcandParser {
  readonly #decoder = new TextDecoder("latin1");
  #pending = "";

  /** Takes bytes as they came. Throws `ProtocolError` for a message without an end. */
  push(chunk: Uint8Array): string[][] {
    const text = this.#pending + this.#decoder.decode(chunk, { stream: true });
    const messages: string[][] = [];
    let at = 0;
    for (;;) {
      const begin = text.indexOf("<", at);
      if (begin < 0) {
        this.#pending = "";
        return messages;
      }
      const end = text.indexOf(">", begin);
      if (end < 0) {
        if (text.length - begin > MAX_MESSAGE) {
          throw new ProtocolError(`socketcand message of more than ${MAX_MESSAGE} characters`);
        }
        this.#pending = text.slice(begin);
        return messages;
      }
      const words = text.slice(begin + 1, end).trim();
      messages.push(words === "" ? [] : words.split(/\s+/));
      at = end + 1;
    }
  }
}

/** `< hi >` */
export function message(...words: readonly (string | number)[]): string {
  return `< ${words.join(" ")} >`;
}

/** How a frame is told to a client. Data is one word in raw mode, a word for each byte in BCM mode. */
export function formatSocketcand(frame: CanFrame, style: "raw" | "bcm"): string {
  const time = secondsOf(frame.time);
  if (frame.kind === "error") return `< error ${hex(frame.id, 3)} ${time} >`;
  const id = hex(frame.id, frame.extended ? 8 : 3);
  if (frame.kind === "remote") return `< rtr ${id} ${time} ${frame.length} >`;
  const digits = hexOf(frame.data);
  const data = style === "raw" ? digits : digits.replaceAll(/..(?=.)/g, "$& ");
  if (!frame.fd) return `< frame ${id} ${time} ${data} >`;
  return `< fdframe ${id} ${hex(linuxFlags(frame), 2)} ${time} ${data} >`;
}

/** `seconds.micros`. */
function secondsOf(time: number): string {
  const seconds = Math.floor(time / 1e6);
  return `${seconds}.${String(time - seconds * 1e6).padStart(6, "0")}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

/** A whole number of at most this many hexadecimal digits. Throws `ProtocolError`. */
export function hexWord(word: string | undefined, digits: number): number {
  if (word === undefined || !/^[0-9a-f]+$/i.test(word) || word.length > digits) {
    throw new ProtocolError(`"${word ?? ""}" is no hexadecimal number`);
  }
  return parseInt(word, 16);
}

/** A whole number that is not negative. Throws `ProtocolError`. */
export function decimalWord(word: string | undefined): number {
  if (word === undefined || !/^\d{1,10}$/.test(word)) {
    throw new ProtocolError(`"${word ?? ""}" is no number`);
  }
  return Number(word);
}

/** An identifier: of 8 digits it is extended, as the protocol has it. Throws `ProtocolError`. */
export function identifier(word: string | undefined): { id: number; extended: boolean } {
  const id = hexWord(word, 8);
  return { id, extended: word!.length === 8 || id > 0x7ff };
}

/** `ID LEN BYTE…`, of `send`, `update` and `add`. Throws `ProtocolError`. */
export function classicFrame(words: readonly string[]): CanFrame {
  const { id, extended } = identifier(words[0]);
  return build(() => dataFrame(id, dataOf(hexWord(words[1], 2), words.slice(2), 8), { extended }));
}

/** `ID LEN` of `sendrtr`. Throws `ProtocolError`. */
export function requestFrame(words: readonly string[]): CanFrame {
  const { id, extended } = identifier(words[0]);
  return build(() => remoteFrame(id, hexWord(words[1], 2), { extended }));
}

/** `ID FLAGS LEN BYTE…` of `fdsend`; flags are hexadecimal, the length decimal. Throws `ProtocolError`. */
export function fdFrame(words: readonly string[]): CanFrame {
  const { id, extended } = identifier(words[0]);
  const flags = hexWord(words[1], 2);
  const data = dataOf(decimalWord(words[2]), words.slice(3), 64);
  return build(() =>
    dataFrame(id, data, {
      extended,
      fd: true,
      brs: (flags & CANFD_BRS) !== 0,
      esi: (flags & CANFD_ESI) !== 0,
    })
  );
}

function dataOf(length: number, words: readonly string[], most: number): Uint8Array {
  if (length > most) throw new ProtocolError(`${length} bytes in a frame, at most ${most}`);
  if (words.length !== length) {
    throw new ProtocolError(`${words.length} bytes of data where the length says ${length}`);
  }
  return Uint8Array.from(words, (word) => hexWord(word, 2));
}

function build(make: () => CanFrame): CanFrame {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof RangeError) throw new ProtocolError(cause.message, { cause });
    throw cause;
  }
}
