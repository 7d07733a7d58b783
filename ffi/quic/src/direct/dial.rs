//! Dialling by address: every address of a name, a little after one another, the first that answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use noq::{ClientConfig, ConnectError, Endpoint};
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::connection::Connection;
use crate::direct::certificate::HTTP3;
use crate::direct::packets;
use crate::direct::plain::{Plain, handshake};
use crate::direct::send_window::follow_path;
use crate::direct::settings::{DialSettings, HTTP_STREAMS, dial_settings};
use crate::direct::socket;
use crate::direct::trust::{Reason, client_config};
use crate::entry::{entry, input_text, lock, object, submit};
use crate::link::Link;
use crate::queue::Queue;
use crate::status::{
    CLOSED_BY_PEER, CONNECTION_RESET, Failure, REFUSED, TIMED_OUT, UNREACHABLE, UNTRUSTED,
};
use crate::web::{self, HttpConnection, Wanted};

/// How long an address has to answer before the next one is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

async fn addresses(settings: &DialSettings) -> Result<Vec<SocketAddr>, Failure> {
    let unknown = |text: String| Failure::new(UNREACHABLE, text);
    let found = lookup_host((settings.host.as_str(), settings.port))
        .await
        .map_err(|error| unknown(format!("{}: {error}", settings.host)))?;
    let wanted = |address: &SocketAddr| match settings.bind {
        Some(bind) => bind.is_ipv4() == address.is_ipv4(),
        None => true,
    };
    let mut list: Vec<SocketAddr> = found.filter(wanted).collect();
    list.dedup();
    if list.is_empty() {
        return Err(unknown(format!("{} has no address", settings.host)));
    }
    Ok(list)
}

/// A connection whose handshake is through, with the socket it has for itself.
async fn shake(
    address: SocketAddr,
    bind: Option<SocketAddr>,
    host: String,
    config: ClientConfig,
) -> Result<(noq::Connection, Endpoint), Failure> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let (endpoint, _) = socket::endpoint(&[bind.unwrap_or(SocketAddr::new(any, 0))], None)?;
    let connecting =
        endpoint
            .connect_with(config, address, &host)
            .map_err(|error| match error {
                ConnectError::InvalidServerName(name) => {
                    Failure::argument(format!("{name} is not a host's name"))
                }
                other => Failure::new(UNREACHABLE, other.to_string()),
            })?;
    let connection = connecting.await.map_err(|error| {
        let failure = Failure::from(error);
        match failure.status {
            TIMED_OUT => Failure::new(UNREACHABLE, format!("{address} does not answer")),
            CLOSED_BY_PEER | CONNECTION_RESET => {
                Failure::with_code(REFUSED, failure.code, failure.text)
            }
            _ => failure,
        }
    })?;
    Ok((connection, endpoint))
}

async fn first(
    settings: &DialSettings,
    config: ClientConfig,
) -> Result<(noq::Connection, Endpoint), Failure> {
    let mut waiting = addresses(settings).await?.into_iter();
    let mut trying = JoinSet::new();
    let mut last = Failure::new(UNREACHABLE, "no answer");
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some(address) = next {
            let (host, bind) = (settings.host.clone(), settings.bind);
            let mut config = config.clone();
            if packets::stay_here(address.ip()) {
                config.transport_config(packets::large(settings.transport.config()?.as_ref()));
            }
            trying.spawn(shake(address, bind, host, config));
        }
        let head_start = async {
            if more {
                sleep(HEAD_START).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = head_start => {}
            joined = trying.join_next() => match joined {
                Some(Ok(Ok(connected))) => return Ok(connected),
                Some(Ok(Err(failure))) => last = failure,
                Some(Err(_)) => {}
                None => return Err(last),
            },
        }
    }
}

/// Dials until it works, is refused, or nobody is interested any more. A handshake that hears nothing
/// ends with the connection's idle timeout: it is begun again.
async fn persist(
    settings: &DialSettings,
    config: ClientConfig,
) -> Result<(noq::Connection, Endpoint), Failure> {
    loop {
        let begun = Instant::now();
        match first(settings, config.clone()).await {
            Err(failure)
                if failure.status == UNREACHABLE && begun.elapsed() > Duration::from_secs(1) => {}
            other => return other,
        }
    }
}

/// Dials; gives a usable connection.
async fn dial(settings: DialSettings) -> Result<Link, Failure> {
    let reason = Reason::default();
    let alpns: Vec<Vec<u8>> = match &settings.url {
        Some(_) => vec![HTTP3.into()],
        None => settings
            .protocols
            .iter()
            .map(|alpn| alpn.clone().into_bytes())
            .collect(),
    };
    let config = client_config(
        &settings.transport,
        &settings.trust,
        alpns.into_iter(),
        reason.clone(),
    )?;
    let (connection, endpoint) = match persist(&settings, config).await {
        Ok(connected) => connected,
        Err(failure) => {
            return Err(match lock(&reason).take() {
                Some(text) => Failure::with_code(UNTRUSTED, failure.code, text),
                None => failure,
            });
        }
    };
    follow_path(&connection, settings.transport.send_window);
    let Some(url) = &settings.url else {
        let (protocol, _) = handshake(&connection);
        return Ok(Link::Quic(Plain {
            connection,
            endpoint: Some(endpoint),
            protocol: protocol.unwrap_or_default().into(),
        }));
    };
    let url = url
        .parse()
        .map_err(|error| Failure::argument(format!("url: {error}")))?;
    let streams = settings.transport.max_streams.saturating_add(HTTP_STREAMS);
    connection.set_max_concurrent_uni_streams(streams.into());
    let http = HttpConnection::client(connection, endpoint);
    let leave = LeaveUnless(Some(http.clone()));
    let wanted = Wanted {
        url,
        protocols: settings.protocols,
        headers: settings.headers,
    };
    let session = web::open(&http, &wanted).await?;
    leave.stay();
    Ok(Link::Web(session))
}

/// Closes the connection when the dial was given up, or refused.
struct LeaveUnless(Option<Arc<HttpConnection>>);

impl LeaveUnless {
    fn stay(mut self) {
        self.0 = None;
    }
}

impl Drop for LeaveUnless {
    fn drop(&mut self) {
        if let Some(http) = &self.0 {
            http.quic.close(web::codes::NO_ERROR, b"");
        }
    }
}

/// Dials by address (see `direct/settings.rs`); gives a connection.
///
/// # Safety
/// `settings` points to `length` readable bytes, `out` to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_direct_dial(
    queue: f64,
    settings: *const u8,
    length: u32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let queue = object::<Queue>(queue)?;
        // SAFETY: the caller's promise.
        let settings = dial_settings(unsafe { input_text(settings, length) }?)?;
        let owner = queue.clone();
        let future = async move {
            let patience = settings.patience;
            let link = timeout(patience, dial(settings))
                .await
                .map_err(|_| Failure::new(UNREACHABLE, "no answer in time"))??;
            Connection::store(&owner, link)
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}
