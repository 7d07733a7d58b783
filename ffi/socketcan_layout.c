// Constants and struct layouts of SocketCAN, socket batches and rtnetlink, as JSON. Run by
// scripts/layouts.ts.
#define _GNU_SOURCE
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/netlink.h>
#include <linux/can/raw.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "layout.h"

int main(void) {
  BEGIN();
  GROUP("CAN");
  C(AF_CAN) C(CAN_RAW) C(SOL_CAN_RAW) C(CAN_RAW_FILTER) C(CAN_RAW_ERR_FILTER) C(CAN_RAW_LOOPBACK)
  C(CAN_RAW_RECV_OWN_MSGS) C(CAN_RAW_FD_FRAMES) C(CAN_RAW_JOIN_FILTERS) C(CAN_MTU) C(CANFD_MTU)
  C(CAN_RAW_FILTER_MAX) C(CAN_INV_FILTER) C(CAN_ERR_MASK) C(CAN_EFF_FLAG) C(CAN_RTR_FLAG)
  C(CAN_ERR_FLAG) C(CANFD_BRS) C(CANFD_ESI) C(CANFD_FDF)
  GROUP("CAN_ERROR");
  C(CAN_ERR_CRTL) C(CAN_ERR_BUSOFF) C(CAN_ERR_RESTARTED) C(CAN_ERR_CNT)
  C(CAN_ERR_CRTL_RX_OVERFLOW) C(CAN_ERR_CRTL_RX_WARNING) C(CAN_ERR_CRTL_TX_WARNING)
  C(CAN_ERR_CRTL_RX_PASSIVE) C(CAN_ERR_CRTL_TX_PASSIVE) C(CAN_ERR_CRTL_ACTIVE)
  GROUP("CAN_STATE");
  C(CAN_STATE_ERROR_ACTIVE) C(CAN_STATE_ERROR_WARNING) C(CAN_STATE_ERROR_PASSIVE)
  C(CAN_STATE_BUS_OFF) C(CAN_STATE_STOPPED) C(CAN_STATE_SLEEPING)
  GROUP("CAN_LINK");
  C(IFLA_CAN_BITTIMING) C(IFLA_CAN_BITTIMING_CONST) C(IFLA_CAN_CLOCK) C(IFLA_CAN_STATE)
  C(IFLA_CAN_CTRLMODE) C(IFLA_CAN_RESTART_MS) C(IFLA_CAN_RESTART) C(IFLA_CAN_BERR_COUNTER)
  C(IFLA_CAN_DATA_BITTIMING) C(CAN_CTRLMODE_LOOPBACK) C(CAN_CTRLMODE_LISTENONLY)
  C(CAN_CTRLMODE_BERR_REPORTING) C(CAN_CTRLMODE_FD)
  GROUP("SOCKET_OPTION");
  C(SOL_SOCKET) C(SO_RCVBUF) C(SO_RCVBUFFORCE) C(SO_SNDBUF) C(SO_TIMESTAMPING) C(SO_RXQ_OVFL)
  C(SO_ERROR) C(SOF_TIMESTAMPING_RX_HARDWARE) C(SOF_TIMESTAMPING_RX_SOFTWARE)
  C(SOF_TIMESTAMPING_SOFTWARE) C(SOF_TIMESTAMPING_RAW_HARDWARE)
  C(MSG_DONTWAIT) C(MSG_CONFIRM) C(MSG_DONTROUTE) C(MSG_TRUNC)
  GROUP("RTNETLINK");
  C(NETLINK_ROUTE) C(RTMGRP_LINK) C(RTM_NEWLINK) C(RTM_DELLINK) C(RTM_GETLINK) C(NLMSG_ERROR)
  C(NLMSG_DONE) C(NLM_F_REQUEST) C(NLM_F_ACK) C(NLM_F_DUMP) C(NLM_F_CREATE) C(NLM_F_EXCL)
  C(IFLA_IFNAME) C(IFLA_MTU) C(IFLA_TXQLEN) C(IFLA_LINKINFO) C(IFLA_INFO_KIND) C(IFLA_INFO_DATA)
  C(IFF_UP) C(IFF_RUNNING) C(IFF_LOWER_UP) C(NLA_F_NESTED)
  STRUCT(can_frame);
  F(can_frame, can_id) F(can_frame, len) F(can_frame, data)
  STRUCT(canfd_frame);
  F(canfd_frame, can_id) F(canfd_frame, len) F(canfd_frame, flags) F(canfd_frame, data)
  STRUCT(can_filter);
  F(can_filter, can_id) F(can_filter, can_mask)
  STRUCT(sockaddr_can);
  F(sockaddr_can, can_family) F(sockaddr_can, can_ifindex)
  STRUCT(can_bittiming);
  F(can_bittiming, bitrate) F(can_bittiming, sample_point) F(can_bittiming, tq)
  F(can_bittiming, prop_seg) F(can_bittiming, phase_seg1) F(can_bittiming, phase_seg2)
  F(can_bittiming, sjw) F(can_bittiming, brp)
  STRUCT(can_ctrlmode);
  F(can_ctrlmode, mask) F(can_ctrlmode, flags)
  STRUCT(can_berr_counter);
  F(can_berr_counter, txerr) F(can_berr_counter, rxerr)
  STRUCT(can_clock);
  F(can_clock, freq)
  STRUCT(can_device_stats);
  F(can_device_stats, bus_error) F(can_device_stats, error_warning)
  F(can_device_stats, error_passive) F(can_device_stats, bus_off)
  F(can_device_stats, arbitration_lost) F(can_device_stats, restarts)
  STRUCT(mmsghdr);
  F(mmsghdr, msg_hdr) F(mmsghdr, msg_len)
  STRUCT(msghdr);
  F(msghdr, msg_name) F(msghdr, msg_namelen) F(msghdr, msg_iov) F(msghdr, msg_iovlen)
  F(msghdr, msg_control) F(msghdr, msg_controllen) F(msghdr, msg_flags)
  STRUCT(iovec);
  F(iovec, iov_base) F(iovec, iov_len)
  STRUCT(cmsghdr);
  F(cmsghdr, cmsg_len) F(cmsghdr, cmsg_level) F(cmsghdr, cmsg_type)
  STRUCT(nlmsghdr);
  F(nlmsghdr, nlmsg_len) F(nlmsghdr, nlmsg_type) F(nlmsghdr, nlmsg_flags) F(nlmsghdr, nlmsg_seq)
  F(nlmsghdr, nlmsg_pid)
  STRUCT(ifinfomsg);
  F(ifinfomsg, ifi_family) F(ifinfomsg, ifi_type) F(ifinfomsg, ifi_index) F(ifinfomsg, ifi_flags)
  F(ifinfomsg, ifi_change)
  STRUCT(rtattr);
  F(rtattr, rta_len) F(rtattr, rta_type)
  END();
}
