/**
 * What macOS's <sys/errno.h>, <sys/fcntl.h> and <time.h> say where it differs from Linux. Taken from
 * the headers' published text; not run on a Mac by the project's tests.
 *
 * @module
 */

/** Constants ERRNO. */
export const DARWIN_ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  EAGAIN: 35,
  ENOBUFS: 55,
  ETIMEDOUT: 60,
  EPROTO: 100,
} as const;

/** Constants OPEN. */
export const DARWIN_OPEN = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_NONBLOCK: 0x4,
  O_NOCTTY: 0x20000,
  O_CLOEXEC: 0x1000000,
} as const;

/** Constants CLOCK. */
export const DARWIN_CLOCK = {
  CLOCK_REALTIME: 0,
  CLOCK_MONOTONIC: 6,
} as const;
