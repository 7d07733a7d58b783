/**
 * Where this program keeps what must outlive it: `xoq` in the XDG state folder
 * (specifications.freedesktop.org/basedir-spec), or its counterpart on macOS and Windows. Everything
 * in it is the user's alone: folders 0700, files 0600.
 *
 * @module
 */

/** Reads environment variables; `Deno.env.get` in life. */
export type Environment = (name: string) => string | undefined;

/** The state folder, or `undefined` where there is no home to put it in. Nothing is created. */
export function stateFolder(
  env: Environment = (name) => Deno.env.get(name),
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  const xdg = env("XDG_STATE_HOME");
  // The specification says to ignore relative paths.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "xoq");
  if (os === "windows") {
    const local = env("LOCALAPPDATA") ?? env("USERPROFILE");
    return local === undefined || local === "" ? undefined : join(local, "xoq");
  }
  const home = env("HOME");
  if (home === undefined || !isAbsolute(home)) return undefined;
  return os === "darwin"
    ? join(home, "Library/Application Support/xoq")
    : join(home, ".local/state/xoq");
}

/** Joins two paths with `/`, which every system takes. */
export function join(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[a-z]:[\\/]/i.test(path) || path.startsWith("\\\\");
}

/**
 * Makes a folder with its parents, 0700. An existing one that others may enter is closed to them;
 * the result says so in one line for people.
 */
export async function makePrivateFolder(path: string): Promise<string | undefined> {
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  return await closeToOthers(path, 0o700);
}

/** Takes the rights of group and others away; says so in one line when they had any. */
export async function closeToOthers(path: string, mode: number): Promise<string | undefined> {
  const found = (await Deno.stat(path)).mode;
  if (Deno.build.os === "windows" || found === null || (found & 0o077) === 0) return undefined;
  const was = (found & 0o777).toString(8).padStart(4, "0");
  try {
    await Deno.chmod(path, mode);
    return `${path} was open to other users (${was}); it is ${
      mode.toString(8).padStart(4, "0")
    } now`;
  } catch {
    return `${path} is open to other users (${was}) and can't be changed: it belongs to someone else`;
  }
}

/** Writes a whole file so that readers see the old or the new one, never a part; 0600. */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = await writeTemporary(path, content);
  try {
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Writes a file that must not exist yet, whole or not at all; 0600. Throws `AlreadyExists`. */
export async function createAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = await writeTemporary(path, content);
  try {
    await Deno.link(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    // A file system without hard links: exclusive creation, which a crash may leave short.
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(path, bytes, { createNew: true, mode: 0o600 });
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

async function writeTemporary(path: string, content: Uint8Array | string): Promise<string> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
  try {
    let rest = typeof content === "string" ? new TextEncoder().encode(content) : content;
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await file.sync();
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  } finally {
    file.close();
  }
  return temporary;
}
