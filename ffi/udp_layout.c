// Constants and struct layouts of UDP sockets over IPv4, as JSON. Run by scripts/layouts.ts.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "layout.h"

int main(void) {
  BEGIN();
  GROUP("UDP");
  C(AF_INET) C(SOCK_DGRAM) C(SOCK_CLOEXEC) C(SOL_SOCKET) C(SO_REUSEADDR) C(SO_RCVBUF)
  C(MSG_DONTWAIT) C(EADDRINUSE) C(EADDRNOTAVAIL) C(ECONNREFUSED) C(ENETUNREACH) C(EHOSTUNREACH)
  STRUCT(sockaddr_in);
  F(sockaddr_in, sin_family) F(sockaddr_in, sin_port) F(sockaddr_in, sin_addr)
  END();
}
