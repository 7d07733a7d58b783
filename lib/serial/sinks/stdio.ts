/**
 * A remote port as a pipe: what it says on standard output, what comes on standard input to it.
 *
 * @module
 */
import { abortable, type SharedPort } from "./sink.ts";

/** Writes what the port says to a stream until the signal aborts or the reader is gone. */
export async function pipeOut(
  shared: SharedPort,
  stdout: WritableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const writer = stdout.getWriter();
  const gone = Promise.withResolvers<void>();
  const end = () => gone.resolve();
  using _attached = shared.attach((bytes) => writer.write(bytes).catch(end));
  writer.closed.then(end, end);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    await gone.promise;
  } finally {
    signal.removeEventListener("abort", end);
    writer.releaseLock();
  }
}

/** Sends a stream to the port, to its end, and waits until the port has sent it. */
export async function pipeIn(
  shared: SharedPort,
  stdin: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const reader = stdin.getReader();
  try {
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) break;
      await shared.port.write(value, { signal });
    }
    await shared.port.drain({ signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    reader.releaseLock();
  }
}
