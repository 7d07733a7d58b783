/**
 * Which one-time grants were used, remembered across restarts. A line per nonce: the nonce, when its
 * grant expires (0: never), and the endpoint id that used it. Append-only while open, written through
 * to the disk before anyone is admitted; expired lines are dropped when the file is opened.
 *
 * @module
 */
import { DeniedError } from "../errors.ts";
import type { Grant } from "./grant.ts";
import { closeToOthers, writeAtomically } from "./state_folder.ts";

/** Most nonces remembered; when full, one-time grants are refused rather than admitted twice. */
export const MAX_NONCES = 65_536;
const MAX_FILE_BYTES = MAX_NONCES * 128;

interface Use {
  expires: number;
  holder: string;
}

/** Remembers used nonces, in a file or (without one) while the process lives. */
export class NonceStore implements AsyncDisposable {
  readonly #uses: Map<string, Use>;
  readonly #file: Deno.FsFile | undefined;
  readonly #limit: number;
  #writing: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(uses: Map<string, Use>, file: Deno.FsFile | undefined, limit: number) {
    this.#uses = uses;
    this.#file = file;
    this.#limit = limit;
  }

  /**
   * Opens the store. The caller holds the identity's lock: one process at a time.
   * @param path absent: nothing outlives the process.
   * @param now milliseconds since the epoch, for dropping what has expired.
   */
  static async open(path?: string, now = Date.now(), limit = MAX_NONCES): Promise<NonceStore> {
    if (path === undefined) return new NonceStore(new Map(), undefined, limit);
    const { uses, clean } = parse(await readOrEmpty(path), now);
    if (!clean) await writeAtomically(path, [...uses].map(([n, use]) => line(n, use)).join(""));
    const file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
    await closeToOthers(path, 0o600);
    return new NonceStore(uses, file, limit);
  }

  /** Nonces remembered now. */
  get size(): number {
    return this.#uses.size;
  }

  /**
   * Uses a grant's nonce up for `holder` (an endpoint id). Resolves when that is on the disk. Grants
   * that are not one-time pass; the same holder may come again, as it does after a lost connection.
   *
   * @throws {DeniedError} when another holder used it, or the store is full.
   */
  async claim(grant: Grant, holder: string): Promise<void> {
    if (!grant.once) return;
    if (this.#closed) throw new DeniedError("the server is closing");
    const use = this.#uses.get(grant.nonce);
    if (use !== undefined && use.holder !== holder) {
      throw new DeniedError("the one-time grant was used before, by another client", {
        hint: "ask whoever serves the device for a new ticket",
      });
    }
    if (use !== undefined) return await this.#settled();
    if (this.#uses.size >= this.#limit) this.#forgetExpired(Date.now());
    if (this.#uses.size >= this.#limit) {
      throw new DeniedError(`${this.#limit} one-time grants are remembered here, no more fit`, {
        hint: "issue one-time tickets with --expires, so that they can be forgotten",
      });
    }
    const fresh = { expires: grant.expires ?? 0, holder };
    this.#uses.set(grant.nonce, fresh);
    try {
      await this.#append(line(grant.nonce, fresh));
    } catch (cause) {
      this.#uses.delete(grant.nonce);
      throw new DeniedError("the one-time grant can't be noted as used", {
        hint: "see whether the disk with the state folder is full",
        cause,
      });
    }
  }

  /** Closes the file after what is being written. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#settled();
    this.#file?.close();
  }

  #settled(): Promise<void> {
    return this.#writing.then(() => {}, () => {});
  }

  #append(text: string): Promise<void> {
    const file = this.#file;
    if (file === undefined) return Promise.resolve();
    const done = this.#settled().then(async () => {
      let rest = new TextEncoder().encode(text);
      while (rest.length > 0) rest = rest.subarray(await file.write(rest));
      await file.syncData();
    });
    this.#writing = done.catch(() => {});
    return done;
  }

  #forgetExpired(now: number): void {
    for (const [nonce, use] of this.#uses) if (isExpired(use, now)) this.#uses.delete(nonce);
  }
}

function isExpired(use: Use, now: number): boolean {
  return use.expires !== 0 && use.expires * 1000 <= now;
}

function line(nonce: string, use: Use): string {
  return `${nonce} ${use.expires} ${use.holder}\n`;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE_BYTES) {
      throw new DeniedError(`${path} is ${size} bytes long, at most ${MAX_FILE_BYTES}`, {
        hint: "remove it, and with it the memory of used one-time tickets",
      });
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function parse(text: string, now: number): { uses: Map<string, Use>; clean: boolean } {
  const uses = new Map<string, Use>();
  const lines = text.split("\n");
  // A last line without its end was cut by a crash before anyone was admitted by it.
  let clean = lines.pop() === "";
  for (const entry of lines) {
    const match = /^([0-9a-f]{24}) ([0-9]{1,15}) ([0-9a-f]{64})$/.exec(entry);
    const use = { expires: Number(match?.[2]), holder: match?.[3] ?? "" };
    if (match?.[1] === undefined || isExpired(use, now)) clean = false;
    else uses.set(match[1], use);
  }
  return { uses, clean };
}
