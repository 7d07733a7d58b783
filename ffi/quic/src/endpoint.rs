//! Endpoints.

use std::sync::Arc;
use std::time::Duration;

use iroh::endpoint::presets;
use iroh::{RelayMode, Watcher};
use iroh_mdns_address_lookup::MdnsAddressLookup;
use tokio::sync::{Mutex, mpsc, watch};

use crate::accept::{self, Counters};
use crate::config::{Config, Relay, address, address_text};
use crate::connection::Connection;
use crate::dial::dial;
use crate::entry::{copy_text, entry, input_slice, input_text, object, runtime, submit};
use crate::link::Link;
use crate::objects::{Object, store};
use crate::queue::{Done, Queue};
use crate::status::{CLOSED_LOCALLY, Failure, IO, chain, find_cause};

/// An iroh endpoint with its backlog of accepted connections.
pub struct Endpoint {
    pub queue: Arc<Queue>,
    inner: iroh::Endpoint,
    backlog: Arc<Mutex<mpsc::Receiver<iroh::endpoint::Connection>>>,
    counters: Arc<Counters>,
    addresses: Arc<Mutex<watch::Receiver<u64>>>,
    /// Why mDNS does not work, where it was asked for.
    mdns_failure: Option<String>,
}

fn closed() -> Failure {
    Failure::new(CLOSED_LOCALLY, "the endpoint is closed")
}

async fn bind(config: Config) -> Result<(iroh::Endpoint, Option<String>), Failure> {
    let transport = config.transport()?;
    let mut builder = match &config.relay {
        Relay::None => iroh::Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled),
        Relay::Default => iroh::Endpoint::builder(presets::N0),
        Relay::Custom(urls) => {
            iroh::Endpoint::builder(presets::N0).relay_mode(RelayMode::custom(urls.iter().cloned()))
        }
    };
    builder = builder.transport_config(transport).alpns(config.alpns);
    if let Some(secret) = config.secret {
        builder = builder.secret_key(secret);
    }
    if !config.bind.is_empty() {
        builder = builder.clear_ip_transports();
        for socket in config.bind {
            builder = builder
                .bind_addr(socket)
                .map_err(|error| Failure::argument(format!("bind: {}", chain(&error))))?;
        }
    }
    let endpoint = builder.bind().await.map_err(|error| {
        let errno = find_cause::<std::io::Error>(&error).and_then(std::io::Error::raw_os_error);
        Failure::with_code(IO, errno.unwrap_or(0).unsigned_abs().into(), chain(&error))
    })?;
    // A network without multicast is no reason to do without the endpoint.
    let mdns_failure = config.mdns.then(|| announce(&endpoint).err()).flatten();
    Ok((endpoint, mdns_failure))
}

fn announce(endpoint: &iroh::Endpoint) -> Result<(), String> {
    let service = MdnsAddressLookup::builder()
        .build(endpoint.id())
        .map_err(|error| error.to_string())?;
    let lookup = endpoint
        .address_lookup()
        .map_err(|error| error.to_string())?;
    lookup.add(service);
    Ok(())
}

impl Endpoint {
    fn store(
        queue: Arc<Queue>,
        inner: iroh::Endpoint,
        mdns_failure: Option<String>,
    ) -> Result<Done, Failure> {
        let counters = Arc::new(Counters::default());
        let backlog = accept::start(inner.clone(), counters.clone());
        let (sender, addresses) = watch::channel(0);
        let mut watcher = inner.watch_addr();
        tokio::spawn(inner.closed().run_until(async move {
            while watcher.updated().await.is_ok() {
                sender.send_modify(|version| *version += 1);
            }
        }));
        let value = store(Object::Endpoint(Arc::new(Self {
            queue,
            inner,
            backlog: Arc::new(Mutex::new(backlog)),
            counters,
            addresses: Arc::new(Mutex::new(addresses)),
            mdns_failure,
        })))?;
        Ok(Done { value, extra: 0.0 })
    }

    /// Called when the handle is freed.
    pub fn abandon(&self) {
        let endpoint = self.inner.clone();
        if !endpoint.is_closed() {
            runtime().spawn(async move { endpoint.close().await });
        }
    }

    fn info(&self) -> String {
        let mut text = address_text(&self.inner.addr());
        for socket in self.inner.bound_sockets() {
            text += &format!("bound={socket}\n");
        }
        text += &self.counters.lines();
        if let Some(failure) = &self.mdns_failure {
            text += &format!("mdns_failure={}\n", failure.replace('\n', " "));
        }
        text
    }
}

/// Makes an endpoint from settings (see `config.rs`).
///
/// # Safety
/// `settings` points to `length` readable bytes, `out` to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_bind(
    queue: f64,
    settings: *const u8,
    length: u32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let queue = object::<Queue>(queue)?;
        // SAFETY: the caller's promise.
        let config: Config = unsafe { input_text(settings, length) }?.parse()?;
        let owner = queue.clone();
        let future = async move {
            let (endpoint, mdns_failure) = bind(config).await?;
            Endpoint::store(owner, endpoint, mdns_failure)
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Dials; gives a connection. `to` is as `config::address` reads it, `alpn` as `dial` does.
///
/// # Safety
/// `to` points to `to_length` readable bytes, `alpn` to `alpn_length`, `out` to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_connect(
    endpoint: f64,
    to: *const u8,
    to_length: u32,
    alpn: *const u8,
    alpn_length: u32,
    timeout_ms: u32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let endpoint = object::<Endpoint>(endpoint)?;
        // SAFETY: the caller's promise.
        let to = address(unsafe { input_text(to, to_length) }?)?;
        // SAFETY: the caller's promise.
        let alpn = unsafe { input_slice(alpn, alpn_length) }.to_vec();
        let patience = Duration::from_millis(timeout_ms.into());
        let queue = endpoint.queue.clone();
        let future = async move {
            let connection = dial(&endpoint.inner, to, &alpn, patience).await?;
            Connection::store(&endpoint.queue, Link::Iroh(connection))
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Waits for a connection whose handshake is through.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_accept(endpoint: f64, op: u32, out: *mut f64) -> i32 {
    entry(|| {
        let endpoint = object::<Endpoint>(endpoint)?;
        let queue = endpoint.queue.clone();
        let (owner, backlog) = (queue.clone(), endpoint.backlog.clone());
        let future = async move {
            let connection = backlog.lock().await.recv().await.ok_or_else(closed)?;
            Connection::store(&owner, Link::Iroh(connection))
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Copies address, bound sockets and counters to `into`, one `key=value` a line; returns the length.
///
/// # Safety
/// `into` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_info(endpoint: f64, into: *mut u8, length: u32) -> i32 {
    entry(|| {
        let text = object::<Endpoint>(endpoint)?.info();
        // SAFETY: the caller's promise.
        Ok(unsafe { copy_text(&text, into, length) })
    })
}

/// Waits until the address changes.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_changed(endpoint: f64, op: u32, out: *mut f64) -> i32 {
    entry(|| {
        let endpoint = object::<Endpoint>(endpoint)?;
        let addresses = endpoint.addresses.clone();
        let future = async move {
            let changed = addresses.lock().await.changed().await;
            changed.map(|()| Done::default()).map_err(|_| closed())
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&endpoint.queue, op, out, future) }
    })
}

/// Waits until a relay is connected.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_online(endpoint: f64, op: u32, out: *mut f64) -> i32 {
    entry(|| {
        let endpoint = object::<Endpoint>(endpoint)?;
        let inner = endpoint.inner.clone();
        let future = async move {
            let until = inner.closed();
            match until.run_until(inner.online()).await {
                Some(()) => Ok(Done::default()),
                None => Err(closed()),
            }
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&endpoint.queue, op, out, future) }
    })
}

/// Accepts these protocols from now on: `alpn=HEX` lines, as in the settings.
///
/// # Safety
/// `settings` points to `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_alpns(
    endpoint: f64,
    settings: *const u8,
    length: u32,
) -> i32 {
    entry(|| {
        let endpoint = object::<Endpoint>(endpoint)?;
        // SAFETY: the caller's promise.
        let config: Config = unsafe { input_text(settings, length) }?.parse()?;
        let _context = runtime().enter();
        endpoint.inner.set_alpns(config.alpns);
        Ok(0)
    })
}

/// Closes all connections and the socket.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_endpoint_close(endpoint: f64, op: u32, out: *mut f64) -> i32 {
    entry(|| {
        let endpoint = object::<Endpoint>(endpoint)?;
        let inner = endpoint.inner.clone();
        let future = async move {
            inner.close().await;
            Ok(Done::default())
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&endpoint.queue, op, out, future) }
    })
}
