//! What carries a connection. Streams are the same whatever it is, so a further kind of endpoint is
//! a further variant here.

use bytes::Bytes;
use iroh::endpoint::{
    Connection, ConnectionError, RecvStream, SendDatagramError, SendStream, VarInt,
};

/// A connection of some endpoint.
#[derive(Clone, Debug)]
pub enum Link {
    Iroh(Connection),
}

impl Link {
    pub async fn open_bi(&self) -> Result<(SendStream, RecvStream), ConnectionError> {
        match self {
            Self::Iroh(connection) => connection.open_bi().await,
        }
    }

    pub async fn open_uni(&self) -> Result<SendStream, ConnectionError> {
        match self {
            Self::Iroh(connection) => connection.open_uni().await,
        }
    }

    pub async fn accept_bi(&self) -> Result<(SendStream, RecvStream), ConnectionError> {
        match self {
            Self::Iroh(connection) => connection.accept_bi().await,
        }
    }

    pub async fn accept_uni(&self) -> Result<RecvStream, ConnectionError> {
        match self {
            Self::Iroh(connection) => connection.accept_uni().await,
        }
    }

    pub async fn read_datagram(&self) -> Result<Bytes, ConnectionError> {
        match self {
            Self::Iroh(connection) => connection.read_datagram().await,
        }
    }

    pub fn send_datagram(&self, data: Bytes) -> Result<(), SendDatagramError> {
        match self {
            Self::Iroh(connection) => connection.send_datagram(data),
        }
    }

    pub fn max_datagram_size(&self) -> usize {
        match self {
            Self::Iroh(connection) => connection.max_datagram_size().unwrap_or(0),
        }
    }

    pub async fn closed(&self) -> ConnectionError {
        match self {
            Self::Iroh(connection) => connection.closed().await,
        }
    }

    pub fn close(&self, code: VarInt, reason: &[u8]) {
        match self {
            Self::Iroh(connection) => connection.close(code, reason),
        }
    }

    /// The negotiated protocol.
    pub fn alpn(&self) -> Vec<u8> {
        match self {
            Self::Iroh(connection) => connection.alpn().to_vec(),
        }
    }

    /// The identity that TLS proved, as hex; empty where there is none.
    pub fn remote_id(&self) -> String {
        match self {
            Self::Iroh(connection) => connection.remote_id().to_string(),
        }
    }
}
