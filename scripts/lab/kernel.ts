/**
 * Debian's stock kernel and its modules, unpacked beside the checkout (nothing is installed), and
 * v4l2loopback built against its headers.
 *
 * @module
 */
import { has, labError, run } from "./run.ts";

/** A kernel ready to boot. */
export interface Kernel {
  /** `6.1.0-56-amd64`. */
  release: string;
  /** The image to boot. */
  image: string;
  /** What `modprobe -d` takes: the folder that `lib/modules` is in. */
  root: string;
}

/** Packages by name and version. */
export type Packages = Record<string, string>;

const META = "linux-image-amd64";
const LOOPBACK = "v4l2loopback-dkms";

async function dependencies(name: string, pattern: RegExp): Promise<string[]> {
  const text = await run("apt-cache", ["depends", name]);
  return [...text.matchAll(/Depends: (\S+)/g)].map((match) => match[1]!)
    .filter((each) => pattern.test(each));
}

/** The versions that apt would take now. */
async function versions(names: readonly string[]): Promise<Packages> {
  const text = await run("apt-cache", ["policy", ...names]);
  const found = [...text.matchAll(/^(\S+):\n(?: {2}.*\n)*? {2}Candidate: (\S+)/gm)];
  const packages = Object.fromEntries(found.map((match) => [match[1]!, match[2]!]));
  const unknown = names.filter((name) => (packages[name] ?? "(none)") === "(none)");
  if (unknown.length > 0) throw labError(`apt knows no ${unknown.join(", ")}: run apt-get update`);
  return packages;
}

/** Which packages the kernel and its modules are made of, at the versions apt would take now. */
export async function kernelPackages(): Promise<Packages> {
  const [image] = await dependencies(META, /^linux-image-\d/).catch(() => []);
  if (image === undefined) {
    throw labError(
      `apt knows no kernel by the name ${META}: run apt-get update; the lab needs Debian's archive`,
    );
  }
  const headers = image.replace("linux-image-", "linux-headers-");
  const names = [
    image,
    headers,
    ...await dependencies(headers, /^linux-(headers|kbuild)-/),
    LOOPBACK,
  ];
  return await versions(names);
}

/** Downloads, unpacks and builds into an empty folder. */
export async function makeKernel(packages: Packages, folder: string): Promise<Kernel> {
  const archives = `${folder}/archives`;
  await Deno.mkdir(archives, { recursive: true });
  const names = Object.entries(packages).map(([name, version]) => `${name}=${version}`);
  await run("apt-get", ["download", "-q", ...names], { cwd: archives });
  for await (const { name } of Deno.readDir(archives)) {
    await run("dpkg-deb", ["-x", `${archives}/${name}`, folder]);
  }
  await Deno.remove(archives, { recursive: true });
  // Where /lib is a link to /usr/lib, packages have their modules there.
  if (!await Deno.stat(`${folder}/lib/modules`).then(() => true, () => false)) {
    await Deno.mkdir(`${folder}/lib`, { recursive: true });
    await Deno.symlink("../usr/lib/modules", `${folder}/lib/modules`);
  }
  const kernel = await findKernel(folder);
  await buildLoopback(kernel);
  // The headers have served.
  await Deno.remove(`${folder}/usr/src`, { recursive: true });
  await run("depmod", ["-b", folder, kernel.release]);
  return kernel;
}

/** The kernel that a folder holds. */
export async function findKernel(folder: string): Promise<Kernel> {
  for await (const { name } of Deno.readDir(`${folder}/boot`)) {
    const release = /^vmlinuz-(.+)$/.exec(name)?.[1];
    if (release !== undefined) return { release, image: `${folder}/boot/${name}`, root: folder };
  }
  throw labError(`there is no kernel in ${folder}/boot`);
}

/** Builds v4l2loopback and puts it among the kernel's modules. */
async function buildLoopback({ root, release }: Kernel): Promise<void> {
  const headers = `${root}/usr/src/linux-headers-${release}`;
  // Debian's headers name each other by absolute paths, as if they were installed.
  const makefile = `${headers}/Makefile`;
  const text = await Deno.readTextFile(makefile);
  await Deno.writeTextFile(makefile, text.replaceAll(/(?<=\s)\/usr\/src\//g, `${root}/usr/src/`));
  let source: string | undefined;
  for await (const { name } of Deno.readDir(`${root}/usr/src`)) {
    if (name.startsWith("v4l2loopback-")) source = `${root}/usr/src/${name}`;
  }
  if (source === undefined) throw labError(`${LOOPBACK} holds no source`);
  const compiler = await has("gcc-12") && release.startsWith("6.1.") ? "gcc-12" : "gcc";
  await run("make", ["-C", headers, `M=${source}`, `CC=${compiler}`, "modules"]);
  const extra = `${root}/lib/modules/${release}/extra`;
  await Deno.mkdir(extra, { recursive: true });
  await Deno.rename(`${source}/v4l2loopback.ko`, `${extra}/v4l2loopback.ko`);
}
