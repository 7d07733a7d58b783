/**
 * The lab's initramfs: busybox and the modules that reach the host's files by 9p.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Kernel } from "./kernel.ts";
import { run } from "./run.ts";

/** Modules that the root file system needs, in no order. */
const MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];
const INIT = fileURLToPath(new URL("init.sh", import.meta.url));

/** Files of the modules and of what they depend on, in the order to load them. */
async function loadOrder({ root, release }: Kernel): Promise<string[]> {
  const files = new Set<string>();
  for (const module of MODULES) {
    const text = await run("modprobe", ["-d", root, "-S", release, "--show-depends", module]);
    for (const match of text.matchAll(/^insmod (\S+)/gm)) files.add(match[1]!);
  }
  return [...files];
}

/** Writes the initramfs. */
export async function makeInitramfs(kernel: Kernel, file: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "initramfs" });
  try {
    for (const name of ["bin", "modules", "proc", "sys", "dev", "host", "copy", "sysroot"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    const busybox = (await run("sh", ["-c", "command -v busybox"])).trim();
    await Deno.copyFile(busybox, `${folder}/bin/busybox`);
    await Deno.chmod(`${folder}/bin/busybox`, 0o755);
    const names: string[] = [];
    for (const path of await loadOrder(kernel)) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      await Deno.copyFile(path, `${folder}/modules/${name}`);
      names.push(name);
    }
    await Deno.writeTextFile(`${folder}/modules/order`, names.join("\n") + "\n");
    await Deno.copyFile(INIT, `${folder}/init`);
    await Deno.chmod(`${folder}/init`, 0o755);
    const pack = `cd "$1" && find . | cpio -o -H newc --quiet | gzip -1 > "$2"`;
    await run("sh", ["-c", pack, "sh", folder, file]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
