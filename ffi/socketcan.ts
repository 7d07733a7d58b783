/**
 * SocketCAN (linux/can.h, linux/can/raw.h) by the C library's sockets: raw sockets that take and
 * give frames in batches, with timestamps, echoes of what was sent, and the kernel's drop counter.
 * Linux only. Waiting is the caller's: poll {@link CanSocket.fd}.
 *
 * @module
 */
import { FfiError } from "./errors.ts";
import { bind, check, close, ERRNO, socket, strerror } from "./libc.ts";
import { SOCKET } from "./libc_layout.ts";
import { lazyLibrary } from "./library.ts";
import {
  CAN,
  can_filter,
  cmsghdr,
  iovec,
  mmsghdr,
  msghdr,
  sockaddr_can,
  SOCKET_OPTION,
} from "./socketcan_layout.ts";

/** Frames of one batch. */
export const BATCH_FRAMES = 64;
/** Bytes of a frame's place in a batch: `struct canfd_frame`. */
export const FRAME_BYTES = 72;
/** Bytes for the control messages of one frame: timestamps (64) and the drop counter (24). */
const CONTROL_BYTES = 128;

/** errno of sockets that `libc.ts` has no use for. */
const ENETDOWN = 100;

const libc = lazyLibrary({
  name: "libc",
  override: "XOQ_LIBC",
  candidates: () =>
    Deno.build.os === "linux" ? ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`] : [],
}, {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  __errno_location: { parameters: [], result: "pointer" },
});

function outcome(result: number): number {
  if (result >= 0) return result;
  const at = libc().symbols.__errno_location();
  return at === null ? -1 : -new Deno.UnsafePointerView(at).getInt32();
}

/** if_nametoindex(3): the interface's index, or 0 where there is none of this name. */
export function interfaceIndex(name: string): number {
  return libc().symbols.if_nametoindex(new TextEncoder().encode(name + "\0"));
}

/** Whether this kernel has CAN sockets. Throws {@link FfiError} for another reason than that. */
export function hasCanSockets(): boolean {
  const fd = socket(CAN.AF_CAN, SOCKET.SOCK_RAW | SOCKET.SOCK_CLOEXEC, CAN.CAN_RAW);
  if (fd < 0) return false;
  close(fd);
  return true;
}

/** How a socket is opened. */
export interface CanSocketOptions {
  /** Frames of CAN FD too. */
  fd: boolean;
  /** Classes of error reports wanted (linux/can/error.h); 0: none. */
  errorMask: number;
  /** Whether frames sent here come back, once they were on the bus. */
  receiveOwn: boolean;
  /** Bytes of the receive buffer wished for; more than the system's limit needs CAP_NET_ADMIN. */
  receiveBuffer: number;
  /** Bytes of the send buffer wished for, up to the system's limit; absent: the system's default. */
  sendBuffer?: number;
  /**
   * Whether other programs of this machine see what is sent here. Default true; without it nothing
   * comes back to {@link receiveOwn} either.
   */
  loopback?: boolean;
}

/** What came in a batch; valid until the next `receive()`. */
export interface CanBatch {
  /** Frames in it. */
  count: number;
  /** {@link FRAME_BYTES} for each frame: `struct can_frame` or `struct canfd_frame`. */
  frames: Uint8Array<ArrayBuffer>;
  /** View on `frames`. */
  view: DataView<ArrayBuffer>;
  /** Bytes of each: 16 is classic, 72 is CAN FD. */
  lengths: Uint32Array;
  /** 1 where the frame was sent by this socket (MSG_CONFIRM). */
  own: Uint8Array;
  /** Kernel's receive time of each, µs since the epoch; 0 where there is none. */
  softwareTimes: Float64Array;
  /** Controller's own time of each, µs of its own clock; 0 where there is none. */
  hardwareTimes: Float64Array;
}

/** A filter of the kernel's: passes where `(can_id & mask) === (id & mask)`. */
export interface KernelFilter {
  /** `can_id` with its flags. */
  id: number;
  /** Bits that count, flags included. */
  mask: number;
  /** The opposite passes. */
  inverted: boolean;
}

/** `struct mmsghdr`s over fixed buffers. */
class Messages {
  readonly headers = new Uint8Array(BATCH_FRAMES * mmsghdr.size);
  readonly headerView = new DataView(this.headers.buffer);
  readonly frames = new Uint8Array(BATCH_FRAMES * FRAME_BYTES);
  readonly view = new DataView(this.frames.buffer);
  readonly control: Uint8Array<ArrayBuffer>;
  readonly controlView: DataView<ArrayBuffer>;
  readonly #vectors = new Uint8Array(BATCH_FRAMES * iovec.size);
  readonly #vectorView = new DataView(this.#vectors.buffer);

  constructor(withControl: boolean) {
    this.control = new Uint8Array(withControl ? BATCH_FRAMES * CONTROL_BYTES : 0);
    this.controlView = new DataView(this.control.buffer);
    const at = (bytes: Uint8Array<ArrayBuffer>) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
    const [frames, vectors] = [at(this.frames), at(this.#vectors)];
    const control = withControl ? at(this.control) : 0n;
    for (let i = 0; i < BATCH_FRAMES; i++) {
      this.#vectorView.setBigUint64(
        i * iovec.size + iovec.iov_base,
        frames + BigInt(i * FRAME_BYTES),
        true,
      );
      this.setLength(i, FRAME_BYTES);
      const header = i * mmsghdr.size + mmsghdr.msg_hdr;
      this.headerView.setBigUint64(
        header + msghdr.msg_iov,
        vectors + BigInt(i * iovec.size),
        true,
      );
      this.headerView.setBigUint64(header + msghdr.msg_iovlen, 1n, true);
      if (withControl) {
        this.headerView.setBigUint64(
          header + msghdr.msg_control,
          control + BigInt(i * CONTROL_BYTES),
          true,
        );
      }
    }
  }

  /** Sets a frame's length. */
  setLength(index: number, bytes: number): void {
    // Both halves of a size_t: the upper one stays 0.
    this.#vectorView.setUint32(index * iovec.size + iovec.iov_len, bytes, true);
  }
}

/** A raw CAN socket, bound to one interface, not blocking. */
export class CanSocket {
  /** The descriptor, for polling. */
  readonly fd: number;
  /** Frames the kernel dropped because the receive buffer was full, since the socket was opened. */
  overflow = 0;
  readonly #receiving = new Messages(true);
  readonly #sending = new Messages(false);
  readonly #batch: CanBatch = {
    count: 0,
    frames: this.#receiving.frames,
    view: this.#receiving.view,
    lengths: new Uint32Array(BATCH_FRAMES),
    own: new Uint8Array(BATCH_FRAMES),
    softwareTimes: new Float64Array(BATCH_FRAMES),
    hardwareTimes: new Float64Array(BATCH_FRAMES),
  };
  #closed = false;

  /** Opens a socket on the interface of this index. Throws {@link FfiError}. */
  constructor(index: number, options: CanSocketOptions) {
    const type = SOCKET.SOCK_RAW | SOCKET.SOCK_CLOEXEC | SOCKET.SOCK_NONBLOCK;
    this.fd = check(socket(CAN.AF_CAN, type, CAN.CAN_RAW), "socket", "CAN");
    try {
      this.#configure(options);
      const address = new Uint8Array(sockaddr_can.size);
      const view = new DataView(address.buffer);
      view.setUint16(sockaddr_can.can_family, CAN.AF_CAN, true);
      view.setInt32(sockaddr_can.can_ifindex, index, true);
      check(bind(this.fd, address), "bind", `interface ${index}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #configure(options: CanSocketOptions): void {
    const raw = CAN.SOL_CAN_RAW;
    if (options.fd) this.#set(raw, CAN.CAN_RAW_FD_FRAMES, 1, "CAN_RAW_FD_FRAMES");
    this.#set(raw, CAN.CAN_RAW_ERR_FILTER, options.errorMask, "CAN_RAW_ERR_FILTER");
    this.#set(raw, CAN.CAN_RAW_RECV_OWN_MSGS, options.receiveOwn ? 1 : 0, "CAN_RAW_RECV_OWN_MSGS");
    if (options.loopback === false) this.#set(raw, CAN.CAN_RAW_LOOPBACK, 0, "CAN_RAW_LOOPBACK");
    const level = SOCKET_OPTION.SOL_SOCKET;
    if (options.sendBuffer !== undefined) {
      this.#set(level, SOCKET_OPTION.SO_SNDBUF, options.sendBuffer, "SO_SNDBUF");
    }
    const stamps = SOCKET_OPTION.SOF_TIMESTAMPING_RX_HARDWARE |
      SOCKET_OPTION.SOF_TIMESTAMPING_RX_SOFTWARE | SOCKET_OPTION.SOF_TIMESTAMPING_SOFTWARE |
      SOCKET_OPTION.SOF_TIMESTAMPING_RAW_HARDWARE;
    this.#set(level, SOCKET_OPTION.SO_TIMESTAMPING, stamps, "SO_TIMESTAMPING");
    this.#set(level, SOCKET_OPTION.SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
    try {
      this.#set(level, SOCKET_OPTION.SO_RCVBUFFORCE, options.receiveBuffer, "SO_RCVBUFFORCE");
    } catch {
      // Without CAP_NET_ADMIN the system's limit cuts it: still the most there is to have.
      this.#set(level, SOCKET_OPTION.SO_RCVBUF, options.receiveBuffer, "SO_RCVBUF");
    }
  }

  #set(level: number, option: number, value: number, name: string): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    check(outcome(libc().symbols.setsockopt(this.fd, level, option, bytes, 4)), name);
  }

  /** Bytes of the receive buffer as the kernel counts them. */
  get receiveBuffer(): number {
    const value = new Uint8Array(4);
    const length = new Uint8Array([4, 0, 0, 0]);
    const { SOL_SOCKET, SO_RCVBUF } = SOCKET_OPTION;
    check(
      outcome(libc().symbols.getsockopt(this.fd, SOL_SOCKET, SO_RCVBUF, value, length)),
      "SO_RCVBUF",
    );
    return new DataView(value.buffer).getUint32(0, true);
  }

  /**
   * Sets which frames the kernel hands over: those any of the filters passes; all without one. Own
   * frames are filtered too. Throws {@link FfiError}, `RangeError`.
   */
  setFilters(filters: readonly KernelFilter[]): void {
    if (filters.length > CAN.CAN_RAW_FILTER_MAX) {
      throw new RangeError(`${filters.length} filters, at most ${CAN.CAN_RAW_FILTER_MAX}`);
    }
    const list = filters.length === 0 ? [{ id: 0, mask: 0, inverted: false }] : filters;
    const bytes = new Uint8Array(list.length * can_filter.size);
    const view = new DataView(bytes.buffer);
    for (const [index, { id, mask, inverted }] of list.entries()) {
      const at = index * can_filter.size;
      const raw = inverted ? (id | CAN.CAN_INV_FILTER) >>> 0 : id;
      view.setUint32(at + can_filter.can_id, raw, true);
      view.setUint32(at + can_filter.can_mask, mask, true);
    }
    const { symbols } = libc();
    const { SOL_CAN_RAW, CAN_RAW_FILTER } = CAN;
    check(
      outcome(symbols.setsockopt(this.fd, SOL_CAN_RAW, CAN_RAW_FILTER, bytes, bytes.length)),
      "CAN_RAW_FILTER",
    );
  }

  /**
   * Takes what is there, up to {@link BATCH_FRAMES}: `count` is 0 where nothing is. Throws
   * {@link FfiError}: ENETDOWN once after the interface went down, ENODEV where it is gone.
   */
  receive(): CanBatch {
    const messages = this.#receiving;
    const { headerView } = messages;
    for (let i = 0; i < BATCH_FRAMES; i++) {
      const header = i * mmsghdr.size + mmsghdr.msg_hdr;
      headerView.setUint32(header + msghdr.msg_controllen, CONTROL_BYTES, true);
    }
    const count = outcome(
      libc().symbols.recvmmsg(this.fd, messages.headers, BATCH_FRAMES, MSG_DONTWAIT, null),
    );
    const batch = this.#batch;
    batch.count = Math.max(0, count);
    if (count < 0) {
      if (count === -ERRNO.EAGAIN || count === -ERRNO.EINTR) return batch;
      throw new FfiError("libc", "recvmmsg", -count, strerror(-count));
    }
    for (let i = 0; i < count; i++) {
      const header = i * mmsghdr.size;
      batch.lengths[i] = headerView.getUint32(header + mmsghdr.msg_len, true);
      const flags = headerView.getUint32(header + mmsghdr.msg_hdr + msghdr.msg_flags, true);
      batch.own[i] = (flags & SOCKET_OPTION.MSG_CONFIRM) !== 0 ? 1 : 0;
      this.#readControl(i, headerView.getUint32(header + msghdr.msg_controllen, true));
    }
    return batch;
  }

  #readControl(index: number, length: number): void {
    const batch = this.#batch;
    batch.softwareTimes[index] = 0;
    batch.hardwareTimes[index] = 0;
    const { controlView: view } = this.#receiving;
    const end = index * CONTROL_BYTES + Math.min(length, CONTROL_BYTES);
    for (let at = index * CONTROL_BYTES; at + cmsghdr.size <= end;) {
      const size = view.getUint32(at + cmsghdr.cmsg_len, true);
      if (size < cmsghdr.size) return;
      const data = at + cmsghdr.size;
      if (view.getInt32(at + cmsghdr.cmsg_level, true) === SOCKET_OPTION.SOL_SOCKET) {
        const type = view.getInt32(at + cmsghdr.cmsg_type, true);
        if (type === SOCKET_OPTION.SO_TIMESTAMPING && size >= cmsghdr.size + 48) {
          batch.softwareTimes[index] = micros(view, data);
          batch.hardwareTimes[index] = micros(view, data + 32);
        } else if (type === SOCKET_OPTION.SO_RXQ_OVFL) {
          this.overflow = view.getUint32(data, true);
        }
      }
      at += (size + 7) & ~7;
    }
  }

  /** A buffer to put frames into, for {@link send}: {@link FRAME_BYTES} for each. */
  get outgoing(): { frames: Uint8Array<ArrayBuffer>; view: DataView<ArrayBuffer> } {
    return this.#sending;
  }

  /**
   * Sends the first `count` frames of {@link outgoing}: how many were taken, or the negated errno of
   * the first where none was (EAGAIN and ENOBUFS: full; ENETDOWN: down; ENXIO, ENODEV: gone).
   *
   * @param fd which of them are CAN FD.
   */
  send(count: number, fd: (index: number) => boolean): number {
    for (let i = 0; i < count; i++) {
      this.#sending.setLength(i, fd(i) ? CAN.CANFD_MTU : CAN.CAN_MTU);
    }
    return outcome(
      libc().symbols.sendmmsg(this.fd, this.#sending.headers, count, MSG_DONTWAIT),
    );
  }

  /** Closes it. Idempotent. Nobody may be polling the descriptor any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.fd);
  }
}

/** Why a send or a receive failed, as far as a CAN bus knows reasons. */
export function socketFailure(code: number): "full" | "down" | "gone" | "other" {
  switch (code) {
    case ERRNO.EAGAIN:
    case ERRNO.ENOBUFS:
      return "full";
    case ENETDOWN:
      return "down";
    case ERRNO.ENXIO:
    case ERRNO.ENODEV:
    case ERRNO.EBADF:
      return "gone";
    default:
      return "other";
  }
}

const { MSG_DONTWAIT } = SOCKET_OPTION;

/** `struct timespec` in µs. */
function micros(view: DataView, at: number): number {
  const seconds = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  return seconds * 1e6 + Math.round(view.getUint32(at + 8, true) / 1000);
}
