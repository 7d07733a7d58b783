/**
 * moq-relay (the crate of moq-dev) on this machine alone: `XOQ_TEST_MOQ_RELAY` names it, else it is
 * looked for in PATH. `cargo install moq-relay@0.17.10 --no-default-features --features noq,websocket`.
 */
import { directTransport } from "../../lib/moq_tools/direct.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { eachLine, end, signal, within } from "./process.ts";
import { missingProgram } from "./requires.ts";

const PROGRAM = Deno.env.get("XOQ_TEST_MOQ_RELAY") ?? "moq-relay";

/** Why there is no moq-relay here; undefined: there is. */
export const noMoqRelay: string | undefined = await missingProgram(PROGRAM);

/** A relay that runs. */
export class MoqRelay implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  /** What it said. */
  readonly log: string[] = [];
  /** Its UDP port, for QUIC and WebTransport. */
  port = 0;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Starts one; `port` as an earlier one had it, `more` on its command line. */
  static async start(port = 0, more: readonly string[] = []): Promise<MoqRelay> {
    const child = new Deno.Command(PROGRAM, {
      args: [
        ...["--listen", `127.0.0.1:${port}`, "--listen-tls-generate", "localhost,127.0.0.1"],
        ...["--auth-public", "**", "--log-level", "info", ...more],
      ],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const relay = new MoqRelay(child);
    const listening = Promise.withResolvers<void>();
    const heard = (line: string) => {
      relay.log.push(line);
      // deno-lint-ignore no-control-regex -- the colours of its log
      const plain = line.replaceAll(/\x1b\[[0-9;]*m/g, "");
      const found = /listening.*addr=127\.0\.0\.1:(\d+)/.exec(plain);
      if (found === null) return;
      relay.port = Number(found[1]);
      listening.resolve();
    };
    for (const stream of [child.stdout, child.stderr]) eachLine(stream, heard).catch(() => {});
    child.status.then(({ code }) => {
      listening.reject(new Error(`moq-relay ended with ${code}:\n${relay.log.join("\n")}`));
    });
    listening.promise.catch(() => {});
    try {
      await within(listening.promise, 10_000, () => `moq-relay's start (${relay.log.join("\n")})`);
    } catch (error) {
      await end(child);
      throw error;
    }
    return relay;
  }

  /** Where it is. */
  url(scheme: "https" | "moqt", path = ""): string {
    return `${scheme}://127.0.0.1:${this.port}/${path}`;
  }

  /** A connection to it. */
  async dial(
    scheme: "https" | "moqt",
    protocols: readonly string[],
    path = "",
  ): Promise<Connection> {
    const transport = await directTransport();
    return await transport.dial(this.url(scheme, path), {
      protocols,
      trust: { insecure: true },
      timeoutMs: 10_000,
    });
  }

  /** Kills it, so that nobody is told. */
  async kill(): Promise<void> {
    signal(this.#child, "SIGKILL");
    await this.#child.status;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
  }
}
