/**
 * The functions of libavcodec and libavutil that are called, with the C parameter names.
 *
 * @module
 */

/** libavcodec. Those that code a picture run off the thread (`nonblocking`). */
export const AVCODEC_SYMBOLS = {
  avcodec_version: { parameters: [], result: "u32" },
  avcodec_find_encoder_by_name: { parameters: [/* name */ "buffer"], result: "pointer" },
  avcodec_find_decoder_by_name: { parameters: [/* name */ "buffer"], result: "pointer" },
  avcodec_alloc_context3: { parameters: [/* codec */ "pointer"], result: "pointer" },
  avcodec_free_context: { parameters: [/* avctx */ "buffer"], result: "void" },
  avcodec_open2: {
    parameters: [/* avctx */ "pointer", /* codec */ "pointer", /* options */ "pointer"],
    result: "i32",
    nonblocking: true,
  },
  avcodec_send_frame: {
    parameters: [/* avctx */ "pointer", /* frame */ "pointer"],
    result: "i32",
    nonblocking: true,
  },
  avcodec_receive_packet: {
    parameters: [/* avctx */ "pointer", /* avpkt */ "pointer"],
    result: "i32",
  },
  avcodec_send_packet: {
    parameters: [/* avctx */ "pointer", /* avpkt */ "pointer"],
    result: "i32",
    nonblocking: true,
  },
  avcodec_receive_frame: {
    parameters: [/* avctx */ "pointer", /* frame */ "pointer"],
    result: "i32",
  },
  avcodec_flush_buffers: { parameters: [/* avctx */ "pointer"], result: "void" },
  av_packet_alloc: { parameters: [], result: "pointer" },
  av_packet_free: { parameters: [/* pkt */ "buffer"], result: "void" },
  av_packet_unref: { parameters: [/* pkt */ "pointer"], result: "void" },
  av_new_packet: { parameters: [/* pkt */ "pointer", /* size */ "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libavutil. */
export const AVUTIL_SYMBOLS = {
  av_log_set_level: { parameters: [/* level */ "i32"], result: "void" },
  av_strerror: {
    parameters: [/* errnum */ "i32", /* errbuf */ "buffer", /* errbuf_size */ "usize"],
    result: "i32",
  },
  av_version_info: { parameters: [], result: "pointer" },
  av_opt_set: {
    parameters: [
      /* obj */ "pointer",
      /* name */ "buffer",
      /* val */ "buffer",
      /* search_flags */ "i32",
    ],
    result: "i32",
  },
  av_frame_alloc: { parameters: [], result: "pointer" },
  av_frame_free: { parameters: [/* frame */ "buffer"], result: "void" },
  av_frame_unref: { parameters: [/* frame */ "pointer"], result: "void" },
  av_frame_get_buffer: { parameters: [/* frame */ "pointer", /* align */ "i32"], result: "i32" },
  av_frame_make_writable: { parameters: [/* frame */ "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
