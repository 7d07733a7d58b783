// Requests, constants and struct layouts of <linux/videodev2.h>, as JSON. Run by scripts/layouts.ts.
#include <linux/videodev2.h>

#include "../layout.h"

int main(void) {
  BEGIN();
  GROUP("VIDIOC");
  C(VIDIOC_QUERYCAP) C(VIDIOC_ENUM_FMT) C(VIDIOC_G_FMT) C(VIDIOC_S_FMT) C(VIDIOC_TRY_FMT)
  C(VIDIOC_REQBUFS) C(VIDIOC_QUERYBUF) C(VIDIOC_QBUF) C(VIDIOC_DQBUF) C(VIDIOC_STREAMON)
  C(VIDIOC_STREAMOFF) C(VIDIOC_G_PARM) C(VIDIOC_S_PARM) C(VIDIOC_G_CTRL) C(VIDIOC_S_CTRL)
  C(VIDIOC_QUERYMENU) C(VIDIOC_QUERY_EXT_CTRL) C(VIDIOC_ENUM_FRAMESIZES)
  C(VIDIOC_ENUM_FRAMEINTERVALS) C(VIDIOC_ENUMINPUT) C(VIDIOC_G_INPUT)
  GROUP("CAP");
  C(V4L2_CAP_VIDEO_CAPTURE) C(V4L2_CAP_VIDEO_OUTPUT) C(V4L2_CAP_VIDEO_CAPTURE_MPLANE)
  C(V4L2_CAP_VIDEO_OUTPUT_MPLANE) C(V4L2_CAP_VIDEO_M2M) C(V4L2_CAP_VIDEO_M2M_MPLANE)
  C(V4L2_CAP_TOUCH) C(V4L2_CAP_READWRITE) C(V4L2_CAP_STREAMING) C(V4L2_CAP_DEVICE_CAPS)
  C(V4L2_CAP_TIMEPERFRAME)
  GROUP("BUF");
  C(V4L2_BUF_TYPE_VIDEO_CAPTURE) C(V4L2_BUF_TYPE_VIDEO_OUTPUT) C(V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE)
  C(V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE) C(V4L2_MEMORY_MMAP) C(V4L2_BUF_FLAG_ERROR)
  C(V4L2_BUF_FLAG_KEYFRAME) C(V4L2_BUF_FLAG_TIMESTAMP_MASK) C(V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
  C(V4L2_BUF_FLAG_TIMESTAMP_COPY) C(VIDEO_MAX_PLANES)
  GROUP("FRAME");
  C(V4L2_FRMSIZE_TYPE_DISCRETE) C(V4L2_FRMSIZE_TYPE_CONTINUOUS) C(V4L2_FRMSIZE_TYPE_STEPWISE)
  C(V4L2_FRMIVAL_TYPE_DISCRETE) C(V4L2_FRMIVAL_TYPE_CONTINUOUS) C(V4L2_FRMIVAL_TYPE_STEPWISE)
  C(V4L2_FIELD_ANY) C(V4L2_FIELD_NONE) C(V4L2_FMT_FLAG_EMULATED) C(V4L2_COLORSPACE_DEFAULT)
  C(V4L2_COLORSPACE_SRGB) C(V4L2_COLORSPACE_JPEG)
  GROUP("PIX_FMT");
  C(V4L2_PIX_FMT_MJPEG) C(V4L2_PIX_FMT_JPEG) C(V4L2_PIX_FMT_H264) C(V4L2_PIX_FMT_HEVC)
  C(V4L2_PIX_FMT_YUYV) C(V4L2_PIX_FMT_UYVY) C(V4L2_PIX_FMT_NV12) C(V4L2_PIX_FMT_NV12M)
  C(V4L2_PIX_FMT_YUV420) C(V4L2_PIX_FMT_YUV420M) C(V4L2_PIX_FMT_GREY)
  GROUP("CTRL");
  C(V4L2_CTRL_TYPE_INTEGER) C(V4L2_CTRL_TYPE_BOOLEAN) C(V4L2_CTRL_TYPE_MENU)
  C(V4L2_CTRL_TYPE_BUTTON) C(V4L2_CTRL_TYPE_INTEGER64) C(V4L2_CTRL_TYPE_CTRL_CLASS)
  C(V4L2_CTRL_TYPE_STRING) C(V4L2_CTRL_TYPE_BITMASK) C(V4L2_CTRL_TYPE_INTEGER_MENU)
  C(V4L2_CTRL_FLAG_DISABLED) C(V4L2_CTRL_FLAG_GRABBED) C(V4L2_CTRL_FLAG_READ_ONLY)
  C(V4L2_CTRL_FLAG_INACTIVE) C(V4L2_CTRL_FLAG_WRITE_ONLY) C(V4L2_CTRL_FLAG_NEXT_CTRL)
  C(V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME) C(V4L2_CID_MPEG_VIDEO_BITRATE)
  STRUCT(v4l2_capability);
  F(v4l2_capability, driver) F(v4l2_capability, card) F(v4l2_capability, bus_info)
  F(v4l2_capability, version) F(v4l2_capability, capabilities) F(v4l2_capability, device_caps)
  STRUCT(v4l2_fmtdesc);
  F(v4l2_fmtdesc, index) F(v4l2_fmtdesc, type) F(v4l2_fmtdesc, flags) F(v4l2_fmtdesc, description)
  F(v4l2_fmtdesc, pixelformat)
  STRUCT(v4l2_frmsizeenum);
  F(v4l2_frmsizeenum, index) F(v4l2_frmsizeenum, pixel_format) F(v4l2_frmsizeenum, type)
  F(v4l2_frmsizeenum, discrete.width) F(v4l2_frmsizeenum, discrete.height)
  F(v4l2_frmsizeenum, stepwise.min_width) F(v4l2_frmsizeenum, stepwise.max_width)
  F(v4l2_frmsizeenum, stepwise.step_width) F(v4l2_frmsizeenum, stepwise.min_height)
  F(v4l2_frmsizeenum, stepwise.max_height) F(v4l2_frmsizeenum, stepwise.step_height)
  STRUCT(v4l2_frmivalenum);
  F(v4l2_frmivalenum, index) F(v4l2_frmivalenum, pixel_format) F(v4l2_frmivalenum, width)
  F(v4l2_frmivalenum, height) F(v4l2_frmivalenum, type) F(v4l2_frmivalenum, discrete.numerator)
  F(v4l2_frmivalenum, discrete.denominator) F(v4l2_frmivalenum, stepwise.min.numerator)
  F(v4l2_frmivalenum, stepwise.min.denominator) F(v4l2_frmivalenum, stepwise.max.numerator)
  F(v4l2_frmivalenum, stepwise.max.denominator) F(v4l2_frmivalenum, stepwise.step.numerator)
  F(v4l2_frmivalenum, stepwise.step.denominator)
  STRUCT(v4l2_format);
  F(v4l2_format, type) F(v4l2_format, fmt.pix.width) F(v4l2_format, fmt.pix.height)
  F(v4l2_format, fmt.pix.pixelformat) F(v4l2_format, fmt.pix.field)
  F(v4l2_format, fmt.pix.bytesperline) F(v4l2_format, fmt.pix.sizeimage)
  F(v4l2_format, fmt.pix.colorspace) F(v4l2_format, fmt.pix_mp.width)
  F(v4l2_format, fmt.pix_mp.height) F(v4l2_format, fmt.pix_mp.pixelformat)
  F(v4l2_format, fmt.pix_mp.field) F(v4l2_format, fmt.pix_mp.plane_fmt)
  F(v4l2_format, fmt.pix_mp.num_planes)
  STRUCT(v4l2_plane_pix_format);
  F(v4l2_plane_pix_format, sizeimage) F(v4l2_plane_pix_format, bytesperline)
  STRUCT(v4l2_streamparm);
  F(v4l2_streamparm, type) F(v4l2_streamparm, parm.capture.capability)
  F(v4l2_streamparm, parm.capture.timeperframe.numerator)
  F(v4l2_streamparm, parm.capture.timeperframe.denominator)
  STRUCT(v4l2_requestbuffers);
  F(v4l2_requestbuffers, count) F(v4l2_requestbuffers, type) F(v4l2_requestbuffers, memory)
  STRUCT(v4l2_buffer);
  F(v4l2_buffer, index) F(v4l2_buffer, type) F(v4l2_buffer, bytesused) F(v4l2_buffer, flags)
  F(v4l2_buffer, field) F(v4l2_buffer, timestamp.tv_sec) F(v4l2_buffer, timestamp.tv_usec)
  F(v4l2_buffer, sequence) F(v4l2_buffer, memory) F(v4l2_buffer, m.offset) F(v4l2_buffer, m.planes)
  F(v4l2_buffer, length)
  STRUCT(v4l2_plane);
  F(v4l2_plane, bytesused) F(v4l2_plane, length) F(v4l2_plane, m.mem_offset)
  F(v4l2_plane, data_offset)
  STRUCT(v4l2_query_ext_ctrl);
  F(v4l2_query_ext_ctrl, id) F(v4l2_query_ext_ctrl, type) F(v4l2_query_ext_ctrl, name)
  F(v4l2_query_ext_ctrl, minimum) F(v4l2_query_ext_ctrl, maximum) F(v4l2_query_ext_ctrl, step)
  F(v4l2_query_ext_ctrl, default_value) F(v4l2_query_ext_ctrl, flags)
  F(v4l2_query_ext_ctrl, nr_of_dims)
  STRUCT(v4l2_querymenu);
  F(v4l2_querymenu, id) F(v4l2_querymenu, index) F(v4l2_querymenu, name) F(v4l2_querymenu, value)
  STRUCT(v4l2_control);
  F(v4l2_control, id) F(v4l2_control, value)
  END();
}
