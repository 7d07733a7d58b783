//! Connections: opening and accepting streams, and the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use iroh::endpoint::{RecvStream, SendStream, VarInt};
use tokio::sync::SetOnce;

use crate::entry::{entry, input_slice, object, submit};
use crate::header::Header;
use crate::info::PathWatch;
use crate::link::Link;
use crate::objects::{Object, store};
use crate::queue::{Done, Queue};
use crate::status::Failure;
use crate::streams::{ReceiveSide, SendSide};

/// A connection and what was received on it for nobody yet.
pub struct Connection {
    pub queue: Arc<Queue>,
    pub link: Link,
    /// Datagrams taken from the link by an operation that completed, at most one an operation.
    pub datagrams: Mutex<VecDeque<Bytes>>,
    pub paths: PathWatch,
    /// Set when a panic has left it in a state that nothing can be done with.
    broken: SetOnce<Failure>,
}

impl Connection {
    /// Gives `link` a handle.
    pub fn store(queue: &Arc<Queue>, link: Link) -> Result<Done, Failure> {
        let value = store(Object::Connection(Arc::new(Self {
            queue: queue.clone(),
            link,
            datagrams: Mutex::default(),
            paths: PathWatch::default(),
            broken: SetOnce::new(),
        })))?;
        Ok(Done { value, extra: 0.0 })
    }

    /// Called when the handle is freed.
    pub fn abandon(&self) {
        self.close(VarInt::from_u32(0), b"");
    }

    fn close(&self, code: VarInt, reason: &[u8]) {
        if self.broken.get().is_none() {
            self.link.close(code, reason);
        }
    }

    /// A panic has broken it.
    pub fn breaks(&self, failure: Failure) {
        let _ = self.broken.set(failure);
    }

    /// What `future` gives, or why there is nothing to wait for any more.
    pub async fn unless_broken<T>(
        &self,
        future: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if let Some(failure) = self.broken.get() {
            return Err(failure.clone());
        }
        tokio::select! {
            biased;
            outcome = future => outcome,
            failure = self.broken.wait() => Err(failure.clone()),
        }
    }

    async fn open(&self, bidirectional: bool, priority: i32) -> Result<Done, Failure> {
        let (send, receive) = if bidirectional {
            let (send, receive) = self.link.open_bi().await?;
            (send, Some(receive))
        } else {
            (self.link.open_uni().await?, None)
        };
        if priority != 0 {
            // Fails only on a stream that has ended already, with its connection.
            let _ = send.set_priority(priority);
        }
        let header = self.link.header(bidirectional);
        let value = self.store_send(send, header)?;
        let extra = match receive {
            Some(stream) => self.store_receive(stream)?,
            None => 0.0,
        };
        Ok(Done { value, extra })
    }

    async fn accept(&self, bidirectional: bool) -> Result<Done, Failure> {
        let (send, receive) = if bidirectional {
            let (send, receive) = self.link.accept_bi().await?;
            (Some(send), receive)
        } else {
            (None, self.link.accept_uni().await?)
        };
        let value = match send {
            Some(stream) => self.store_send(stream, Header::default())?,
            None => 0.0,
        };
        let extra = self.store_receive(receive)?;
        Ok(Done { value, extra })
    }

    fn store_send(&self, stream: SendStream, header: Header) -> Result<f64, Failure> {
        let session = self.link.session().cloned();
        let side = SendSide::new(self.queue.clone(), stream, header, session);
        store(Object::Send(side))
    }

    fn store_receive(&self, stream: RecvStream) -> Result<f64, Failure> {
        let session = self.link.session().cloned();
        store(Object::Receive(ReceiveSide::new(
            self.queue.clone(),
            stream,
            session,
        )))
    }
}

/// A code as QUIC carries it.
pub fn code(value: f64) -> Result<VarInt, Failure> {
    if !(0.0..=9_007_199_254_740_991.0).contains(&value) {
        return Err(Failure::argument("code out of range"));
    }
    VarInt::from_u64(value as u64).map_err(|_| Failure::argument("code out of range"))
}

/// Opens a stream; waits for the peer's credit. Gives the sending half, and the receiving half of a
/// bidirectional one.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_open(
    connection: f64,
    bidirectional: u32,
    priority: i32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let connection = object::<Connection>(connection)?;
        let queue = connection.queue.clone();
        let future = async move {
            let opening = connection.open(bidirectional != 0, priority);
            connection.unless_broken(opening).await
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Waits for a stream of the peer's. Gives the sending half (0 where there is none) and the receiving
/// half.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_accept(
    connection: f64,
    bidirectional: u32,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let connection = object::<Connection>(connection)?;
        let queue = connection.queue.clone();
        let future = async move {
            let accepting = connection.accept(bidirectional != 0);
            connection.unless_broken(accepting).await
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Waits for the end: always fails, with the reason.
///
/// # Safety
/// `out` points to two writable doubles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_closed(
    connection: f64,
    op: u32,
    out: *mut f64,
) -> i32 {
    entry(|| {
        let connection = object::<Connection>(connection)?;
        let queue = connection.queue.clone();
        let future = async move {
            let ended = async { Err(connection.link.closed().await) };
            connection.unless_broken(ended).await
        };
        // SAFETY: the caller's promise.
        unsafe { submit(&queue, op, out, future) }
    })
}

/// Ends the connection at once; everything that waits on it completes.
///
/// # Safety
/// `reason` points to `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_connection_close(
    connection: f64,
    error_code: f64,
    reason: *const u8,
    length: u32,
) -> i32 {
    entry(|| {
        let connection = object::<Connection>(connection)?;
        // SAFETY: the caller's promise.
        let reason = unsafe { input_slice(reason, length) };
        connection.close(code(error_code)?, reason);
        Ok(0)
    })
}
