/**
 * Made by `scripts/layouts.ts` from `ffi/socketcan_layout.c`: do not edit.
 * The same on every 64-bit little-endian Linux (x86_64 and arm64, GNU and musl).
 *
 * @module
 */

/** Constants CAN. */
export const CAN = {
  AF_CAN: 29,
  CAN_RAW: 1,
  SOL_CAN_RAW: 101,
  CAN_RAW_FILTER: 1,
  CAN_RAW_ERR_FILTER: 2,
  CAN_RAW_LOOPBACK: 3,
  CAN_RAW_RECV_OWN_MSGS: 4,
  CAN_RAW_FD_FRAMES: 5,
  CAN_RAW_JOIN_FILTERS: 6,
  CAN_MTU: 16,
  CANFD_MTU: 72,
  CAN_RAW_FILTER_MAX: 512,
  CAN_INV_FILTER: 0x20000000,
  CAN_ERR_MASK: 0x1fffffff,
  CAN_EFF_FLAG: 0x80000000,
  CAN_RTR_FLAG: 0x40000000,
  CAN_ERR_FLAG: 0x20000000,
  CANFD_BRS: 1,
  CANFD_ESI: 2,
  CANFD_FDF: 4,
} as const;

/** Constants CAN_ERROR. */
export const CAN_ERROR = {
  CAN_ERR_CRTL: 4,
  CAN_ERR_BUSOFF: 64,
  CAN_ERR_RESTARTED: 256,
  CAN_ERR_CNT: 512,
  CAN_ERR_CRTL_RX_OVERFLOW: 1,
  CAN_ERR_CRTL_RX_WARNING: 4,
  CAN_ERR_CRTL_TX_WARNING: 8,
  CAN_ERR_CRTL_RX_PASSIVE: 16,
  CAN_ERR_CRTL_TX_PASSIVE: 32,
  CAN_ERR_CRTL_ACTIVE: 64,
} as const;

/** Constants CAN_STATE. */
export const CAN_STATE = {
  CAN_STATE_ERROR_ACTIVE: 0,
  CAN_STATE_ERROR_WARNING: 1,
  CAN_STATE_ERROR_PASSIVE: 2,
  CAN_STATE_BUS_OFF: 3,
  CAN_STATE_STOPPED: 4,
  CAN_STATE_SLEEPING: 5,
} as const;

/** Constants CAN_LINK. */
export const CAN_LINK = {
  IFLA_CAN_BITTIMING: 1,
  IFLA_CAN_BITTIMING_CONST: 2,
  IFLA_CAN_CLOCK: 3,
  IFLA_CAN_STATE: 4,
  IFLA_CAN_CTRLMODE: 5,
  IFLA_CAN_RESTART_MS: 6,
  IFLA_CAN_RESTART: 7,
  IFLA_CAN_BERR_COUNTER: 8,
  IFLA_CAN_DATA_BITTIMING: 9,
  CAN_CTRLMODE_LOOPBACK: 1,
  CAN_CTRLMODE_LISTENONLY: 2,
  CAN_CTRLMODE_BERR_REPORTING: 16,
  CAN_CTRLMODE_FD: 32,
} as const;

/** Constants SOCKET_OPTION. */
export const SOCKET_OPTION = {
  SOL_SOCKET: 1,
  SO_RCVBUF: 8,
  SO_RCVBUFFORCE: 33,
  SO_SNDBUF: 7,
  SO_TIMESTAMPING: 37,
  SO_RXQ_OVFL: 40,
  SO_ERROR: 4,
  SOF_TIMESTAMPING_RX_HARDWARE: 4,
  SOF_TIMESTAMPING_RX_SOFTWARE: 8,
  SOF_TIMESTAMPING_SOFTWARE: 16,
  SOF_TIMESTAMPING_RAW_HARDWARE: 64,
  MSG_DONTWAIT: 64,
  MSG_CONFIRM: 2048,
  MSG_DONTROUTE: 4,
  MSG_TRUNC: 32,
} as const;

/** Constants RTNETLINK. */
export const RTNETLINK = {
  NETLINK_ROUTE: 0,
  RTMGRP_LINK: 1,
  RTM_NEWLINK: 16,
  RTM_DELLINK: 17,
  RTM_GETLINK: 18,
  NLMSG_ERROR: 2,
  NLMSG_DONE: 3,
  NLM_F_REQUEST: 1,
  NLM_F_ACK: 4,
  NLM_F_DUMP: 768,
  NLM_F_CREATE: 1024,
  NLM_F_EXCL: 512,
  IFLA_IFNAME: 3,
  IFLA_MTU: 4,
  IFLA_TXQLEN: 13,
  IFLA_LINKINFO: 18,
  IFLA_INFO_KIND: 1,
  IFLA_INFO_DATA: 2,
  IFF_UP: 1,
  IFF_RUNNING: 64,
  IFF_LOWER_UP: 0x10000,
  NLA_F_NESTED: 32768,
} as const;

/** `struct can_frame`: its size and its fields' offsets, in bytes. */
export const can_frame = {
  size: 16,
  can_id: 0,
  len: 4,
  data: 8,
} as const;

/** `struct canfd_frame`: its size and its fields' offsets, in bytes. */
export const canfd_frame = {
  size: 72,
  can_id: 0,
  len: 4,
  flags: 5,
  data: 8,
} as const;

/** `struct can_filter`: its size and its fields' offsets, in bytes. */
export const can_filter = {
  size: 8,
  can_id: 0,
  can_mask: 4,
} as const;

/** `struct sockaddr_can`: its size and its fields' offsets, in bytes. */
export const sockaddr_can = {
  size: 24,
  can_family: 0,
  can_ifindex: 4,
} as const;

/** `struct can_bittiming`: its size and its fields' offsets, in bytes. */
export const can_bittiming = {
  size: 32,
  bitrate: 0,
  sample_point: 4,
  tq: 8,
  prop_seg: 12,
  phase_seg1: 16,
  phase_seg2: 20,
  sjw: 24,
  brp: 28,
} as const;

/** `struct can_ctrlmode`: its size and its fields' offsets, in bytes. */
export const can_ctrlmode = {
  size: 8,
  mask: 0,
  flags: 4,
} as const;

/** `struct can_berr_counter`: its size and its fields' offsets, in bytes. */
export const can_berr_counter = {
  size: 4,
  txerr: 0,
  rxerr: 2,
} as const;

/** `struct can_clock`: its size and its fields' offsets, in bytes. */
export const can_clock = {
  size: 4,
  freq: 0,
} as const;

/** `struct can_device_stats`: its size and its fields' offsets, in bytes. */
export const can_device_stats = {
  size: 24,
  bus_error: 0,
  error_warning: 4,
  error_passive: 8,
  bus_off: 12,
  arbitration_lost: 16,
  restarts: 20,
} as const;

/** `struct mmsghdr`: its size and its fields' offsets, in bytes. */
export const mmsghdr = {
  size: 64,
  msg_hdr: 0,
  msg_len: 56,
} as const;

/** `struct msghdr`: its size and its fields' offsets, in bytes. */
export const msghdr = {
  size: 56,
  msg_name: 0,
  msg_namelen: 8,
  msg_iov: 16,
  msg_iovlen: 24,
  msg_control: 32,
  msg_controllen: 40,
  msg_flags: 48,
} as const;

/** `struct iovec`: its size and its fields' offsets, in bytes. */
export const iovec = {
  size: 16,
  iov_base: 0,
  iov_len: 8,
} as const;

/** `struct cmsghdr`: its size and its fields' offsets, in bytes. */
export const cmsghdr = {
  size: 16,
  cmsg_len: 0,
  cmsg_level: 8,
  cmsg_type: 12,
} as const;

/** `struct nlmsghdr`: its size and its fields' offsets, in bytes. */
export const nlmsghdr = {
  size: 16,
  nlmsg_len: 0,
  nlmsg_type: 4,
  nlmsg_flags: 6,
  nlmsg_seq: 8,
  nlmsg_pid: 12,
} as const;

/** `struct ifinfomsg`: its size and its fields' offsets, in bytes. */
export const ifinfomsg = {
  size: 16,
  ifi_family: 0,
  ifi_type: 2,
  ifi_index: 4,
  ifi_flags: 8,
  ifi_change: 12,
} as const;

/** `struct rtattr`: its size and its fields' offsets, in bytes. */
export const rtattr = {
  size: 4,
  rta_len: 0,
  rta_type: 2,
} as const;
