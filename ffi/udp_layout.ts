/**
 * Made by `scripts/layouts.ts` from `ffi/udp_layout.c`: do not edit.
 * The same on every 64-bit little-endian Linux (x86_64 and arm64, GNU and musl).
 *
 * @module
 */

/** Constants UDP. */
export const UDP = {
  AF_INET: 2,
  SOCK_DGRAM: 2,
  SOCK_CLOEXEC: 0x80000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_RCVBUF: 8,
  MSG_DONTWAIT: 64,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ECONNREFUSED: 111,
  ENETUNREACH: 101,
  EHOSTUNREACH: 113,
} as const;

/** `struct sockaddr_in`: its size and its fields' offsets, in bytes. */
export const sockaddr_in = {
  size: 16,
  sin_family: 0,
  sin_port: 2,
  sin_addr: 4,
} as const;
