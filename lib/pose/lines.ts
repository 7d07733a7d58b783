/**
 * Lines of text out of a byte stream, each of a bounded length.
 *
 * @module
 */

/** Calls back for each line until the stream ends or the signal aborts; a line that is too long is cut. */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  longest: number,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  const abort = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", abort, { once: true });
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") onLine(line.slice(0, longest + 1));
      // One character too many is kept, so that whoever reads it sees that it is too long.
      rest = rest.slice(0, longest + 1);
      if (done) {
        if (rest.trim() !== "") onLine(rest);
        return;
      }
    }
  } finally {
    signal.removeEventListener("abort", abort);
    reader.releaseLock();
  }
}
