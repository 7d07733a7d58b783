//! What carries a connection. Streams are the same whatever it is: iroh, plain QUIC, or a WebTransport
//! session, whose streams begin with a header and whose codes stand in a range of their own.

use std::sync::Arc;

use bytes::Bytes;
use iroh::endpoint::{Connection, RecvStream, SendDatagramError, SendStream, VarInt};

use crate::direct::Plain;
use crate::header::Header;
use crate::status::{Failure, TOO_LARGE, UNSUPPORTED};
use crate::web::Session;

/// A connection of some endpoint.
#[derive(Clone)]
pub enum Link {
    Iroh(Connection),
    Quic(Plain),
    Web(Arc<Session>),
}

/// Why a datagram was not sent.
pub fn datagram_failure(error: SendDatagramError) -> Failure {
    match error {
        SendDatagramError::ConnectionLost(cause) => cause.into(),
        SendDatagramError::TooLarge => Failure::new(TOO_LARGE, error.to_string()),
        other => Failure::new(UNSUPPORTED, other.to_string()),
    }
}

impl Link {
    pub async fn open_bi(&self) -> Result<(SendStream, RecvStream), Failure> {
        match self {
            Self::Iroh(connection) => Ok(connection.open_bi().await?),
            Self::Quic(plain) => Ok(plain.connection.open_bi().await?),
            Self::Web(session) => session.open_bi().await,
        }
    }

    pub async fn open_uni(&self) -> Result<SendStream, Failure> {
        match self {
            Self::Iroh(connection) => Ok(connection.open_uni().await?),
            Self::Quic(plain) => Ok(plain.connection.open_uni().await?),
            Self::Web(session) => session.open_uni().await,
        }
    }

    pub async fn accept_bi(&self) -> Result<(SendStream, RecvStream), Failure> {
        match self {
            Self::Iroh(connection) => Ok(connection.accept_bi().await?),
            Self::Quic(plain) => Ok(plain.connection.accept_bi().await?),
            Self::Web(session) => session.accept_bi().await,
        }
    }

    pub async fn accept_uni(&self) -> Result<RecvStream, Failure> {
        match self {
            Self::Iroh(connection) => Ok(connection.accept_uni().await?),
            Self::Quic(plain) => Ok(plain.connection.accept_uni().await?),
            Self::Web(session) => session.accept_uni().await,
        }
    }

    /// What a stream that is opened here begins with.
    pub fn header(&self, bidirectional: bool) -> Header {
        match self {
            Self::Iroh(_) | Self::Quic(_) => Header::default(),
            Self::Web(session) => session.stream_header(bidirectional),
        }
    }

    /// The session that streams belong to, where the connection is not theirs alone.
    pub fn session(&self) -> Option<&Arc<Session>> {
        match self {
            Self::Iroh(_) | Self::Quic(_) => None,
            Self::Web(session) => Some(session),
        }
    }

    pub async fn read_datagram(&self) -> Result<Bytes, Failure> {
        match self {
            Self::Iroh(connection) => Ok(connection.read_datagram().await?),
            Self::Quic(plain) => Ok(plain.connection.read_datagram().await?),
            Self::Web(session) => session.read_datagram().await,
        }
    }

    pub fn send_datagram(&self, data: &[u8]) -> Result<(), Failure> {
        let whole = || Bytes::copy_from_slice(data);
        match self {
            Self::Iroh(connection) => connection.send_datagram(whole()),
            Self::Quic(plain) => plain.connection.send_datagram(whole()),
            Self::Web(session) => return session.send_datagram(data),
        }
        .map_err(datagram_failure)
    }

    pub fn max_datagram_size(&self) -> usize {
        match self {
            Self::Iroh(connection) => connection.max_datagram_size().unwrap_or(0),
            Self::Quic(plain) => plain.connection.max_datagram_size().unwrap_or(0),
            Self::Web(session) => session.max_datagram_size(),
        }
    }

    /// Resolves with the reason when the connection has ended, and the peer was told of it.
    pub async fn closed(&self) -> Failure {
        match self {
            Self::Iroh(connection) => connection.closed().await.into(),
            Self::Quic(plain) => plain.closed().await,
            Self::Web(session) => session.closed().await,
        }
    }

    /// Why it is over, once it is.
    pub fn close_reason(&self) -> Option<Failure> {
        match self {
            Self::Iroh(connection) => connection.close_reason().map(Failure::from),
            Self::Quic(plain) => plain.connection.close_reason().map(Failure::from),
            Self::Web(session) => session.quic().close_reason().map(Failure::from),
        }
    }

    pub fn close(&self, code: VarInt, reason: &[u8]) {
        match self {
            Self::Iroh(connection) => connection.close(code, reason),
            Self::Quic(plain) => plain.connection.close(code, reason),
            Self::Web(session) => session.close(code, reason),
        }
    }

    /// The negotiated protocol.
    pub fn protocol(&self) -> String {
        match self {
            Self::Iroh(connection) => String::from_utf8_lossy(connection.alpn()).into_owned(),
            Self::Quic(plain) => plain.protocol.to_string(),
            Self::Web(session) => session.protocol().to_owned(),
        }
    }

    /// The identity that TLS proved, as hex; empty where there is none.
    pub fn remote_id(&self) -> String {
        match self {
            Self::Iroh(connection) => connection.remote_id().to_string(),
            Self::Quic(_) | Self::Web(_) => String::new(),
        }
    }
}
