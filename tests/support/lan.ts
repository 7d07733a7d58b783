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

/** Where the first machine of a LAN without IPv4 is. */
export const HERE_6 = "fd77::1";
/** Where the second one is. */
export const THERE_6 = "fd77::2";

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

  /** Sets it up, with IPv4 and link-local IPv6 addresses, or without IPv4. */
  static async start(ip: "4" | "6" = "4"): Promise<Lan> {
    const [alpha, beta] = await Promise.all([holder("alpha"), holder("beta")]);
    const lan = new Lan(new LanMachine(alpha), new LanMachine(beta));
    const { here } = lan;
    await here.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "cable");
    await here.run("ip", "link", "set", "cable", "netns", String(beta.pid));
    await lan.there.run("ip", "link", "set", "cable", "name", "eth0");
    const addresses = ip === "4"
      ? [`${HERE}/24`, `${THERE}/24`]
      : [`${HERE_6}/64`, `${THERE_6}/64`];
    for (const [index, machine] of [lan.here, lan.there].entries()) {
      // Nobody else is on this cable: no address needs to be probed for first.
      await machine.run("sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad");
      await machine.run("ip", "address", "add", addresses[index]!, "dev", "eth0");
      await machine.run("ip", "link", "set", "eth0", "up");
      await machine.run("ip", `-${ip}`, "route", "add", "default", "dev", "eth0");
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
