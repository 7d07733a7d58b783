//! Somebody who wants in: shown to the program, and let in or kept out by it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use noq::VarInt;
use tokio::time::sleep;
use web_transport_proto::http::StatusCode;

use crate::connection::{Connection, code};
use crate::direct::key_log::hex;
use crate::direct::plain::{Plain, handshake};
use crate::entry::{copy_text, entry, input_text, lock, object, runtime, submit};
use crate::info::remote;
use crate::link::Link;
use crate::queue::Queue;
use crate::status::{CANCELED, Failure};
use crate::web::Request;

/// Who is neither let in nor kept out for so long is kept out.
const DECISION_TIMEOUT: Duration = Duration::from_secs(10);

/// How they came.
pub enum Arrival {
    Quic(Plain),
    Web(Box<Request>),
}

/// Somebody who wants in. Dropping it keeps them out.
pub struct Incoming {
    pub queue: Arc<Queue>,
    info: String,
    /// Taken by the decision.
    arrival: Mutex<Option<Arrival>>,
}

fn decided() -> Failure {
    Failure::new(CANCELED, "it was decided, or the client has gone")
}

/// Text that may hold anything, a line break too.
fn line(key: &str, value: &str) -> String {
    format!("{key}={}\n", hex(value.as_bytes()))
}

fn quic_info(plain: &Plain) -> String {
    let remote = remote(&plain.connection);
    let mut text = format!("kind=quic\nremote={remote}\n");
    text += &line("protocol", &plain.protocol);
    if let (_, Some(name)) = handshake(&plain.connection) {
        text += &line("authority", &name);
    }
    text
}

fn web_info(request: &Request) -> String {
    let remote = remote(request.quic());
    let mut text = format!("kind=webtransport\nremote={remote}\n");
    for protocol in &request.protocols {
        text += &line("protocol", protocol);
    }
    text += &line("authority", request.url.authority());
    let path = &request.url[url::Position::BeforePath..url::Position::AfterQuery];
    text += &line("path", path);
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        text += &line("header", &format!("{name}:{value}"));
    }
    text
}

impl Arrival {
    fn info(&self) -> String {
        match self {
            Self::Quic(plain) => quic_info(plain),
            Self::Web(request) => web_info(request),
        }
    }

    async fn accept(self, protocol: Option<String>) -> Result<Link, Failure> {
        match self {
            Self::Quic(plain) => match plain.connection.close_reason() {
                Some(reason) => Err(reason.into()),
                None => Ok(Link::Quic(plain)),
            },
            Self::Web(request) => Ok(Link::Web(request.accept(protocol).await?)),
        }
    }

    fn refuse(self, status: StatusCode, code: VarInt) {
        match self {
            Self::Quic(plain) => plain.connection.close(code, b"refused"),
            Self::Web(request) => drop(runtime().spawn(request.refuse(status))),
        }
    }
}

impl Incoming {
    pub fn new(queue: Arc<Queue>, arrival: Arrival) -> Arc<Self> {
        let incoming = Arc::new(Self {
            queue,
            info: arrival.info(),
            arrival: Mutex::new(Some(arrival)),
        });
        let undecided = Arc::downgrade(&incoming);
        runtime().spawn(async move {
            sleep(DECISION_TIMEOUT).await;
            if let Some(incoming) = undecided.upgrade() {
                incoming.refuse(StatusCode::SERVICE_UNAVAILABLE, VarInt::from_u32(0));
            }
        });
        incoming
    }

    /// Whether nothing is decided yet.
    pub fn is_waiting(&self) -> bool {
        lock(&self.arrival).is_some()
    }

    fn take(&self) -> Option<Arrival> {
        lock(&self.arrival).take()
    }

    /// Lets them in.
    pub async fn accept(&self, protocol: Option<String>) -> Result<Link, Failure> {
        let arrival = self.take().ok_or_else(decided)?;
        arrival.accept(protocol).await
    }

    fn refuse(&self, status: StatusCode, code: VarInt) {
        if let Some(arrival) = self.take() {
            arrival.refuse(status, code);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.refuse(StatusCode::SERVICE_UNAVAILABLE, VarInt::from_u32(0));
    }
}

/// Copies what is known of somebody to `into`, one `key=value` a line, texts in hex; returns the
/// length.
///
/// # Safety
/// `into` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_incoming_info(incoming: f64, into: *mut u8, length: u32) -> i32 {
    entry(|| {
        let incoming = object::<Incoming>(incoming)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { copy_text(&incoming.info, into, length) })
    })
}

/// Lets somebody in; gives a connection. A protocol of length 0 is none.
///
/// # Safety
/// `protocol` points to `length` readable bytes, `out` to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_incoming_accept(
    incoming: f64,
    protocol: *const u8,
    length: u32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let incoming = object::<Incoming>(incoming)?;
        // SAFETY: the caller's promise.
        let protocol = unsafe { input_text(protocol, length) }?;
        let protocol = (!protocol.is_empty()).then(|| protocol.to_owned());
        let queue = incoming.queue.clone();
        let owner = queue.clone();
        let future = async move { Connection::store(&owner, incoming.accept(protocol).await?) };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Keeps somebody out: with an HTTP status, or where it is plain QUIC with a close code.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_incoming_refuse(incoming: f64, status: u32, close_code: f64) -> i32 {
    entry(|| {
        let incoming = object::<Incoming>(incoming)?;
        let status = u16::try_from(status)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or_else(|| Failure::argument("not an HTTP status"))?;
        incoming.refuse(status, code(close_code)?);
        Ok(0)
    })
}
