/**
 * What the lab needs of the machine it runs on, by Debian package.
 *
 * @module
 */
import { has, labError, run } from "./run.ts";

/** Commands by the Debian package that has them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "qemu-system-x86": ["qemu-system-x86_64"],
  "busybox-static": ["busybox"],
  "cpio": ["cpio"],
  "kmod": ["depmod", "modprobe"],
  "dpkg": ["dpkg-deb"],
  "make": ["make"],
  "gcc": ["gcc"],
  "iproute2": ["ip"],
  "v4l-utils": ["v4l2-ctl"],
  "can-utils": ["candump", "cangen", "canfdtest", "cansequence"],
  "ffmpeg": ["ffmpeg", "ffprobe"],
};

/** Packages of this list that the machine lacks. */
export async function missingPackages(): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, commands] of Object.entries(PACKAGES)) {
    const found = await Promise.all(commands.map(has));
    if (found.includes(false)) missing.push(name);
  }
  return missing;
}

/** Installs what is missing (`install`, as root), or says how to. */
export async function requirePackages(install: boolean): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw labError(
      "the lab runs this machine's programs on an emulated PC: it needs Linux on x86_64",
    );
  }
  if (!await has("apt-get")) {
    throw labError("the lab boots Debian's kernel and needs apt-get: run it on Debian or Ubuntu");
  }
  const missing = await missingPackages();
  if (missing.length === 0) return;
  if (!install) {
    throw labError(
      `the lab needs packages that are missing here: deno task lab --install, or\n` +
        `  sudo apt-get install -y --no-install-recommends ${missing.join(" ")}`,
    );
  }
  await run("apt-get", ["update", "-q"], { show: true });
  await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...missing], {
    show: true,
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
}
