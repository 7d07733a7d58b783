/** The MoQT programs of aiomoqt that tests speak with: `deno task peers` sets them up. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { eachLine, end, signal, within } from "./process.ts";
import { missingProgram } from "./requires.ts";
import { freePort } from "./xoq.ts";

/** The interpreter: `XOQ_TEST_MOQT_PYTHON`, else the one `deno task peers` made. */
export const moqtPython: string = Deno.env.get("XOQ_TEST_MOQT_PYTHON") ??
  fileURLToPath(new URL("../../.cache/peers-moqt/bin/python", import.meta.url));

/** Where one of its programs is: `moq-interop-relay`. */
export function aiomoqtProgram(name: string): string {
  return join(dirname(moqtPython), name);
}

/** Why tests with aiomoqt can't run here, or `undefined`. */
export const noAiomoqt: string | undefined = await Deno.stat(aiomoqtProgram("moq-interop-relay"))
  .then(() => undefined, () => "aiomoqt is not there (deno task peers, with a Python ≥ 3.12)");

/** Why there is no aiomoqt relay here, which wants a certificate; or `undefined`. */
export const noAiomoqtRelay: string | undefined = noAiomoqt ??
  await missingProgram("openssl", ["version"]);

/** aiomoqt's relay on loopback, over QUIC and WebTransport on one port. */
export class AiomoqtRelay implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  /** Its UDP port. */
  readonly port: number;

  private constructor(child: Deno.ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.port = port;
  }

  /** Starts one; `port` as an earlier one had it. */
  static async start(port: number = freePort()): Promise<AiomoqtRelay> {
    const folder = await Deno.makeTempDir({ prefix: "xoq-aiomoqt-" });
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    await new Deno.Command("openssl", {
      args: [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10".split(" "),
        ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        ...["-keyout", key, "-out", cert],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    const child = new Deno.Command(aiomoqtProgram("moq-interop-relay"), {
      args: [
        ...["--dual", "--bind", "127.0.0.1", "--port", `${port}`, "--cert", cert, "--key", key],
        ...["--draft", "22,20,18,16,14"],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const log: string[] = [];
    const listening = new Promise<void>((resolve, reject) => {
      eachLine(child.stderr, (line) => {
        log.push(line);
        if (line.includes("listening")) resolve();
      }).then(() => reject(new Error(`moq-interop-relay ended:\n${log.join("\n")}`)), reject);
    });
    listening.catch(() => {});
    const relay = new AiomoqtRelay(child, folder, port);
    try {
      await within(listening, 15_000, () => `moq-interop-relay's start (${log.join("\n")})`);
      return relay;
    } catch (error) {
      await relay[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where it is: `moqt` or `https`. */
  url(scheme: string): string {
    return `${scheme}://127.0.0.1:${this.port}/`;
  }

  /** Kills it, so that nobody is told. */
  async kill(): Promise<void> {
    signal(this.#child, "SIGKILL");
    await this.#child.status;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }
}

/** A line of the script's `sub`. */
export interface PeerObject {
  /** Its group. */
  group: number;
  /** Its id. */
  object: number;
  /** Of its bytes, in hex. */
  sha256: string;
}

/** `tests/support/peers/moqt_peer.py`, running. */
export class MoqtPeer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #log: string[] = [];
  readonly #reading: Promise<unknown>;
  #listener = () => {};
  /** What `sub` received. */
  readonly objects: PeerObject[] = [];
  /** The other lines: `ready`, `done`. */
  readonly said: string[] = [];

  /** Starts it. */
  constructor(args: readonly string[]) {
    const script = fileURLToPath(new URL("./peers/moqt_peer.py", import.meta.url));
    this.#child = new Deno.Command(moqtPython, {
      args: [script, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([
      eachLine(this.#child.stdout, (line) => {
        if (line.startsWith("{")) this.objects.push(JSON.parse(line));
        else this.said.push(line);
        this.#listener();
      }),
      eachLine(this.#child.stderr, (line) => void this.#log.push(line)),
    ]);
    this.#reading.catch(() => {});
  }

  /** Waits until it says a word. */
  async says(word: string): Promise<void> {
    const heard = new Promise<void>((resolve, reject) => {
      this.#listener = () => this.said.includes(word) && resolve();
      this.#listener();
      this.#reading.then(
        () => reject(new Error(`the peer ended without ${word}:\n${this.#log.join("\n")}`)),
        reject,
      );
    });
    await within(heard, 30_000, () => `${word} of the peer (${this.#log.slice(-5).join("\n")})`);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
    await this.#reading.catch(() => {});
  }
}
