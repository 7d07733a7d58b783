//! WebTransport over HTTP/3 (draft-ietf-webtrans-http3), both ends: as much HTTP/3 (RFC 9114) as it
//! takes, with any number of sessions on a connection.
//!
//! Of the field compression (RFC 9204) no dynamic table is offered, so none is ever used by the peer.

pub mod codes;
mod connection;
mod request;
mod session;
mod wire;

pub use connection::HttpConnection;
pub use request::{Request, Wanted, open};
pub use session::{Member, Session};
