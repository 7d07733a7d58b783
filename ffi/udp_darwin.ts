/**
 * What macOS's <sys/socket.h>, <netinet/in.h> and <sys/errno.h> say where it differs from Linux.
 * Taken from the headers' published text; not run on a Mac by the project's tests.
 *
 * @module
 */

/** Constants UDP. There is no SOCK_CLOEXEC; ports are shared by SO_REUSEPORT (0x200). */
export const DARWIN_UDP = {
  AF_INET: 2,
  SOCK_DGRAM: 2,
  SOCK_CLOEXEC: 0,
  SOL_SOCKET: 0xffff,
  SO_REUSEADDR: 0x200,
  SO_RCVBUF: 0x1002,
  MSG_DONTWAIT: 0x80,
  EADDRINUSE: 48,
  EADDRNOTAVAIL: 49,
  ECONNREFUSED: 61,
  ENETUNREACH: 51,
  EHOSTUNREACH: 65,
} as const;
