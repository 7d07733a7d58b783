/*
 * Prints, as one JSON object, the major version of libavcodec whose headers it is compiled with, the
 * offsets of the fields that ffi/libav reads and writes, and the constants that differ between
 * versions. Only public, documented fields are used.
 *
 *   cc -I HEADERS -o layout ffi/libav/layout.c && ./layout
 */
#include <stddef.h>
#include <stdio.h>

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>

#define FRAME(field) printf("\"frame_" #field "\":%zu,", offsetof(AVFrame, field))
#define PACKET(field) printf("\"packet_" #field "\":%zu,", offsetof(AVPacket, field))
#define CONTEXT(field) printf("\"context_" #field "\":%zu,", offsetof(AVCodecContext, field))
#define VALUE(name) printf("\"" #name "\":%d,", (int)name)

int main(void) {
  printf("{");
  printf("\"major\":%d,", LIBAVCODEC_VERSION_MAJOR);
  FRAME(data);
  FRAME(linesize);
  FRAME(width);
  FRAME(height);
  FRAME(format);
  FRAME(pict_type);
  FRAME(pts);
  FRAME(quality);
  FRAME(flags);
  FRAME(color_range);
  FRAME(decode_error_flags);
  PACKET(pts);
  PACKET(data);
  PACKET(size);
  PACKET(flags);
  CONTEXT(bit_rate);
  CONTEXT(rc_max_rate);
  CONTEXT(rc_buffer_size);
  VALUE(AV_PICTURE_TYPE_NONE);
  VALUE(AV_PICTURE_TYPE_I);
  VALUE(AV_PKT_FLAG_KEY);
  VALUE(AV_PIX_FMT_YUV420P);
  VALUE(AV_PIX_FMT_YUV422P);
  VALUE(AV_PIX_FMT_YUV444P);
  VALUE(AV_PIX_FMT_GRAY8);
  VALUE(AV_PIX_FMT_YUVJ420P);
  VALUE(AV_PIX_FMT_YUVJ422P);
  VALUE(AV_PIX_FMT_YUVJ444P);
  VALUE(AV_PIX_FMT_NV12);
  VALUE(AVCOL_RANGE_MPEG);
  printf("\"AVCOL_RANGE_JPEG\":%d}\n", (int)AVCOL_RANGE_JPEG);
  return 0;
}
