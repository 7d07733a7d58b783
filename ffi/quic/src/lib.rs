//! QUIC endpoints behind a C ABI, made for callers with one event loop.
//!
//! Objects are named by handles (doubles, because that is the number both sides have: integers below
//! 2^53). Every call answers at once: zero or more, or a negative status (`status.rs`), whose code and
//! text `xoq_quic_error` gives when it is called next on the same thread. What cannot finish at once
//! answers `PENDING`, and a completion with the operation's number appears in the queue that the
//! object was made with; one thread waits for it, in batches. The caller's memory is used during calls
//! only, never after.
//!
//! Three kinds of connections come out of it, and are one kind from `link.rs` on: iroh's
//! (`endpoint.rs`), plain QUIC by address (`direct/`), and WebTransport sessions over HTTP/3 (`web/`),
//! which share `direct/`'s sockets and TLS.
//!
//! Nothing unwinds across the boundary: every entry point catches panics and answers `PANIC`; those on
//! the runtime's own threads are told on standard error, and fail what waits on them (`panics.rs`).

mod accept;
mod config;
mod congestion;
mod connection;
mod datagrams;
mod dial;
mod direct;
mod endpoint;
mod entry;
mod header;
mod info;
mod link;
mod objects;
mod panics;
mod queue;
mod status;
mod streams;
mod table;
mod web;

/// Counts changes of the interface that callers must follow.
pub const ABI_VERSION: u32 = 3;

/// The interface's version: callers refuse a library with another one.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_abi_version() -> u32 {
    ABI_VERSION
}
