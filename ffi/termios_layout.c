// Requests, flags and struct layouts of Linux's terminals, as JSON. Run by scripts/layouts.ts.
#include <asm/termios.h>
#include <linux/serial.h>
#include <sys/file.h>
#include <sys/inotify.h>

#include "layout.h"

int main(void) {
  BEGIN();
  GROUP("TTY");
  C(TCGETS2) C(TCSETS2) C(TCSBRK) C(TCFLSH) C(TIOCSBRK) C(TIOCCBRK) C(TIOCMGET) C(TIOCMSET)
  C(TIOCGICOUNT) C(TIOCEXCL) C(TIOCNXCL) C(TIOCOUTQ) C(TIOCGSERIAL) C(TIOCSSERIAL)
  GROUP("PTY");
  C(TIOCPKT) C(TIOCGPTN) C(TIOCSPTLCK) C(TIOCPKT_FLUSHREAD) C(TIOCPKT_FLUSHWRITE)
  C(TIOCPKT_IOCTL)
  GROUP("MODEM");
  C(TIOCM_DTR) C(TIOCM_RTS) C(TIOCM_CTS) C(TIOCM_CAR) C(TIOCM_RNG) C(TIOCM_DSR)
  GROUP("QUEUE");
  C(TCIFLUSH) C(TCOFLUSH) C(TCIOFLUSH)
  GROUP("IFLAG");
  C(IXON) C(IXOFF) C(IXANY)
  GROUP("CFLAG");
  C(CBAUD) C(BOTHER) C(IBSHIFT) C(CSIZE) C(CS5) C(CS6) C(CS7) C(CS8) C(CSTOPB) C(CREAD)
  C(PARENB) C(PARODD) C(CMSPAR) C(HUPCL) C(CLOCAL) C(CRTSCTS)
  GROUP("LFLAG");
  C(EXTPROC)
  GROUP("CC");
  C(VMIN) C(VTIME) C(VSTART) C(VSTOP)
  GROUP("LOW_LATENCY");
  C(ASYNC_LOW_LATENCY)
  GROUP("FLOCK");
  C(LOCK_EX) C(LOCK_NB)
  GROUP("INOTIFY");
  C(IN_OPEN) C(IN_CLOSE) C(IN_CLOEXEC) C(IN_NONBLOCK)
  STRUCT(inotify_event);
  F(inotify_event, mask) F(inotify_event, len)
  STRUCT(termios2);
  F(termios2, c_iflag) F(termios2, c_oflag) F(termios2, c_cflag) F(termios2, c_lflag)
  F(termios2, c_line) F(termios2, c_cc) F(termios2, c_ispeed) F(termios2, c_ospeed)
  STRUCT(serial_icounter_struct);
  F(serial_icounter_struct, cts) F(serial_icounter_struct, dsr) F(serial_icounter_struct, rng)
  F(serial_icounter_struct, dcd) F(serial_icounter_struct, rx) F(serial_icounter_struct, tx)
  F(serial_icounter_struct, frame) F(serial_icounter_struct, overrun)
  F(serial_icounter_struct, parity) F(serial_icounter_struct, brk)
  F(serial_icounter_struct, buf_overrun)
  STRUCT(serial_struct);
  F(serial_struct, flags)
  END();
}
