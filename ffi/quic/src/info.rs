//! What is known of a connection: peer, counters, paths.

use std::sync::{Arc, OnceLock};

use iroh::TransportAddr;
use n0_future::StreamExt;
use noq::{ConnectionStats, PathId, PathStats};
use tokio::sync::{Mutex, watch};

use crate::connection::Connection;
use crate::direct::Plain;
use crate::entry::{copy_text, entry, object, output_slice, runtime, submit};
use crate::link::Link;
use crate::queue::Done;
use crate::status::{CANCELED, Failure};

/// Tells of path changes once somebody asks.
#[derive(Default)]
pub struct PathWatch {
    changes: OnceLock<Arc<Mutex<watch::Receiver<u64>>>>,
}

impl PathWatch {
    fn receiver(&self, link: &Link) -> Arc<Mutex<watch::Receiver<u64>>> {
        self.changes
            .get_or_init(|| {
                let (sender, receiver) = watch::channel(0);
                let link = link.clone();
                runtime().spawn(async move {
                    let Link::Iroh(connection) = link else {
                        // One path, whatever address the peer moves to.
                        link.closed().await;
                        return;
                    };
                    let mut paths = connection.paths_stream();
                    while paths.next().await.is_some() {
                        sender.send_modify(|version| *version += 1);
                    }
                });
                Arc::new(Mutex::new(receiver))
            })
            .clone()
    }
}

/// Counters, and round-trip time (ms) and congestion window (bytes) of the selected path.
fn counters(link: &Link) -> (ConnectionStats, f64, f64) {
    let (stats, path) = match link {
        Link::Iroh(connection) => (
            connection.stats(),
            connection
                .paths()
                .iter()
                .find(iroh::endpoint::Path::is_selected)
                .map(|path| path.stats()),
        ),
        Link::Quic(Plain { connection, .. }) => plain_counters(connection),
        Link::Web(session) => plain_counters(session.quic()),
    };
    let (rtt, window) = path.map_or((0.0, 0.0), |path| {
        (path.rtt.as_secs_f64() * 1e3, path.cwnd as f64)
    });
    (stats, rtt, window)
}

fn plain_counters(connection: &noq::Connection) -> (ConnectionStats, Option<PathStats>) {
    (connection.stats(), connection.path_stats(PathId::ZERO))
}

fn path_lines(link: &Link) -> String {
    let connection = match link {
        Link::Iroh(connection) => return iroh_path_lines(connection),
        Link::Quic(plain) => &plain.connection,
        Link::Web(session) => session.quic(),
    };
    let (rtt, window) = connection
        .path_stats(PathId::ZERO)
        .map_or((0, 0), |stats| (stats.rtt.as_micros(), stats.cwnd));
    format!("direct\t1\t{rtt}\t{window}\t{}\n", remote(connection))
}

/// The peer's address, the last one when the connection has ended.
pub fn remote(connection: &noq::Connection) -> String {
    connection
        .path(PathId::ZERO)
        .and_then(|path| path.remote_address().ok())
        .map_or_else(String::new, |address| address.to_string())
}

fn iroh_path_lines(connection: &iroh::endpoint::Connection) -> String {
    let mut text = String::new();
    for path in connection.paths().iter() {
        let remote = match path.remote_addr() {
            TransportAddr::Ip(socket) => socket.to_string(),
            TransportAddr::Relay(url) => url.to_string(),
            _ => continue,
        };
        let stats = path.stats();
        text += &format!(
            "{}\t{}\t{}\t{}\t{remote}\n",
            if path.is_relay() { "relay" } else { "direct" },
            u8::from(path.is_selected()),
            stats.rtt.as_micros(),
            stats.cwnd,
        );
    }
    text
}

/// Copies `remote id`, a newline and the protocol to `into`; returns the length. The protocol's bytes
/// are UTF-8, lossily.
///
/// # Safety
/// `into` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_info(
    connection: f64,
    into: *mut u8,
    length: u32,
) -> i32 {
    entry(|| {
        let link = &object::<Connection>(connection)?.link;
        let text = format!("{}\n{}", link.remote_id(), link.protocol());
        // SAFETY: the caller's promise.
        Ok(unsafe { copy_text(&text, into, length) })
    })
}

/// Writes seven counters: UDP bytes sent and received, packets lost, packets sent, UDP datagrams
/// received, then round-trip time in milliseconds and congestion window of the selected path.
///
/// # Safety
/// `out` points to seven writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_stats(connection: f64, out: *mut f64) -> i32 {
    entry(|| {
        let (stats, rtt, window) = counters(&object::<Connection>(connection)?.link);
        // SAFETY: the caller's promise.
        unsafe { output_slice(out, 7) }.copy_from_slice(&[
            stats.udp_tx.bytes as f64,
            stats.udp_rx.bytes as f64,
            stats.lost_packets as f64,
            stats.sent_packets as f64,
            stats.udp_rx.datagrams as f64,
            rtt,
            window,
        ]);
        Ok(0)
    })
}

/// Copies one line a path to `into`: kind, `1` when selected, round-trip time in microseconds,
/// congestion window, remote address, with tabs between; returns the length.
///
/// # Safety
/// `into` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_paths(
    connection: f64,
    into: *mut u8,
    length: u32,
) -> i32 {
    entry(|| {
        let text = path_lines(&object::<Connection>(connection)?.link);
        // SAFETY: the caller's promise.
        Ok(unsafe { copy_text(&text, into, length) })
    })
}

/// Waits until the paths, or the selected one, change; the first time, until they are known.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_paths_changed(
    connection: f64,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let connection = object::<Connection>(connection)?;
        let receiver = connection.paths.receiver(&connection.link);
        let queue = connection.queue.clone();
        let future = async move {
            let changing = async {
                match receiver.lock().await.changed().await {
                    Ok(()) => Ok(Done::default()),
                    Err(_) => Err(Failure::new(CANCELED, "the connection has ended")),
                }
            };
            connection.unless_broken(changing).await
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}
