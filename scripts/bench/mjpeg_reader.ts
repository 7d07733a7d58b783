/**
 * A plain reader of MJPEG over HTTP/1.1: a socket, chunks undone where there are any, and each part
 * handed over when its last byte is there.
 *
 * @module
 */

/** Longest header of a response or a part, in bytes. */
const MAX_HEADER = 4096;
/** How much is read at once, in bytes. */
const READ_SIZE = 256 * 1024;
/** Pause between attempts while the server isn't listening yet, in ms. */
const RETRY_MS = 100;

const decoder = new TextDecoder();

/** Connects, waiting for the server to listen. */
async function connect(port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/**
 * Calls back with each picture until the signal aborts. The bytes are valid during the call.
 *
 * @param onPicture called in the same turn in which the last byte was read.
 */
export async function readMjpeg(
  port: number,
  path: string,
  onPicture: (jpeg: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  using connection = await connect(port, signal);
  // Closing is what ends a pending read.
  const close = () => connection.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const parts = new Parts(onPicture);
    const buffer = new Uint8Array(READ_SIZE);
    let chunks: Chunks | undefined;
    let head: Head | undefined = new Head();
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) throw new Error(`port ${port}: the stream ended`);
      let bytes = buffer.subarray(0, count);
      if (head !== undefined) {
        const rest = head.push(bytes);
        if (rest === undefined) continue;
        if (!/^HTTP\/1\.\d 200 /.test(head.text)) throw new Error(`port ${port}: ${head.text}`);
        if (/^transfer-encoding: *chunked/im.test(head.text)) chunks = new Chunks();
        head = undefined;
        bytes = rest;
      }
      if (chunks === undefined) parts.push(bytes);
      else chunks.push(bytes, (piece) => parts.push(piece));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Collects a header, up to its empty line. */
class Head {
  text = "";
  readonly #bytes = new Uint8Array(MAX_HEADER);
  #length = 0;

  /** Answers what stands behind the header once it is whole. */
  push(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
    const before = this.#length;
    const taken = bytes.subarray(0, MAX_HEADER - before);
    this.#bytes.set(taken, before);
    this.#length += taken.length;
    const text = decoder.decode(this.#bytes.subarray(0, this.#length));
    // A part's header may be preceded by the line end of the part before.
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) {
      this.text = text.slice(0, end);
      this.#length = 0;
      return bytes.subarray(end + 4 - before);
    }
    if (this.#length === MAX_HEADER) throw new Error("a header is too long");
    return undefined;
  }
}

/** Undoes `Transfer-Encoding: chunked` (RFC 9112 section 7.1). */
class Chunks {
  #left = 0;
  #line = "";

  push(bytes: Uint8Array<ArrayBuffer>, onBytes: (piece: Uint8Array<ArrayBuffer>) => void): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        onBytes(piece);
      } else {
        const byte = bytes[at++]!;
        if (byte !== 0x0a) this.#line += String.fromCharCode(byte);
        else {
          const line = this.#line.trim();
          this.#line = "";
          if (line !== "") this.#left = parseInt(line, 16);
        }
      }
    }
  }
}

/** Finds the pictures in `multipart/x-mixed-replace` by their lengths. */
class Parts {
  readonly #onPicture: (jpeg: Uint8Array) => void;
  readonly #head = new Head();
  #picture = new Uint8Array(0);
  #length = 0;
  #filled = 0;

  constructor(onPicture: (jpeg: Uint8Array) => void) {
    this.#onPicture = onPicture;
  }

  push(bytes: Uint8Array<ArrayBuffer>): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#length === 0) {
        const behind = this.#head.push(rest);
        if (behind === undefined) return;
        rest = behind;
        this.#length = Number(/^content-length: *(\d+)/im.exec(this.#head.text)?.[1]);
        if (!(this.#length > 0)) throw new Error(`a part without a length: ${this.#head.text}`);
        if (this.#picture.length < this.#length) this.#picture = new Uint8Array(this.#length * 2);
      }
      const piece = rest.subarray(0, this.#length - this.#filled);
      this.#picture.set(piece, this.#filled);
      this.#filled += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#filled === this.#length) {
        this.#onPicture(this.#picture.subarray(0, this.#length));
        this.#length = this.#filled = 0;
      }
    }
  }
}
