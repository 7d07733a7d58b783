//! A plain QUIC connection.

use std::sync::Arc;
use std::time::Duration;

use noq::crypto::rustls::HandshakeData;
use tokio::time::timeout;

use crate::status::Failure;

/// How long a closing connection gets to tell its peer.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// A connection, and where it was dialled from.
#[derive(Clone)]
pub struct Plain {
    pub connection: noq::Connection,
    /// The socket goes with the last of it; accepted connections belong to their listener.
    pub endpoint: Option<noq::Endpoint>,
    pub protocol: Arc<str>,
}

impl Plain {
    /// Resolves when it has ended, and the peer was told.
    pub async fn closed(&self) -> Failure {
        let reason = self.connection.closed().await;
        if let Some(endpoint) = &self.endpoint {
            let _ = timeout(CLOSE_PATIENCE, endpoint.wait_all_draining()).await;
        }
        reason.into()
    }
}

/// The agreed ALPN, and the server name that the client gave.
pub fn handshake(connection: &noq::Connection) -> (Option<String>, Option<String>) {
    let data = connection
        .handshake_data()
        .and_then(|data| data.downcast::<HandshakeData>().ok());
    match data {
        Some(data) => (
            data.protocol
                .map(|alpn| String::from_utf8_lossy(&alpn).into_owned()),
            data.server_name,
        ),
        None => (None, None),
    }
}
