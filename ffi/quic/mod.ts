/**
 * QUIC from Rust: iroh endpoints, plain QUIC and WebTransport by FFI. Usable alone; imports nothing of `lib/`.
 *
 * @module
 */
export {
  QuicConnection,
  type QuicPath,
  type QuicStats,
  type QuicStreamPair,
} from "./connection.ts";
export {
  type QuicCertificate,
  quicDial,
  type QuicDialSettings,
  type QuicDirectSettings,
  QuicIncoming,
  type QuicIncomingInfo,
  QuicListener,
  type QuicListenerInfo,
  type QuicListenSettings,
  type QuicSelfSigned,
  quicSelfSigned,
  type QuicTrust,
} from "./direct.ts";
export {
  type QuicAddress,
  QuicEndpoint,
  type QuicEndpointInfo,
  type QuicEndpointSettings,
} from "./endpoint.ts";
export { FfiError, type LibraryAttempt, LibraryError } from "../errors.ts";
export type { OpenedLibrary } from "../library.ts";
export { QuicError, type QuicStatus, STATUS_NAMES } from "./error.ts";
export { HandleOwner } from "./handle.ts";
export { LIBRARY_VARIABLE, libraryFileName, libraryPath, quicLibrary } from "./library.ts";
export { QuicReceiveStream, QuicSendStream, useSpareMemory } from "./streams.ts";
export { symbols } from "./symbols.ts";
