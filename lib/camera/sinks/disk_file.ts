/**
 * A file that is appended to, and stays whole when the disk is full.
 *
 * @module
 */
import { fileError } from "./file_errors.ts";

/** What was written goes to the disk this often, in ms. */
export const SYNC_MS = 5000;

/** An open file. */
export class DiskFile {
  /** Its path. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  #written = 0;
  #syncedAt = performance.now();
  #syncing: Promise<void> | undefined;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /** Makes the file; replaces one that is there only with `force`. Throws as `fileError` says. */
  static async open(path: string, force: boolean): Promise<DiskFile> {
    try {
      return new DiskFile(
        path,
        await Deno.open(
          path,
          force
            ? { read: true, write: true, create: true, truncate: true }
            : { read: true, write: true, createNew: true },
        ),
      );
    } catch (error) {
      throw fileError(error, path);
    }
  }

  /** Bytes written. */
  get size(): number {
    return this.#written;
  }

  /** Appends all of it, or throws with nothing of it left in the file. */
  async append(bytes: Uint8Array): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.length) done += await this.#file.write(bytes.subarray(done));
      this.#written += done;
    } catch (error) {
      await this.cutTo(this.#written);
      throw fileError(error, this.path);
    }
    this.#sync();
  }

  /** Cuts the end off. */
  async cutTo(size: number): Promise<void> {
    // A device instead of a file can't be cut, and needn't be.
    await this.#file.truncate(size).catch(() => {});
    await this.#file.seek(size, Deno.SeekMode.Start).catch(() => {});
    this.#written = size;
  }

  /** Reads bytes at a place. */
  async readAt(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.#file.seek(position, Deno.SeekMode.Start);
    const read = await this.#file.read(bytes);
    return bytes.subarray(0, read ?? 0);
  }

  // Beside the writing: a slow disk must not hold frames up.
  #sync(): void {
    const now = performance.now();
    if (this.#syncing !== undefined || now - this.#syncedAt < SYNC_MS) return;
    this.#syncedAt = now;
    // What can't be synced shows as an error of the next write, or of close().
    this.#syncing = this.#file.syncData().catch(() => {}).finally(() => this.#syncing = undefined);
  }

  /** Everything to the disk, and closed. */
  async close(): Promise<void> {
    try {
      await this.#syncing;
      await this.#file.syncData().catch(() => {});
    } finally {
      this.#file.close();
    }
  }
}
