/**
 * The C ABI of the QUIC library (`src/*.rs`). Handles are doubles.
 *
 * @module
 */

/** What the library's `xoq_quic_abi_version` must answer. */
export const ABI_VERSION = 3;

/** Functions by name; parameter names are those of the Rust source. */
export const symbols = {
  xoq_quic_abi_version: { parameters: [], result: "u32" },
  xoq_quic_error: { parameters: [/* out */ "buffer", /* into */ "buffer", "u32"], result: "i32" },
  xoq_quic_free: { parameters: [/* handle */ "f64"], result: "i32" },
  xoq_quic_handles: { parameters: [/* queue */ "f64"], result: "i32" },

  xoq_quic_queue_new: { parameters: [/* out */ "buffer"], result: "i32" },
  xoq_quic_queue_wait: { parameters: [/* queue */ "f64"], result: "i32", nonblocking: true },
  xoq_quic_queue_wake: { parameters: [/* queue */ "f64"], result: "i32" },
  xoq_quic_queue_take: { parameters: ["f64", /* into */ "buffer", /* max */ "u32"], result: "i32" },
  xoq_quic_queue_text: { parameters: ["f64", /* op */ "u32", "buffer", "u32"], result: "i32" },
  xoq_quic_cancel: { parameters: [/* queue */ "f64", /* op */ "u32"], result: "i32" },

  xoq_quic_endpoint_bind: {
    parameters: [/* queue */ "f64", /* settings */ "buffer", "u32", /* op */ "u32", "buffer"],
    result: "i32",
  },
  xoq_quic_endpoint_connect: {
    parameters: [
      /* endpoint */ "f64",
      /* to */ "buffer",
      "u32",
      /* alpn */ "buffer",
      "u32",
      /* timeout_ms */ "u32",
      /* op */ "u32",
      /* out */ "buffer",
    ],
    result: "i32",
  },
  xoq_quic_endpoint_accept: { parameters: ["f64", /* op */ "u32", "buffer"], result: "i32" },
  xoq_quic_endpoint_info: { parameters: ["f64", /* into */ "buffer", "u32"], result: "i32" },
  xoq_quic_endpoint_changed: { parameters: ["f64", /* op */ "u32", "buffer"], result: "i32" },
  xoq_quic_endpoint_online: { parameters: ["f64", /* op */ "u32", "buffer"], result: "i32" },
  xoq_quic_endpoint_alpns: { parameters: ["f64", /* settings */ "buffer", "u32"], result: "i32" },
  xoq_quic_endpoint_close: { parameters: ["f64", /* op */ "u32", "buffer"], result: "i32" },

  xoq_quic_direct_dial: {
    parameters: [/* queue */ "f64", /* settings */ "buffer", "u32", /* op */ "u32", "buffer"],
    result: "i32",
  },
  xoq_quic_direct_listen: {
    parameters: [/* queue */ "f64", /* settings */ "buffer", "u32", /* op */ "u32", "buffer"],
    result: "i32",
  },
  xoq_quic_self_signed: {
    parameters: [/* address */ "buffer", "u32", /* into */ "buffer", /* length */ "u32"],
    result: "i32",
  },
  xoq_quic_listener_info: { parameters: ["f64", /* into */ "buffer", "u32"], result: "i32" },
  xoq_quic_listener_accept: { parameters: ["f64", /* op */ "u32", "buffer"], result: "i32" },
  xoq_quic_listener_certificate: {
    parameters: ["f64", /* settings */ "buffer", "u32"],
    result: "i32",
  },
  xoq_quic_listener_close: { parameters: ["f64", /* op */ "u32", "buffer"], result: "i32" },
  xoq_quic_incoming_info: { parameters: ["f64", /* into */ "buffer", "u32"], result: "i32" },
  xoq_quic_incoming_accept: {
    parameters: ["f64", /* protocol */ "buffer", "u32", /* op */ "u32", "buffer"],
    result: "i32",
  },
  xoq_quic_incoming_refuse: {
    parameters: ["f64", /* status */ "u32", /* close_code */ "f64"],
    result: "i32",
  },

  xoq_quic_connection_open: {
    parameters: ["f64", /* bidirectional */ "u32", /* priority */ "i32", /* op */ "u32", "buffer"],
    result: "i32",
  },
  xoq_quic_connection_accept: {
    parameters: ["f64", /* bidirectional */ "u32", /* op */ "u32", /* out */ "buffer"],
    result: "i32",
  },
  xoq_quic_connection_closed: { parameters: ["f64", /* op */ "u32", "buffer"], result: "i32" },
  xoq_quic_connection_close: {
    parameters: ["f64", /* error_code */ "f64", /* reason */ "buffer", "u32"],
    result: "i32",
  },
  xoq_quic_connection_info: { parameters: ["f64", /* into */ "buffer", "u32"], result: "i32" },
  xoq_quic_connection_stats: { parameters: ["f64", /* out */ "buffer"], result: "i32" },
  xoq_quic_connection_paths: { parameters: ["f64", /* into */ "buffer", "u32"], result: "i32" },
  xoq_quic_connection_paths_changed: {
    parameters: ["f64", /* op */ "u32", /* out */ "buffer"],
    result: "i32",
  },

  xoq_quic_stream_write: {
    parameters: ["f64", /* data */ "buffer", "u32", /* op */ "u32"],
    result: "i32",
  },
  xoq_quic_stream_finish: { parameters: ["f64"], result: "i32" },
  xoq_quic_stream_reset: { parameters: ["f64", /* error_code */ "f64"], result: "i32" },
  xoq_quic_stream_priority: { parameters: ["f64", /* priority */ "i32"], result: "i32" },
  xoq_quic_stream_stopped: { parameters: ["f64", /* op */ "u32"], result: "i32" },
  xoq_quic_stream_read: {
    parameters: ["f64", /* into */ "buffer", "u32", /* op */ "u32"],
    result: "i32",
  },
  xoq_quic_stream_stop: { parameters: ["f64", /* error_code */ "f64"], result: "i32" },

  xoq_quic_datagram_send: { parameters: ["f64", /* data */ "buffer", "u32"], result: "i32" },
  xoq_quic_datagram_read: {
    parameters: ["f64", /* into */ "buffer", "u32", /* op */ "u32", /* out */ "buffer"],
    result: "i32",
  },
  xoq_quic_datagram_max: { parameters: ["f64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
