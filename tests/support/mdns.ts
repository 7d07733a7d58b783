/** Other programs that speak Multicast DNS, on a machine of a {@link import("./lan.ts").Lan}. */
import { fileURLToPath } from "node:url";
import type { LanMachine } from "./lan.ts";
import { eachLine, end, within } from "./process.ts";
import { missingPython, python } from "./python.ts";
import { missingProgram } from "./requires.ts";

const PEER = fileURLToPath(new URL("./mdns_peer.py", import.meta.url));
/** Why python-zeroconf can't be used, or `undefined`. */
export const noZeroconf: string | undefined = await missingPython("zeroconf");
/** Why Avahi can't be used, or `undefined`. */
export const noAvahi: string | undefined = await missingProgram("avahi-browse") ??
  await missingProgram("avahi-daemon") ?? await missingProgram("dbus-daemon");

/** What python-zeroconf says of a service. */
export interface Seen {
  what: "add" | "update" | "remove" | "registered";
  name: string;
  addresses: string[];
  port: number;
  txt: string[];
}

/** python-zeroconf on one machine: at an IPv4 address, or by IPv6 only on an interface. */
export function zeroconf(machine: LanMachine, address: string, ...words: string[]) {
  const child = machine.spawn([python, PEER, address, ...words], {
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  });
  const seen: Seen[] = [];
  let tell = () => {};
  void eachLine(child.stdout, (line) => {
    seen.push(JSON.parse(line));
    tell();
  });
  return {
    seen,
    until: (condition: (seen: Seen) => boolean, what: string) =>
      within(
        new Promise<Seen>((resolve) => {
          tell = () => {
            const found = seen.find(condition);
            if (found !== undefined) resolve(found);
          };
          tell();
        }),
        20_000,
        () => `${what} in what zeroconf saw: ${JSON.stringify(seen)}`,
      ),
    [Symbol.asyncDispose]: async () => {
      await child.stdin.close().catch(() => {});
      await end(child);
    },
  };
}

/** Avahi's daemon on one machine, with a bus of its own; `config` is its configuration file's text. */
export async function avahi(machine: LanMachine, config = ""): Promise<AsyncDisposable> {
  await machine.run("sh", "-c", "mount -t tmpfs none /run && mkdir /run/dbus /run/avahi-daemon");
  const file = "/run/avahi.conf";
  await machine.run("sh", "-c", `printf '%s' "$1" > ${file}`, "sh", config);
  const bus = machine.spawn(
    ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address"],
    { stdout: "piped", stderr: "null" },
  );
  await using stack = new AsyncDisposableStack();
  stack.defer(() => end(bus));
  await said(bus.stdout, "unix:", "the bus's start");
  const daemon = machine.spawn(
    ["avahi-daemon", "--no-drop-root", "--no-rlimits", "--no-chroot", "--file", file],
    { stdout: "null", stderr: "piped" },
  );
  stack.defer(() => end(daemon));
  await said(daemon.stderr, "startup complete", "avahi's start");
  return stack.move();
}

/** Waits until a program writes a line with these words. */
async function said(stream: ReadableStream<Uint8Array>, words: string, what: string) {
  await within(
    new Promise<void>((resolve, reject) => {
      eachLine(stream, (line) => line.includes(words) && resolve())
        .then(() => reject(new Error(`it ended before ${what}`)), reject);
    }),
    10_000,
    () => what,
  );
}

/** Runs `avahi-browse` until it resolves something that matches. */
export async function browseUntil(
  machine: LanMachine,
  type: string,
  pattern: RegExp,
): Promise<string> {
  for (let n = 0; n < 10; n++) {
    const text = await machine.run("avahi-browse", "-rptk", type);
    if (pattern.test(text)) return text;
  }
  throw new Error(`avahi-browse does not see ${pattern}`);
}
