//! Plain QUIC endpoints and HTTP/3 ones, dialled and listening by address.

mod certificate;
mod dial;
mod incoming;
mod key_log;
mod leaving;
mod listener;
mod packets;
mod plain;
mod port;
mod resets;
mod send_window;
mod settings;
mod socket;
#[cfg(test)]
mod tests;
mod trust;

pub use incoming::Incoming;
pub use leaving::Leaving;
pub use listener::Listener;
pub use plain::Plain;
