/**
 * What differs between the platforms an executable is built for.
 *
 * @module
 */

/** A platform as Deno and Rust name it. */
export type Target =
  | "x86_64-unknown-linux-gnu"
  | "aarch64-unknown-linux-gnu"
  | "x86_64-apple-darwin"
  | "aarch64-apple-darwin"
  | "x86_64-pc-windows-msvc"
  | "aarch64-pc-windows-msvc";

/** What a platform needs inside its executable. */
export interface TargetSpec {
  /** File name of the QUIC library, in `native/<target>/`. */
  quicLibrary: string;
  /** The platform's part of `@napi-rs/webcodecs`. */
  encoderPackage: string;
  /** npm serialport's binding, where there is none of our own. */
  serialPackage?: string;
  /** What the executable is called in `dist/`. */
  executable: string;
}

/** Every platform there is an executable for. */
export const TARGETS: Readonly<Record<Target, TargetSpec>> = {
  "x86_64-unknown-linux-gnu": {
    quicLibrary: "libxoq_quic.so",
    encoderPackage: "@napi-rs/webcodecs-linux-x64-gnu",
    executable: "xoq-linux-x64",
  },
  "aarch64-unknown-linux-gnu": {
    quicLibrary: "libxoq_quic.so",
    encoderPackage: "@napi-rs/webcodecs-linux-arm64-gnu",
    executable: "xoq-linux-arm64",
  },
  "x86_64-apple-darwin": {
    quicLibrary: "libxoq_quic.dylib",
    encoderPackage: "@napi-rs/webcodecs-darwin-x64",
    executable: "xoq-macos-x64",
  },
  "aarch64-apple-darwin": {
    quicLibrary: "libxoq_quic.dylib",
    encoderPackage: "@napi-rs/webcodecs-darwin-arm64",
    executable: "xoq-macos-arm64",
  },
  "x86_64-pc-windows-msvc": {
    quicLibrary: "xoq_quic.dll",
    encoderPackage: "@napi-rs/webcodecs-win32-x64-msvc",
    serialPackage: "@serialport/bindings-cpp",
    executable: "xoq-windows-x64.exe",
  },
  "aarch64-pc-windows-msvc": {
    quicLibrary: "xoq_quic.dll",
    encoderPackage: "@napi-rs/webcodecs-win32-arm64-msvc",
    serialPackage: "@serialport/bindings-cpp",
    executable: "xoq-windows-arm64.exe",
  },
};

/** This machine's platform. */
export const HOST = Deno.build.target as Target;

/** Whether the text names a platform of {@link TARGETS}. */
export function isTarget(text: string): text is Target {
  return Object.hasOwn(TARGETS, text);
}
