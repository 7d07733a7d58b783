/**
 * An executable that `deno compile` made for Linux reads all of its content into memory when it
 * starts, where it then stays: a hundred megabytes, of which little is needed twice. Here the same bytes
 * are mapped from the executable's file in place of the copy, so that the system reads and forgets
 * pages as they are used.
 *
 * @module
 */
import { LibraryError } from "./errors.ts";
import { lazyLibrary } from "./library.ts";

/** What the content begins with. */
const MAGIC = "d3n0l4nd";
/** What glibc keeps in front of a large block of memory. */
const MALLOC_HEADER = 16;
/** Bytes that are compared and mapped at once. */
const CHUNK = 2 << 20;

// sys/mman.h and fcntl.h of Linux, the same on all of its platforms.
const PROT_READ_WRITE = 3;
const MAP_PRIVATE = 2;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const MREMAP_MAYMOVE_FIXED = 3;
const MADV_DONTNEED = 4;
const SC_PAGESIZE = 30;

const libc = lazyLibrary({ name: "libc", candidates: ["libc.so.6"] }, {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  sysconf: { parameters: ["i32"], result: "isize" },
  memcmp: { parameters: ["usize", "usize", "usize"], result: "i32" },
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "isize"], result: "usize" },
  mremap: { parameters: ["usize", "usize", "usize", "i32", "usize"], result: "usize" },
  munmap: { parameters: ["usize", "usize"], result: "i32" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
});

/** Where the content is in the file: from `start` to the file's end. Undefined where there is none. */
function contentOf(file: Deno.FsFile): { start: number; length: number } | undefined {
  const { size } = file.statSync();
  const trailer = new Uint8Array(8);
  file.seekSync(-8, Deno.SeekMode.End);
  file.readSync(trailer);
  const length = Number(new DataView(trailer.buffer).getBigUint64(0, true));
  if (length > size) return undefined;
  const magic = new Uint8Array(MAGIC.length);
  file.seekSync(size - length, Deno.SeekMode.Start);
  file.readSync(magic);
  return new TextDecoder().decode(magic) === MAGIC ? { start: size - length, length } : undefined;
}

/** Addresses at which memory of the process may hold `length` bytes, by `/proc/self/maps`. */
export function candidates(maps: string, length: number): number[] {
  const found: number[] = [];
  for (const line of maps.split("\n")) {
    // Anonymous memory has no path: nothing follows the inode.
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0\s*$/.exec(line);
    if (match === null) continue;
    const [from, to] = [parseInt(match[1]!, 16), parseInt(match[2]!, 16)];
    if (to - from < length + MALLOC_HEADER) continue;
    const block = Math.ceil((length + MALLOC_HEADER) / 4096) * 4096;
    found.push(...new Set([from + MALLOC_HEADER, to - block + MALLOC_HEADER]));
  }
  return found;
}

/**
 * Maps the running executable's content from its file. Returns how many bytes of memory that freed; 0
 * where there is nothing to map, or it lies so that it cannot be.
 */
export function mapOwnContent(): number {
  if (Deno.build.os !== "linux" || !Deno.build.standalone) return 0;
  try {
    const { symbols } = libc();
    const page = Number(symbols.sysconf(SC_PAGESIZE));
    using file = Deno.openSync("/proc/self/exe");
    const content = contentOf(file);
    if (content === undefined) return 0;
    const { start, length } = content;
    const maps = Deno.readTextFileSync("/proc/self/maps");
    for (const address of candidates(maps, length - page)) {
      // A page of the file can stand for a page of memory only where both are cut alike.
      if ((start - address) % page !== 0) continue;
      const skipped = (page - address % page) % page;
      const whole = Math.floor((length - skipped) / page) * page;
      const freed = mapRange(address + skipped, start + skipped, whole);
      if (freed > 0) return freed;
    }
    return 0;
  } catch (error) {
    if (error instanceof LibraryError || error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** Maps what is the same in memory and in the file; ends where it is not. */
function mapRange(address: number, offset: number, length: number): number {
  const { open, close, mmap, memcmp, mremap, munmap, madvise } = libc().symbols;
  const fd = open(new TextEncoder().encode("/proc/self/exe\0"), 0);
  if (fd < 0) return 0;
  let done = 0;
  try {
    while (done < length) {
      const size = BigInt(Math.min(CHUNK, length - done));
      const target = BigInt(address + done);
      const from = mmap(0n, size, PROT_READ_WRITE, MAP_PRIVATE, fd, BigInt(offset + done));
      if (from === MAP_FAILED) break;
      const same = memcmp(from, target, size) === 0;
      if (!same || mremap(from, size, size, MREMAP_MAYMOVE_FIXED, target) === MAP_FAILED) {
        munmap(from, size);
        break;
      }
      madvise(target, size, MADV_DONTNEED);
      done += Number(size);
    }
  } finally {
    close(fd);
  }
  return done;
}
