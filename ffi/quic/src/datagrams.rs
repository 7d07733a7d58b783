//! Unreliable messages.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::connection::Connection;
use crate::entry::{entry, input_slice, lock, object, output_slice, submit};
use crate::queue::Done;

/// Sends a datagram; when the send buffer is full the oldest in it goes.
///
/// # Safety
/// `data` points to `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_datagram_send(
    connection: f64,
    data: *const u8,
    length: u32,
) -> i32 {
    entry(|| {
        let connection = object::<Connection>(connection)?;
        // SAFETY: the caller's promise.
        connection
            .link
            .send_datagram(unsafe { input_slice(data, length) })?;
        Ok(0)
    })
}

/// Receives a datagram into `into`, cut to `length`; returns its length there. Pending: call again
/// when `op` completes.
///
/// # Safety
/// `into` points to `length` writable bytes, `out` to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_datagram_read(
    connection: f64,
    into: *mut u8,
    length: u32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let connection = object::<Connection>(connection)?;
        let stashed = lock(&connection.datagrams).pop_front();
        let datagram = match stashed {
            Some(datagram) => Some(datagram),
            None => {
                let receive = pin!(connection.link.read_datagram());
                match receive.poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(datagram) => Some(datagram?),
                    Poll::Pending => None,
                }
            }
        };
        if let Some(datagram) = datagram {
            // SAFETY: the caller's promise.
            let room = unsafe { output_slice(into, length as usize) };
            let count = room.len().min(datagram.len());
            room[..count].copy_from_slice(&datagram[..count]);
            return Ok(count as i32);
        }
        let queue = connection.queue.clone();
        let future = async move {
            let receiving = connection.link.read_datagram();
            let datagram = connection.unless_broken(receiving).await?;
            lock(&connection.datagrams).push_back(datagram);
            Ok(Done::default())
        };
        // SAFETY: the caller's promise.
        let status = unsafe { submit(&queue, op, out, future) }?;
        if status != 0 {
            return Ok(status);
        }
        // It came between the two polls: the call is answered as if it had been pending.
        queue.complete(op, Ok(Done::default()));
        Ok(crate::status::PENDING)
    })
}

/// The largest datagram the path takes now; 0 when the peer takes none.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_datagram_max(connection: f64) -> i32 {
    entry(|| Ok(object::<Connection>(connection)?.link.max_datagram_size() as i32))
}
