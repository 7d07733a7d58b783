//! What is known of a connection: peer, counters, paths.

use std::sync::{Arc, OnceLock};

use iroh::TransportAddr;
use n0_future::StreamExt;
use tokio::sync::{Mutex, watch};

use crate::connection::Connection;
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
                let Link::Iroh(connection) = link.clone();
                runtime().spawn(async move {
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
        let alpn = link.alpn();
        let text = format!("{}\n{}", link.remote_id(), String::from_utf8_lossy(&alpn));
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
        let Link::Iroh(link) = &object::<Connection>(connection)?.link;
        let stats = link.stats();
        let (rtt, window) = link
            .paths()
            .iter()
            .find(iroh::endpoint::Path::is_selected)
            .map_or((0.0, 0.0), |path| {
                let stats = path.stats();
                (stats.rtt.as_secs_f64() * 1e3, stats.cwnd as f64)
            });
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
        let Link::Iroh(link) = &object::<Connection>(connection)?.link;
        let mut text = String::new();
        for path in link.paths().iter() {
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
        let future = async move {
            match receiver.lock().await.changed().await {
                Ok(()) => Ok(Done::default()),
                Err(_) => Err(Failure::new(CANCELED, "the connection has ended")),
            }
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&connection.queue, op, out, future) }
    })
}
