/** Child processes that never outlive their test. */

/** How long a process may take to end after SIGTERM before it is killed, in milliseconds. */
const GRACE_MS = 3_000;

/** Settles as `promise`, or rejects after `milliseconds` with what was waited for. */
export async function within<T>(
  promise: Promise<T>,
  milliseconds: number,
  what: () => string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what()} did not happen within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends a signal; a process that is already gone is no error. */
export function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // It has ended by itself.
  }
}

/** Ends a process: SIGCONT and SIGTERM, then SIGKILL. */
export async function end(child: Deno.ChildProcess): Promise<void> {
  // A stopped process takes no SIGTERM.
  if (Deno.build.os !== "windows") signal(child, "SIGCONT");
  signal(child, "SIGTERM");
  const timer = setTimeout(() => signal(child, "SIGKILL"), GRACE_MS);
  await child.status;
  clearTimeout(timer);
}

/** Calls `onLine` for each line (without its end) until the stream ends. */
export async function eachLine(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line.replace(/\r$/, ""));
  }
  if (rest !== "") onLine(rest);
}
