//! Dialling an iroh endpoint.

use std::time::Duration;

use iroh::endpoint::{
    ConnectError, ConnectOptions, ConnectWithOptsError, ConnectingError, Connection,
    ConnectionError,
};
use iroh::{Endpoint, EndpointAddr};
use tokio::time::{Instant, timeout_at};

use crate::status::{
    BAD_ARGUMENT, CLOSED_BY_PEER, CLOSED_LOCALLY, CONNECTION_RESET, Failure, REFUSED, TIMED_OUT,
    UNREACHABLE, chain,
};

/// Dials until it works, is refused, or `patience` is over. A handshake that hears nothing ends with
/// the connection's idle timeout, which is shorter than finding a way may take: so it is begun again.
/// `alpns` is what the peer may choose from, with NUL between.
pub async fn dial(
    endpoint: &Endpoint,
    to: EndpointAddr,
    alpns: &[u8],
    patience: Duration,
) -> Result<Connection, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let begun = Instant::now();
        let failure = match timeout_at(deadline, connect(endpoint, to.clone(), alpns)).await {
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

async fn connect(
    endpoint: &Endpoint,
    to: EndpointAddr,
    alpns: &[u8],
) -> Result<Connection, ConnectError> {
    let mut offered = alpns.split(|byte| *byte == 0);
    let first = offered.next().unwrap_or_default();
    let others = offered.map(<[u8]>::to_vec).collect();
    let options = ConnectOptions::new().with_additional_alpns(others);
    Ok(endpoint
        .connect_with_opts(to, first, options)
        .await?
        .await?)
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
