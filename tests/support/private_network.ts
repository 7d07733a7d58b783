/**
 * A network of its own for the programs of one test (Linux, root): nothing but its loopback, its own
 * `/etc/resolv.conf`, and a name server that knows the endpoints the test names. Programs that find
 * their peers by DNS alone can be tested in it.
 */
import { fileURLToPath } from "node:url";
import { endpointIdToZBase32 } from "../../lib/transport/endpoint_id.ts";
import { eachLine, end, within } from "./process.ts";
import { missingProgram } from "./requires.ts";

/** Why there can be no private network here, or `undefined`. */
export const noPrivateNetwork: string | undefined = Deno.build.os !== "linux"
  ? "network namespaces are Linux's"
  : await missingProgram("unshare", ["--mount", "--net", "ip", "link", "set", "lo", "up"]) &&
    "network namespaces need root and iproute2";

/** Sets the namespaces up, then stays until its stdin ends. */
const HOLD = `set -e
ip link set lo up
mount --make-rprivate /
mount -t tmpfs none /mnt
echo "nameserver 127.0.0.1" > /mnt/resolv.conf
mount --bind /mnt/resolv.conf /etc/resolv.conf
echo up
exec sleep infinity`;

/** A running private network. */
export class PrivateNetwork implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;
  readonly #children: Deno.ChildProcess[] = [];

  private constructor(holder: Deno.ChildProcess) {
    this.#holder = holder;
  }

  /** Sets it up. */
  static async start(): Promise<PrivateNetwork> {
    const holder = new Deno.Command("unshare", {
      args: ["--mount", "--net", "sh", "-c", HOLD],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    await ready(holder, "up");
    return new PrivateNetwork(holder);
  }

  /** What a command line begins with to run inside. */
  get prefix(): string[] {
    return ["nsenter", "--target", String(this.#holder.pid), "--mount", "--net", "--"];
  }

  /**
   * Answers `_iroh.<id>.dns.iroh.link` (iroh's DNS discovery) on port 53: the given endpoints, each at
   * its `IP:PORT`. Every other name does not exist.
   */
  async serveNames(endpoints: Readonly<Record<string, string>>): Promise<void> {
    const records = Object.entries(endpoints).map(([id, address]) => [
      `_iroh.${endpointIdToZBase32(id)}.dns.iroh.link`,
      `addr=${address}`,
    ]);
    const script = fileURLToPath(new URL("./name_server.ts", import.meta.url));
    const [program = "", ...args] = [
      ...this.prefix,
      ...[Deno.execPath(), "run", "-A", "--quiet", "--no-config", script],
      JSON.stringify(Object.fromEntries(records)),
    ];
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#children.push(child);
    await ready(child, "listening");
  }

  /** Ends what runs inside. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#children, this.#holder]) await end(child);
  }
}

/** Waits until the program prints `word`. */
async function ready(child: Deno.ChildProcess, word: string): Promise<void> {
  await within(
    new Promise<void>((resolve, reject) => {
      eachLine(child.stdout, (line) => line === word && resolve())
        .then(() => reject(new Error(`it ended before it said "${word}"`)), reject);
    }),
    10_000,
    () => `the word "${word}"`,
  );
}
