/**
 * A LAN of two machines for one test (Linux, root): two network namespaces joined by a cable, each
 * with its own loopback, nothing else.
 */
import { eachLine, end, within } from "./process.ts";
import { missingProgram } from "./requires.ts";

/** Why there can be no LAN here, or `undefined`. */
export const noLan: string | undefined = Deno.build.os !== "linux"
  ? "network namespaces are Linux's"
  : await missingProgram("unshare", ["--net", "--uts", "ip", "link", "set", "lo", "up"]) &&
    "network namespaces need root and iproute2";

/** Where the first machine is. */
export const HERE = "10.77.0.1";
/** Where the second one is. */
export const THERE = "10.77.0.2";

/** One machine of a {@link Lan}. */
export class LanMachine {
  readonly #holder: Deno.ChildProcess;

  /** Its namespace is the holder's. */
  constructor(holder: Deno.ChildProcess) {
    this.#holder = holder;
  }

  /** What a command line begins with to run here. */
  get prefix(): string[] {
    return ["nsenter", "--target", String(this.#holder.pid), "--mount", "--net", "--uts", "--"];
  }

  /** Runs a program to its end and gives its output; a failure is an error. */
  async run(...words: string[]): Promise<string> {
    const [program = "", ...args] = [...this.prefix, ...words];
    const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
    const text = new TextDecoder();
    if (!success) throw new Error(`${words.join(" ")}: ${text.decode(stderr)}`);
    return text.decode(stdout);
  }

  /** Starts a program. The test must end it. */
  spawn(words: readonly string[], options: Omit<Deno.CommandOptions, "args"> = {}) {
    const [program = "", ...args] = [...this.prefix, ...words];
    return new Deno.Command(program, { args, stdin: "null", ...options }).spawn();
  }

  /** Ends its programs' namespace. */
  async close(): Promise<void> {
    await end(this.#holder);
  }
}

/** A running LAN. */
export class Lan implements AsyncDisposable {
  /** The machine at {@link HERE}, called `alpha`. */
  readonly here: LanMachine;
  /** The machine at {@link THERE}, called `beta`. */
  readonly there: LanMachine;

  private constructor(here: LanMachine, there: LanMachine) {
    this.here = here;
    this.there = there;
  }

  /** Sets it up. */
  static async start(): Promise<Lan> {
    const [alpha, beta] = await Promise.all([holder("alpha"), holder("beta")]);
    const lan = new Lan(new LanMachine(alpha), new LanMachine(beta));
    const ip = (...words: string[]) => lan.here.run("ip", ...words);
    await ip("link", "add", "eth0", "type", "veth", "peer", "name", "cable");
    await ip("link", "set", "cable", "netns", String(beta.pid));
    await lan.there.run("ip", "link", "set", "cable", "name", "eth0");
    for (const [machine, address] of [[lan.here, HERE], [lan.there, THERE]] as const) {
      await machine.run("ip", "address", "add", `${address}/24`, "dev", "eth0");
      await machine.run("ip", "link", "set", "eth0", "up");
      await machine.run("ip", "route", "add", "default", "dev", "eth0");
    }
    return lan;
  }

  /** Ends what holds it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.here.close(), this.there.close()]);
  }
}

async function holder(name: string): Promise<Deno.ChildProcess> {
  const script = `ip link set lo up && hostname ${name} && echo up && exec sleep infinity`;
  const child = new Deno.Command("unshare", {
    args: ["--mount", "--net", "--uts", "sh", "-c", script],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await within(
    new Promise<void>((resolve, reject) => {
      eachLine(child.stdout, (line) => line === "up" && resolve())
        .then(() => reject(new Error("it ended before it was up")), reject);
    }),
    10_000,
    () => "a network namespace",
  );
  return child;
}
