/**
 * What the V4L2 binding needs of the system: five calls and a wait. The kernel is one
 * implementation, a fake device in a test another.
 *
 * @module
 */
import * as libc from "../libc.ts";
import { Poller } from "../poller.ts";

/** A mapped buffer; not to be touched after `unmap()`. */
export interface MappedMemory {
  /** The bytes. */
  readonly memory: Uint8Array<ArrayBuffer>;
  /** Gives the mapping up. */
  unmap(): void;
  /** Keeps the bytes but lets the device go: an open mapping keeps the node as busy as a descriptor. */
  detach(): void;
}

/** System calls as V4L2 uses them. Negative results are negated errno values. */
export interface V4l2Io {
  /** Opens a node for reading and writing, non-blocking: a descriptor or the negated errno. */
  open(path: string): number;
  /** Closes it, once no wait knows it. */
  close(fd: number): Promise<void>;
  /** One request with its structure, which is read and filled in. */
  ioctl(fd: number, request: number, argument: Uint8Array<ArrayBuffer>): number;
  /** Writes one picture: bytes written, or the negated errno. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number;
  /** Maps a buffer: the mapping, or the negated errno. */
  map(fd: number, length: number, offset: number): MappedMemory | number;
  /** Waits for poll events and answers those that came. Rejects with the signal's reason. */
  wait(fd: number, events: number, signal: AbortSignal): Promise<number>;
  /** The clock of the buffers' timestamps, in µs. */
  monotonicMicros(): number;
}

/** The kernel. All cameras of an isolate share one waiting thread. */
class KernelIo implements V4l2Io {
  readonly #poller = new Poller();

  open(path: string): number {
    const { O_RDWR, O_NONBLOCK, O_CLOEXEC } = libc.OPEN;
    return libc.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  }

  close(fd: number): Promise<void> {
    return this.#poller.close(fd);
  }

  ioctl(fd: number, request: number, argument: Uint8Array<ArrayBuffer>): number {
    for (;;) {
      const result = libc.ioctl(fd, request, argument);
      if (result !== -libc.ERRNO.EINTR) return result;
    }
  }

  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    return libc.write(fd, bytes);
  }

  map(fd: number, length: number, offset: number): MappedMemory | number {
    const mapping = libc.mmap(fd, length, offset, "read-write");
    if (typeof mapping === "number") return mapping;
    return {
      memory: mapping.memory,
      unmap: () => void libc.munmap(mapping),
      detach: () => void libc.detachMapping(mapping),
    };
  }

  wait(fd: number, events: number, signal: AbortSignal): Promise<number> {
    return this.#poller.wait(fd, events, { signal });
  }

  monotonicMicros(): number {
    return libc.monotonicMicros();
  }
}

/** The kernel's V4L2. */
export const kernelIo: V4l2Io = new KernelIo();
