/**
 * Video4Linux2, straight to the kernel: <linux/videodev2.h> without a library in between.
 *
 * @module
 */
export * from "./controls.ts";
export * from "./device.ts";
export * from "./io.ts";
export * from "./layout.ts";
export * from "./stream.ts";
