/**
 * Made by `scripts/layouts.ts` from `ffi/libc_layout.c`: do not edit.
 * The same on every 64-bit little-endian Linux (x86_64 and arm64, GNU and musl).
 *
 * @module
 */

/** Constants ERRNO. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  EBADF: 9,
  EPROTO: 71,
  ETIMEDOUT: 110,
  ENOBUFS: 105,
} as const;

/** Constants OPEN. */
export const OPEN = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_NOCTTY: 256,
  O_NONBLOCK: 2048,
  O_CLOEXEC: 0x80000,
} as const;

/** Constants POLL. */
export const POLL = {
  POLLIN: 1,
  POLLPRI: 2,
  POLLOUT: 4,
  POLLERR: 8,
  POLLHUP: 16,
  POLLNVAL: 32,
} as const;

/** Constants MMAN. */
export const MMAN = {
  PROT_READ: 1,
  PROT_WRITE: 2,
  MAP_SHARED: 1,
  MAP_PRIVATE: 2,
  MAP_ANONYMOUS: 32,
  MREMAP_MAYMOVE: 1,
  MREMAP_FIXED: 2,
} as const;

/** Constants EVENTFD. */
export const EVENTFD = {
  EFD_CLOEXEC: 0x80000,
  EFD_NONBLOCK: 2048,
} as const;

/** Constants SOCKET. */
export const SOCKET = {
  AF_NETLINK: 16,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_CLOEXEC: 0x80000,
  SOCK_NONBLOCK: 2048,
  NETLINK_KOBJECT_UEVENT: 15,
} as const;

/** Constants CLOCK. */
export const CLOCK = {
  CLOCK_REALTIME: 0,
  CLOCK_MONOTONIC: 1,
} as const;

/** `struct pollfd`: its size and its fields' offsets, in bytes. */
export const pollfd = {
  size: 8,
  fd: 0,
  events: 4,
  revents: 6,
} as const;

/** `struct timespec`: its size and its fields' offsets, in bytes. */
export const timespec = {
  size: 16,
  tv_sec: 0,
  tv_nsec: 8,
} as const;

/** `struct sockaddr_nl`: its size and its fields' offsets, in bytes. */
export const sockaddr_nl = {
  size: 12,
  nl_family: 0,
  nl_pid: 4,
  nl_groups: 8,
} as const;
