//! Dialling an iroh endpoint.

use std::time::Duration;

use iroh::endpoint::{
    ConnectError, ConnectWithOptsError, ConnectingError, Connection, ConnectionError,
};
use iroh::{Endpoint, EndpointAddr};
use tokio::time::{Instant, timeout_at};

use crate::status::{
    BAD_ARGUMENT, CLOSED_BY_PEER, CLOSED_LOCALLY, CONNECTION_RESET, Failure, REFUSED, TIMED_OUT,
    UNREACHABLE, chain,
};

/// Dials until it works, is refused, or `patience` is over. A handshake that hears nothing ends with
/// the connection's idle timeout, which is shorter than finding a way may take: so it is begun again.
pub async fn dial(
    endpoint: &Endpoint,
    to: EndpointAddr,
    alpn: &[u8],
    patience: Duration,
) -> Result<Connection, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let begun = Instant::now();
        let failure = match timeout_at(deadline, endpoint.connect(to.clone(), alpn)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => failure(error),
            Err(_) => return Err(Failure::new(UNREACHABLE, "no answer in time")),
        };
        let silent = failure.status == UNREACHABLE && begun.elapsed() > Duration::from_secs(1);
        if !silent || Instant::now() >= deadline {
            return Err(failure);
        }
    }
}

fn failure(error: ConnectError) -> Failure {
    let text = chain(&error);
    match error {
        ConnectError::Connect { source, .. } => match source {
            ConnectWithOptsError::SelfConnect { .. } | ConnectWithOptsError::InvalidAlpn { .. } => {
                Failure::new(BAD_ARGUMENT, text)
            }
            ConnectWithOptsError::EndpointClosed { .. } => Failure::new(CLOSED_LOCALLY, text),
            _ => Failure::new(UNREACHABLE, text),
        },
        ConnectError::Connecting {
            source: ConnectingError::ConnectionError { source, .. },
            ..
        }
        | ConnectError::Connection { source, .. } => handshake_failure(source, text),
        ConnectError::Connecting { .. } => Failure::new(REFUSED, text),
        _ => Failure::new(UNREACHABLE, text),
    }
}

fn handshake_failure(error: ConnectionError, text: String) -> Failure {
    let failure = Failure::from(error);
    match failure.status {
        TIMED_OUT => Failure::new(UNREACHABLE, text),
        CLOSED_BY_PEER | CONNECTION_RESET => Failure::with_code(REFUSED, failure.code, text),
        _ => failure,
    }
}
