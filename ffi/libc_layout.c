// Constants and struct layouts of the C library, as JSON. Run by scripts/layouts.ts.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "layout.h"

int main(void) {
  BEGIN();
  GROUP("ERRNO");
  C(EPERM) C(ENOENT) C(EINTR) C(EIO) C(ENXIO) C(EAGAIN) C(ENOMEM) C(EACCES) C(EBUSY) C(ENODEV)
  C(EINVAL) C(ENOTTY) C(ENOSPC) C(EPIPE) C(ERANGE) C(EBADF) C(EPROTO) C(ETIMEDOUT) C(ENOBUFS)
  GROUP("OPEN");
  C(O_RDONLY) C(O_WRONLY) C(O_RDWR) C(O_NOCTTY) C(O_NONBLOCK) C(O_CLOEXEC)
  GROUP("POLL");
  C(POLLIN) C(POLLPRI) C(POLLOUT) C(POLLERR) C(POLLHUP) C(POLLNVAL)
  GROUP("MMAN");
  C(PROT_READ) C(PROT_WRITE) C(MAP_SHARED) C(MAP_PRIVATE) C(MAP_ANONYMOUS) C(MREMAP_MAYMOVE)
  C(MREMAP_FIXED)
  GROUP("EVENTFD");
  C(EFD_CLOEXEC) C(EFD_NONBLOCK)
  GROUP("SOCKET");
  C(AF_NETLINK) C(SOCK_DGRAM) C(SOCK_RAW) C(SOCK_CLOEXEC) C(SOCK_NONBLOCK) C(NETLINK_KOBJECT_UEVENT)
  GROUP("CLOCK");
  C(CLOCK_REALTIME) C(CLOCK_MONOTONIC)
  STRUCT(pollfd);
  F(pollfd, fd) F(pollfd, events) F(pollfd, revents)
  STRUCT(timespec);
  F(timespec, tv_sec) F(timespec, tv_nsec)
  STRUCT(sockaddr_nl);
  F(sockaddr_nl, nl_family) F(sockaddr_nl, nl_pid) F(sockaddr_nl, nl_groups)
  END();
}
