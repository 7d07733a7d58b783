//! Listening: plain QUIC and HTTP/3 on one socket, told apart by ALPN.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use noq::{Endpoint, VarInt};
use tokio::sync::{Mutex, OwnedSemaphorePermit, SetOnce, mpsc};
use tokio::time::timeout;

use crate::accept::{BACKLOG, Counters, Gate, HANDSHAKE_TIMEOUT, Verdict};
use crate::direct::certificate::{Certificates, HTTP3, from_pem, self_signed, server_config};
use crate::direct::incoming::{Arrival, Incoming};
use crate::direct::leaving::Leaving;
use crate::direct::packets;
use crate::direct::plain::{Plain, handshake};
use crate::direct::port::Port;
use crate::direct::send_window::follow_path;
use crate::direct::settings::{HTTP_STREAMS, ListenSettings, listen_settings};
use crate::direct::socket::{self, Server};
use crate::entry::{copy_text, entry, input_text, object, runtime, submit};
use crate::objects::{Object, store};
use crate::queue::{Done, Queue};
use crate::status::{CLOSED_LOCALLY, Failure};
use crate::web::{HttpConnection, Request};

/// How long closing connections get to tell their peers.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// TLS alert 120, no_application_protocol, as QUIC has it (RFC 9001, section 8.1).
const NO_APPLICATION_PROTOCOL: VarInt = VarInt::from_u32(0x178);
/// Handshakes that QUIC keeps packets of before they are looked at, and how many bytes.
const MAX_UNSEEN: usize = 1_024;
const UNSEEN_BYTES: u64 = 64 << 10;
const UNSEEN_BYTES_TOTAL: u64 = 16 << 20;

/// A socket and those who come to it.
pub struct Listener {
    pub queue: Arc<Queue>,
    endpoint: Endpoint,
    port: Port,
    pub address: SocketAddr,
    certificates: Arc<Certificates>,
    counters: Arc<Counters>,
    leaving: Arc<Leaving>,
    arrivals: Mutex<mpsc::Receiver<Arc<Incoming>>>,
    closing: Arc<SetOnce<()>>,
}

/// What those who come need.
struct Door {
    endpoint: Endpoint,
    counters: Arc<Counters>,
    leaving: Arc<Leaving>,
    arrivals: mpsc::Sender<Arc<Incoming>>,
    queue: Arc<Queue>,
    requests: mpsc::Sender<Request>,
    max_streams: u32,
    send_window: u64,
    /// For who comes from elsewhere, and from this machine.
    far: Arc<noq::ServerConfig>,
    near: Arc<noq::ServerConfig>,
    closing: Arc<SetOnce<()>>,
}

fn closed() -> Failure {
    Failure::new(CLOSED_LOCALLY, "the listener is closed")
}

impl Listener {
    pub fn bind(queue: Arc<Queue>, settings: ListenSettings) -> Result<Arc<Self>, Failure> {
        let given = settings.certificate.as_ref().map(from_pem).transpose()?;
        let host = settings
            .bind
            .first()
            .map_or(IpAddr::from([0; 4]), SocketAddr::ip);
        let certified = match given {
            Some(certified) => certified,
            None => self_signed(host)?,
        };
        let certificates = Arc::new(Certificates::new(certified));
        let mut config = server_config(&settings, certificates.clone())?;
        config
            .max_incoming(MAX_UNSEEN)
            .incoming_buffer_size(UNSEEN_BYTES)
            .incoming_buffer_size_total(UNSEEN_BYTES_TOTAL);
        let mut near = config.clone();
        near.transport_config(packets::large(&config.transport));
        let far = Arc::new(config.clone());
        let closing = Arc::<SetOnce<()>>::default();
        let server = Server {
            config,
            resets: settings.resets,
        };
        let (endpoint, port) = socket::endpoint(&settings.bind, Some(&server))?;
        let address = endpoint
            .local_addr()
            .map_err(|error| Failure::argument(error.to_string()))?;
        let (arrivals, receiver) = mpsc::channel(BACKLOG);
        let (requests, requested) = mpsc::channel(1);
        let counters = Arc::<Counters>::default();
        let leaving = Arc::<Leaving>::default();
        let door = Door {
            endpoint: endpoint.clone(),
            counters: counters.clone(),
            leaving: leaving.clone(),
            arrivals: arrivals.clone(),
            queue: queue.clone(),
            requests,
            max_streams: settings.transport.max_streams,
            send_window: settings.transport.send_window,
            far,
            near: Arc::new(near),
            closing: closing.clone(),
        };
        runtime().spawn(pass_on(queue.clone(), requested, arrivals));
        runtime().spawn(Arc::new(door).open());
        Ok(Arc::new(Self {
            queue,
            endpoint,
            port,
            address,
            certificates,
            counters,
            leaving,
            arrivals: Mutex::new(receiver),
            closing,
        }))
    }

    fn info(&self) -> String {
        format!(
            "address={}\nhash={}\n{}",
            self.address,
            self.certificates.hash(),
            self.counters.lines(),
        )
    }

    /// Somebody who wants in.
    pub async fn next(&self) -> Result<Arc<Incoming>, Failure> {
        let waiting = async {
            let mut arrivals = self.arrivals.lock().await;
            loop {
                match arrivals.recv().await {
                    // Who waited too long has been kept out.
                    Some(incoming) if !incoming.is_waiting() => {}
                    other => return other.ok_or_else(closed),
                }
            }
        };
        tokio::select! {
            biased;
            _ = self.closing.wait() => Err(closed()),
            incoming = waiting => incoming,
        }
    }

    /// Closes all connections, and the socket: its port is free afterwards.
    pub async fn close(&self) {
        let _ = self.closing.set(());
        // Nobody new, see the door, and those who wait are kept out.
        let mut arrivals = self.arrivals.lock().await;
        arrivals.close();
        while arrivals.try_recv().is_ok() {}
        drop(arrivals);
        let _ = timeout(CLOSE_PATIENCE, self.leaving.nobody()).await;
        self.endpoint.close(VarInt::from_u32(0), b"");
        let _ = timeout(CLOSE_PATIENCE, self.endpoint.wait_all_draining()).await;
        self.port.release();
    }

    /// Somebody whom the door has not seen.
    #[cfg(test)]
    pub async fn newcomer(&self) -> noq::Incoming {
        self.endpoint.accept().await.unwrap()
    }

    /// Called when the handle is freed.
    pub fn abandon(self: &Arc<Self>) {
        if self.closing.get().is_none() {
            let listener = self.clone();
            runtime().spawn(async move { listener.close().await });
        }
    }
}

/// Requests for sessions stand in the same line as connections.
async fn pass_on(
    queue: Arc<Queue>,
    mut requests: mpsc::Receiver<Request>,
    arrivals: mpsc::Sender<Arc<Incoming>>,
) {
    while let Some(request) = requests.recv().await {
        let incoming = Incoming::new(queue.clone(), Arrival::Web(Box::new(request)));
        if arrivals.send(incoming).await.is_err() {
            return;
        }
    }
}

impl Door {
    async fn open(self: Arc<Self>) {
        let gate = Gate::new(self.counters.clone());
        while let Some(incoming) = self.endpoint.accept().await {
            if self.closing.get().is_some() {
                // Unanswered they ask again, and find who listens next. To take the endpoint's
                // configuration instead would make QUIC panic about those it knows already.
                incoming.ignore();
                continue;
            }
            match gate.admit(incoming.remote_address_validated()) {
                Verdict::Refuse => incoming.refuse(),
                // Fails only for an address that is validated.
                Verdict::Retry => drop(incoming.retry()),
                Verdict::Shake(permit) => {
                    runtime().spawn(self.clone().shake(incoming, permit));
                }
            }
        }
    }

    async fn shake(self: Arc<Self>, incoming: noq::Incoming, permit: OwnedSemaphorePermit) {
        let near = packets::stay_here(incoming.remote_address().ip());
        let config = if near { &self.near } else { &self.far };
        let shaking = incoming.accept_with(config.clone());
        let handshake = async { shaking.ok()?.await.ok() };
        let Ok(Some(connection)) = timeout(HANDSHAKE_TIMEOUT, handshake).await else {
            self.counters.failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        follow_path(&connection, self.send_window);
        self.enter(connection, permit).await;
    }

    async fn enter(&self, connection: noq::Connection, permit: OwnedSemaphorePermit) {
        match handshake(&connection).0.as_deref() {
            None => connection.close(NO_APPLICATION_PROTOCOL, b"no application protocol"),
            Some(HTTP3) => {
                let streams = self.max_streams.saturating_add(HTTP_STREAMS);
                connection.set_max_concurrent_uni_streams(streams.into());
                let (leaving, requests) = (self.leaving.clone(), self.requests.clone());
                let http = HttpConnection::server(connection, leaving, requests);
                // The place is taken until it asks for a session, or has gone.
                let mut sessions = http.sessions();
                tokio::select! {
                    _ = sessions.wait_for(|count| *count > 0) => {}
                    _ = http.quic.closed() => {}
                }
            }
            Some(protocol) => {
                let protocol = protocol.into();
                let plain = Plain {
                    connection,
                    endpoint: None,
                    protocol,
                };
                let incoming = Incoming::new(self.queue.clone(), Arrival::Quic(plain));
                // A handshake that is through waits for room; an error means that the listener is
                // closing, and the connection with it.
                let waited = self.arrivals.send(incoming);
                let _ = timeout(HANDSHAKE_TIMEOUT, waited).await;
            }
        }
        drop(permit);
    }
}

/// Listens (see `direct/settings.rs`); gives a listener.
///
/// # Safety
/// `settings` points to `length` readable bytes, `out` to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_direct_listen(
    queue: f64,
    settings: *const u8,
    length: u32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let queue = object::<Queue>(queue)?;
        // SAFETY: the caller's promise.
        let settings = listen_settings(unsafe { input_text(settings, length) }?)?;
        let owner = queue.clone();
        let future = async move {
            let listener = Listener::bind(owner, settings)?;
            let value = store(Object::Listener(listener))?;
            Ok(Done { value, extra: 0.0 })
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Copies address, certificate hash and counters to `into`, one `key=value` a line; returns the length.
///
/// # Safety
/// `into` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_listener_info(listener: f64, into: *mut u8, length: u32) -> i32 {
    entry(|| {
        let text = object::<Listener>(listener)?.info();
        // SAFETY: the caller's promise.
        Ok(unsafe { copy_text(&text, into, length) })
    })
}

/// Waits for somebody who wants in; gives an incoming session.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_listener_accept(listener: f64, op: u32, out: *mut f64) -> i32 {
    entry(|| {
        let listener = object::<Listener>(listener)?;
        let queue = listener.queue.clone();
        let future = async move {
            let value = store(Object::Incoming(listener.next().await?))?;
            Ok(Done { value, extra: 0.0 })
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Takes another certificate: `chain` and `key` as in the settings.
///
/// # Safety
/// `settings` points to `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_listener_certificate(
    listener: f64,
    settings: *const u8,
    length: u32,
) -> i32 {
    entry(|| {
        let listener = object::<Listener>(listener)?;
        // SAFETY: the caller's promise.
        let settings = listen_settings(unsafe { input_text(settings, length) }?)?;
        let pem = settings
            .certificate
            .ok_or_else(|| Failure::argument("no certificate"))?;
        listener.certificates.set(from_pem(&pem)?);
        Ok(0)
    })
}

/// Closes all connections and the socket.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_listener_close(listener: f64, op: u32, out: *mut f64) -> i32 {
    entry(|| {
        let listener = object::<Listener>(listener)?;
        let queue = listener.queue.clone();
        let future = async move {
            listener.close().await;
            Ok(Done::default())
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}
