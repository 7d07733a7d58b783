//! Streams. Reads and writes never wait: one that cannot go on arranges for a completion that says
//! "call again", and touches the caller's memory during the call only.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use iroh::endpoint::{RecvStream, SendStream, StoppedError, VarInt};

use crate::connection::code;
use crate::entry::{entry, input_slice, lock, object, output_slice};
use crate::queue::{Queue, Ready};
use crate::status::{Failure, PENDING, STREAM_ENDED, STREAM_STOPPED};

type Stopped = Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send>>;

struct SendState {
    stream: SendStream,
    ended: bool,
    stopped: Option<Stopped>,
    writer: Option<Waker>,
    watcher: Option<Waker>,
}

/// The sending half of a stream.
pub struct SendSide {
    queue: Arc<Queue>,
    state: Mutex<SendState>,
}

struct ReceiveState {
    stream: RecvStream,
    ended: bool,
    reader: Option<Waker>,
}

/// The receiving half of a stream.
pub struct ReceiveSide {
    queue: Arc<Queue>,
    state: Mutex<ReceiveState>,
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn ended() -> Failure {
    Failure::new(STREAM_ENDED, "the stream has ended on this side")
}

impl SendSide {
    pub fn new(queue: Arc<Queue>, stream: SendStream) -> Arc<Self> {
        Arc::new(Self {
            queue,
            state: Mutex::new(SendState {
                stream,
                ended: false,
                stopped: None,
                writer: None,
                watcher: None,
            }),
        })
    }

    /// Takes as much of `data` as there is room for. Less than all of it: `op` completes when there
    /// is room again.
    fn write(&self, data: &[u8], op: u32) -> Result<usize, Failure> {
        let mut state = lock(&self.state);
        if state.ended {
            return Err(ended());
        }
        let mut written = 0;
        let mut waker: Option<Waker> = None;
        while written < data.len() {
            let mut context = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
            match Pin::new(&mut state.stream).poll_write(&mut context, &data[written..]) {
                Poll::Ready(Ok(count)) => written += count,
                Poll::Ready(Err(error)) => return Err(error.into()),
                // The first poll is without a waker of its own: most writes need none.
                Poll::Pending if waker.is_none() => waker = Some(Ready::waker(&self.queue, op)),
                Poll::Pending => {
                    state.writer = waker;
                    return Ok(written);
                }
            }
        }
        Ok(written)
    }

    fn finish(&self) -> Result<(), Failure> {
        let mut state = lock(&self.state);
        if state.ended {
            return Err(ended());
        }
        state.ended = true;
        state.stream.finish().map_err(|_| ended())
    }

    /// Resets the stream at once, whatever is pending on it.
    fn reset(&self, code: VarInt) {
        let mut state = lock(&self.state);
        state.ended = true;
        // An error means that it was reset, or finished and acknowledged: nothing is left to drop.
        let _ = state.stream.reset(code);
        wake(state.writer.take());
        wake(state.watcher.take());
    }

    fn stopped(&self, op: u32) -> Result<i32, Failure> {
        let mut state = lock(&self.state);
        let mut future = match state.stopped.take() {
            Some(future) => future,
            None => Box::pin(state.stream.stopped()),
        };
        let waker = Ready::waker(&self.queue, op);
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(Some(code))) => Err(Failure::with_code(
                STREAM_STOPPED,
                code.into_inner(),
                "stopped by the peer",
            )),
            Poll::Ready(Ok(None)) => Ok(0),
            Poll::Ready(Err(StoppedError::ConnectionLost(cause))) => Err(cause.into()),
            Poll::Ready(Err(_)) => Err(ended()),
            Poll::Pending => {
                state.stopped = Some(future);
                state.watcher = Some(waker);
                Ok(PENDING)
            }
        }
    }

    /// Called when the handle is freed. Dropping an unfinished stream would finish it, and what is
    /// cut short would look whole.
    pub fn abandon(&self) {
        let mut state = lock(&self.state);
        if !state.ended {
            state.ended = true;
            let _ = state.stream.reset(VarInt::from_u32(0));
        }
        wake(state.writer.take());
        wake(state.watcher.take());
    }
}

impl ReceiveSide {
    pub fn new(queue: Arc<Queue>, stream: RecvStream) -> Arc<Self> {
        Arc::new(Self {
            queue,
            state: Mutex::new(ReceiveState {
                stream,
                ended: false,
                reader: None,
            }),
        })
    }

    fn read(&self, into: &mut [u8], op: u32) -> Result<i32, Failure> {
        if into.is_empty() {
            return Err(Failure::argument("no room to read into"));
        }
        let mut state = lock(&self.state);
        if state.ended {
            return Err(ended());
        }
        let mut poll = state
            .stream
            .poll_read(&mut Context::from_waker(Waker::noop()), into);
        if poll.is_pending() {
            let waker = Ready::waker(&self.queue, op);
            poll = state
                .stream
                .poll_read(&mut Context::from_waker(&waker), into);
            if poll.is_pending() {
                state.reader = Some(waker);
                return Ok(PENDING);
            }
        }
        match poll {
            Poll::Ready(Ok(0)) => {
                state.ended = true;
                Ok(0)
            }
            Poll::Ready(Ok(count)) => Ok(count as i32),
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Pending => Ok(PENDING),
        }
    }

    /// Wants no more, at once, whatever is pending.
    fn stop(&self, code: VarInt) {
        let mut state = lock(&self.state);
        state.ended = true;
        // An error means that everything was read or reset before.
        let _ = state.stream.stop(code);
        wake(state.reader.take());
    }

    /// Called when the handle is freed.
    pub fn abandon(&self) {
        if lock(&self.state).ended {
            return;
        }
        self.stop(VarInt::from_u32(0));
    }
}

/// Writes from `data`; returns how many bytes were taken. Fewer than `length`: `op` completes when
/// more can be taken.
///
/// # Safety
/// `data` points to `length` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_stream_write(
    stream: f64,
    data: *const u8,
    length: u32,
    op: u32,
) -> i32 {
    entry(|| {
        let stream = object::<SendSide>(stream)?;
        // SAFETY: the caller's promise.
        let data = unsafe { input_slice(data, length) };
        Ok(stream.write(data, op)? as i32)
    })
}

/// Says that nothing follows.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_stream_finish(stream: f64) -> i32 {
    entry(|| object::<SendSide>(stream)?.finish().map(|()| 0))
}

/// Drops what was not sent and tells the peer `code`. A pending write completes.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_stream_reset(stream: f64, error_code: f64) -> i32 {
    entry(|| {
        object::<SendSide>(stream)?.reset(code(error_code)?);
        Ok(0)
    })
}

/// Streams of higher priority are sent first.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_stream_priority(stream: f64, priority: i32) -> i32 {
    entry(|| {
        let stream = object::<SendSide>(stream)?;
        let state = lock(&stream.state);
        state.stream.set_priority(priority).map_err(|_| ended())?;
        Ok(0)
    })
}

/// Answers 0 when the peer has everything, fails when it stopped the stream or is gone, and is
/// pending until then: call again when `op` completes.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_stream_stopped(stream: f64, op: u32) -> i32 {
    entry(|| object::<SendSide>(stream)?.stopped(op))
}

/// Reads up to `length` bytes; 0 is the end. Pending: call again when `op` completes.
///
/// # Safety
/// `into` points to `length` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xoq_quic_stream_read(
    stream: f64,
    into: *mut u8,
    length: u32,
    op: u32,
) -> i32 {
    entry(|| {
        let stream = object::<ReceiveSide>(stream)?;
        // SAFETY: the caller's promise.
        stream.read(unsafe { output_slice(into, length as usize) }, op)
    })
}

/// Wants no more of the stream and tells the peer `code`. A pending read completes.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_stream_stop(stream: f64, error_code: f64) -> i32 {
    entry(|| {
        object::<ReceiveSide>(stream)?.stop(code(error_code)?);
        Ok(0)
    })
}
