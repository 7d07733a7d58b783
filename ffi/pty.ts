/**
 * Pseudo-terminals: the master's end of a pair, its user's settings, and whether somebody has the
 * other end open (Linux: packet mode with EXTPROC, and inotify, so that nothing is asked for by
 * timers).
 *
 * @module
 */
import { check, close, ERRNO, ioctl, OPEN, open, POLL, pollfd, pollNow, read } from "./libc.ts";
import { lazyLibrary } from "./library.ts";
import { withErrno } from "./termios_errno.ts";
import { INOTIFY, inotify_event, LFLAG, PTY, termios2, TTY } from "./termios_layout.ts";
import { termios } from "./termios.ts";

const libc = lazyLibrary({
  name: "libc",
  override: "XOQ_LIBC",
  candidates: () => ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`],
}, {
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
});

/** What inotify is to tell. */
const WATCHED = INOTIFY.IN_OPEN | INOTIFY.IN_CLOSE;
/** Bytes of one read of what inotify tells. */
const INOTIFY_BYTES = 4_096;

/** What a read from the master gave, beside bytes. */
export interface PtyEvents {
  /** The user changed the terminal's settings. */
  settings: boolean;
  /** The user dropped what it had not read. */
  flushedInput: boolean;
  /** The user dropped what it had written. */
  flushedOutput: boolean;
}

/** The master's end of a pseudo-terminal whose other end has a name. Linux only. */
export class PtyMaster {
  /** Descriptor of the master, non-blocking: POLLIN and POLLHUP say what they say everywhere. */
  readonly fd: number;
  /** Readable when somebody opened or closed the other end: see {@link opened}. */
  readonly openings: number;
  /** `/dev/pts/N`. */
  readonly path: string;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #events: PtyEvents = { settings: false, flushedInput: false, flushedOutput: false };
  readonly #told = new Uint8Array(INOTIFY_BYTES);
  /** How many have the other end open, as far as it was told: the kernel may tell several as one. */
  #users = 0;
  /** Found by the way, and to be told by {@link changedHands}. */
  #changed = false;
  #closed = false;

  /**
   * Makes a pair, raw, at 115,200 baud. Throws `FfiError`.
   *
   * @param bytes most bytes of one read.
   */
  constructor(bytes = 65_536) {
    this.#buffer = new Uint8Array(bytes + 1);
    const flags = OPEN.O_RDWR | OPEN.O_NOCTTY | OPEN.O_NONBLOCK | OPEN.O_CLOEXEC;
    this.fd = check(open("/dev/ptmx", flags), "open", "/dev/ptmx");
    let openings = -1;
    try {
      const word = new Uint8Array(4);
      check(ioctl(this.fd, PTY.TIOCSPTLCK, word), "TIOCSPTLCK");
      check(ioctl(this.fd, PTY.TIOCGPTN, word), "TIOCGPTN");
      this.path = `/dev/pts/${new DataView(word.buffer).getInt32(0, true)}`;
      termios.setFormat(this.fd, {
        baudRate: 115_200,
        dataBits: 8,
        parity: "none",
        stopBits: 1,
        rtscts: false,
        xonxoff: false,
      }, undefined);
      const on = new Uint8Array(4);
      on[0] = 1;
      check(ioctl(this.fd, PTY.TIOCPKT, on), "TIOCPKT");
      this.watchSettings();
      const { symbols } = libc();
      const flags = INOTIFY.IN_NONBLOCK | INOTIFY.IN_CLOEXEC;
      openings = check(withErrno(() => symbols.inotify_init1(flags)), "inotify_init1");
      const name = new TextEncoder().encode(this.path + "\0");
      const watch = withErrno(() => symbols.inotify_add_watch(openings, name, WATCHED));
      check(watch, "inotify_add_watch", this.path);
      this.openings = openings;
      // The kernel tells that nobody has the other end open only once somebody had.
      this.forget();
    } catch (error) {
      if (openings >= 0) close(openings);
      close(this.fd);
      throw error;
    }
  }

  /**
   * Asks to be told of changed settings. Programs that clear all local flags clear this, too, so it
   * is to be asked for again after each change.
   */
  watchSettings(): void {
    const attributes = new Uint8Array(termios2.size);
    const view = new DataView(attributes.buffer);
    check(ioctl(this.fd, TTY.TCGETS2, attributes), "TCGETS2");
    const local = view.getUint32(termios2.c_lflag, true);
    if ((local & LFLAG.EXTPROC) !== 0) return;
    view.setUint32(termios2.c_lflag, local | LFLAG.EXTPROC, true);
    check(ioctl(this.fd, TTY.TCSETS2, attributes), "TCSETS2");
  }

  /**
   * Reads what the user wrote: bytes in a buffer that the next call uses again, `undefined` when there
   * are none now, `"closed"` when nobody has the other end open and everything was read. Events are
   * gathered for {@link takeEvents}. Throws `FfiError`.
   */
  read(): Uint8Array<ArrayBuffer> | "closed" | undefined {
    for (;;) {
      const count = read(this.fd, this.#buffer);
      if (count > 1 && this.#buffer[0] === 0) return this.#buffer.subarray(1, count);
      if (count > 0) {
        this.#note(this.#buffer[0]!);
        continue;
      }
      if (count === -ERRNO.EAGAIN) return undefined;
      if (count === -ERRNO.EINTR) continue;
      if (count === -ERRNO.EIO || count === 0) return "closed";
      check(count, "read", this.path);
    }
  }

  #note(kind: number): void {
    if ((kind & PTY.TIOCPKT_IOCTL) !== 0) this.#events.settings = true;
    // Read from the user's side: its reads are our writes.
    if ((kind & PTY.TIOCPKT_FLUSHREAD) !== 0) this.#events.flushedInput = true;
    if ((kind & PTY.TIOCPKT_FLUSHWRITE) !== 0) this.#events.flushedOutput = true;
  }

  #pollNow(): number {
    const fds = new Uint8Array(pollfd.size);
    const view = new DataView(fds.buffer);
    view.setInt32(pollfd.fd, this.fd, true);
    view.setInt16(pollfd.events, POLL.POLLIN | POLL.POLLPRI, true);
    pollNow(fds);
    return view.getInt16(pollfd.revents, true);
  }

  /** What happened since the last call. */
  takeEvents(): PtyEvents | undefined {
    const events = this.#events;
    if (!events.settings && !events.flushedInput && !events.flushedOutput) return undefined;
    this.#events = { settings: false, flushedInput: false, flushedOutput: false };
    return events;
  }

  /**
   * Whether somebody has the other end open now, or had it so shortly that nothing but what it wrote
   * is left.
   */
  opened(): boolean {
    this.changedHands();
    const events = this.#pollNow();
    const opened = (events & POLL.POLLHUP) === 0;
    this.#users = opened ? Math.max(1, this.#users) : 0;
    return opened || (events & POLL.POLLIN) !== 0;
  }

  /**
   * Whether everybody had closed the other end when somebody opened it, since the last call. Reads
   * don't tell where both happened between two of them.
   */
  changedHands(): boolean {
    let changed = this.#changed;
    this.#changed = false;
    for (let count = 0; (count = read(this.openings, this.#told)) > 0;) {
      const view = new DataView(this.#told.buffer, 0, count);
      for (let at = 0; at < count;) {
        const mask = view.getUint32(at + inotify_event.mask, true);
        if ((mask & INOTIFY.IN_OPEN) !== 0 && this.#users++ === 0) changed = true;
        if ((mask & INOTIFY.IN_CLOSE) !== 0) this.#users = Math.max(0, this.#users - 1);
        at += inotify_event.size + view.getUint32(at + inotify_event.len, true);
      }
    }
    return changed;
  }

  /** Drops what the last user has not read, so that the next one doesn't get it. */
  forget(): void {
    if (this.#closed) return;
    // Our own opening is told as everybody's, and looks like another user: it doesn't count.
    this.#changed = this.changedHands();
    const users = this.#users;
    const flags = OPEN.O_RDONLY | OPEN.O_NOCTTY | OPEN.O_NONBLOCK | OPEN.O_CLOEXEC;
    const fd = open(this.path, flags);
    if (fd < 0) return;
    termios.flush(fd, "input");
    close(fd);
    while (read(this.openings, this.#told) > 0);
    this.#users = users;
    // The flush is told, too: a byte, before all data.
    if ((this.#pollNow() & POLL.POLLPRI) === 0) return;
    if (read(this.fd, this.#buffer) === 1) this.#note(this.#buffer[0]! & ~PTY.TIOCPKT_FLUSHREAD);
  }

  /** Closes both descriptors; nobody may wait for them any more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.openings);
    close(this.fd);
  }
}
