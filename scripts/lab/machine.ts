/**
 * The lab's machine: QEMU without acceleration, on the host's file system.
 *
 * @module
 */
import type { Kernel } from "./kernel.ts";
import { labError } from "./run.ts";

/** What to boot and what to share. */
export interface MachineOptions {
  /** Kernel. */
  kernel: Kernel;
  /** Initramfs. */
  initramfs: string;
  /** Folder that the guest has as /lab, writable. */
  share: string;
  /** Whether the terminal belongs to the guest. */
  interactive: boolean;
  /** Where the console goes, unless the terminal belongs to the guest. */
  console: "stdout" | "stderr";
  /** The machine is stopped after this many seconds. */
  timeout: number;
}

/** Runs the machine until it powers off. */
export async function runMachine(options: MachineOptions): Promise<void> {
  const { kernel, initramfs, share, interactive, console } = options;
  const piped = !interactive && console === "stderr";
  const shared = "security_model=none,multidevs=remap";
  const child = new Deno.Command("nice", {
    args: [
      ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"],
      ["-m", "3072", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
      ["-serial", interactive ? "mon:stdio" : "stdio"],
      ["-kernel", kernel.image, "-initrd", initramfs],
      ["-append", "console=ttyS0 quiet panic=-1 mitigations=off nokaslr"],
      ["-virtfs", `local,path=/,mount_tag=host,${shared},readonly=on`],
      ["-virtfs", `local,path=${share},mount_tag=lab,${shared}`],
      ["-object", "can-bus,id=cb0"],
      ["-device", "kvaser_pci,canbus=cb0", "-device", "kvaser_pci,canbus=cb0"],
    ].flat(),
    stdin: interactive ? "inherit" : "null",
    stdout: piped ? "piped" : "inherit",
    stderr: "inherit",
  }).spawn();
  const piping = piped && child.stdout.pipeTo(Deno.stderr.writable, { preventClose: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, options.timeout * 1000);
  const interrupt = () => child.kill("SIGTERM");
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  try {
    const { success, code } = await child.status;
    await piping;
    if (late) throw labError(`the lab was stopped after ${options.timeout} s (--timeout)`);
    if (!success) throw labError(`qemu-system-x86_64 ended with ${code}`);
  } finally {
    clearTimeout(timer);
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGTERM", interrupt);
  }
}
