//! Streams. Reads and writes never wait: one that cannot go on arranges for a completion that says
//! "call again", and touches the caller's memory during the call only.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use iroh::endpoint::{RecvStream, SendStream, StoppedError, VarInt};

use crate::connection::code;
use crate::entry::{entry, input_slice, lock, object, output_slice};
use crate::header::Header;
use crate::queue::{Queue, Ready};
use crate::status::{Failure, PENDING, STREAM_ENDED, STREAM_RESET, STREAM_STOPPED};
use crate::web::{Member, Session, codes};

type Stopped = Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send>>;

struct SendState {
    stream: SendStream,
    header: Header,
    ended: bool,
    stopped: Option<Stopped>,
    writer: Option<Waker>,
    watcher: Option<Waker>,
}

/// The sending half of a stream.
pub struct SendSide {
    pub queue: Arc<Queue>,
    session: Option<Arc<Session>>,
    id: u64,
    state: Mutex<SendState>,
}

struct ReceiveState {
    stream: RecvStream,
    ended: bool,
    reader: Option<Waker>,
}

/// The receiving half of a stream.
pub struct ReceiveSide {
    pub queue: Arc<Queue>,
    session: Option<Arc<Session>>,
    id: u64,
    state: Mutex<ReceiveState>,
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Why nothing goes on a stream any more: because its session has ended, or this side ended it.
fn ended(session: Option<&Arc<Session>>) -> Failure {
    session
        .and_then(|session| session.end())
        .unwrap_or_else(|| Failure::new(STREAM_ENDED, "the stream has ended on this side"))
}

/// A code of the user's as it goes on the wire.
fn wire_code(session: Option<&Arc<Session>>, code: VarInt) -> Result<VarInt, Failure> {
    match session {
        Some(_) => codes::to_wire(code),
        None => Ok(code),
    }
}

/// Whether a stream was ended because its session was: that end is told when it has come, in its own
/// terms.
fn awaits_end(session: Option<&Arc<Session>>, failure: &Failure) -> bool {
    matches!(failure.status, STREAM_RESET | STREAM_STOPPED)
        && failure.code == codes::SESSION_GONE.into_inner()
        && session.is_some_and(|session| session.end().is_none())
}

/// A failure of QUIC's as the stream's user gets it.
fn translate(session: Option<&Arc<Session>>, failure: Failure) -> Failure {
    match session {
        Some(session) => session.stream_failure(failure),
        None => failure,
    }
}

impl SendSide {
    pub fn new(
        queue: Arc<Queue>,
        stream: SendStream,
        header: Header,
        session: Option<Arc<Session>>,
    ) -> Arc<Self> {
        let side = Arc::new(Self {
            queue,
            session,
            id: VarInt::from(stream.id()).into_inner(),
            state: Mutex::new(SendState {
                stream,
                header,
                ended: false,
                stopped: None,
                writer: None,
                watcher: None,
            }),
        });
        if let Some(session) = &side.session {
            session.join((side.id, true), &(side.clone() as Arc<dyn Member>));
        }
        side
    }

    fn ended(&self) -> Failure {
        ended(self.session.as_ref())
    }

    /// Takes as much of `data` as there is room for. Less than all of it: `op` completes when there
    /// is room again.
    fn write(&self, data: &[u8], op: u32) -> Result<usize, Failure> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        if state.ended {
            return Err(self.ended());
        }
        let mut written = 0;
        let mut waker: Option<Waker> = None;
        while written < data.len() {
            let mut context = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
            let poll = if state.header.is_sent() {
                Pin::new(&mut state.stream).poll_write(&mut context, &data[written..])
            } else {
                let (together, length) = state.header.with(data);
                let poll =
                    Pin::new(&mut state.stream).poll_write(&mut context, &together[..length]);
                poll.map_ok(|count| state.header.advance(count))
            };
            match poll {
                Poll::Ready(Ok(count)) => written += count,
                Poll::Ready(Err(error)) => {
                    let failure = error.into();
                    if awaits_end(self.session.as_ref(), &failure) {
                        state.writer = Some(Ready::waker(&self.queue, op));
                        return Ok(written);
                    }
                    return Err(translate(self.session.as_ref(), failure));
                }
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
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        if state.ended {
            return Err(self.ended());
        }
        state.ended = true;
        if !state.header.rest().is_empty() {
            // Without its header the peer would not know whose the stream is.
            let mut context = Context::from_waker(Waker::noop());
            let sent = Pin::new(&mut state.stream).poll_write(&mut context, state.header.rest());
            if !matches!(sent, Poll::Ready(Ok(count)) if count == state.header.rest().len()) {
                let _ = state.stream.reset(codes::nothing());
                return Ok(());
            }
        }
        state.stream.finish().map_err(|_| self.ended())
    }

    /// Resets the stream at once, whatever is pending on it.
    fn reset(&self, code: VarInt) -> Result<(), Failure> {
        let code = wire_code(self.session.as_ref(), code)?;
        let mut state = lock(&self.state);
        state.ended = true;
        // An error means that it was reset, or finished and acknowledged: nothing is left to drop.
        let _ = state.stream.reset(code);
        wake(state.writer.take());
        wake(state.watcher.take());
        Ok(())
    }

    fn stopped(&self, op: u32) -> Result<i32, Failure> {
        let mut state = lock(&self.state);
        if let Some(end) = self.session.as_ref().and_then(|session| session.end()) {
            return Err(end);
        }
        let mut future = match state.stopped.take() {
            Some(future) => future,
            None => Box::pin(state.stream.stopped()),
        };
        let waker = Ready::waker(&self.queue, op);
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(Some(code))) => {
                let stopped = "stopped by the peer";
                let failure = Failure::with_code(STREAM_STOPPED, code.into_inner(), stopped);
                if awaits_end(self.session.as_ref(), &failure) {
                    state.watcher = Some(waker);
                    return Ok(PENDING);
                }
                Err(translate(self.session.as_ref(), failure))
            }
            Poll::Ready(Ok(None)) => Ok(0),
            Poll::Ready(Err(StoppedError::ConnectionLost(cause))) => {
                Err(translate(self.session.as_ref(), cause.into()))
            }
            Poll::Ready(Err(_)) => Err(self.ended()),
            Poll::Pending => {
                state.stopped = Some(future);
                state.watcher = Some(waker);
                Ok(PENDING)
            }
        }
    }

    /// Has those who wait try again.
    pub fn wake(&self) {
        let mut state = lock(&self.state);
        wake(state.writer.take());
        wake(state.watcher.take());
    }

    /// Called when the handle is freed. Dropping an unfinished stream would finish it, and what is
    /// cut short would look whole.
    pub fn abandon(&self) {
        self.abandon_with(match self.session {
            Some(_) => codes::nothing(),
            None => VarInt::from_u32(0),
        });
    }

    fn abandon_with(&self, code: VarInt) {
        let mut state = lock(&self.state);
        if !state.ended {
            state.ended = true;
            let _ = state.stream.reset(code);
        }
        wake(state.writer.take());
        wake(state.watcher.take());
    }
}

impl Member for SendSide {
    fn session_ended(&self) {
        self.abandon_with(codes::SESSION_GONE);
    }
}

impl Drop for SendSide {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.leave((self.id, true));
        }
    }
}

impl ReceiveSide {
    pub fn new(queue: Arc<Queue>, stream: RecvStream, session: Option<Arc<Session>>) -> Arc<Self> {
        let side = Arc::new(Self {
            queue,
            session,
            id: VarInt::from(stream.id()).into_inner(),
            state: Mutex::new(ReceiveState {
                stream,
                ended: false,
                reader: None,
            }),
        });
        if let Some(session) = &side.session {
            session.join((side.id, false), &(side.clone() as Arc<dyn Member>));
        }
        side
    }

    fn read(&self, into: &mut [u8], op: u32) -> Result<i32, Failure> {
        if into.is_empty() {
            return Err(Failure::argument("no room to read into"));
        }
        let mut state = lock(&self.state);
        if state.ended {
            return Err(ended(self.session.as_ref()));
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
            Poll::Ready(Err(error)) => {
                let failure = error.into();
                if awaits_end(self.session.as_ref(), &failure) {
                    state.reader = Some(Ready::waker(&self.queue, op));
                    return Ok(PENDING);
                }
                Err(translate(self.session.as_ref(), failure))
            }
            Poll::Pending => Ok(PENDING),
        }
    }

    /// Has those who wait try again.
    pub fn wake(&self) {
        wake(lock(&self.state).reader.take());
    }

    /// Wants no more, at once, whatever is pending.
    fn stop(&self, code: VarInt) -> Result<(), Failure> {
        self.stop_with(wire_code(self.session.as_ref(), code)?);
        Ok(())
    }

    fn stop_with(&self, code: VarInt) {
        let mut state = lock(&self.state);
        state.ended = true;
        // An error means that everything was read or reset before.
        let _ = state.stream.stop(code);
        wake(state.reader.take());
    }

    /// Called when the handle is freed.
    pub fn abandon(&self) {
        self.abandon_with(match self.session {
            Some(_) => codes::nothing(),
            None => VarInt::from_u32(0),
        });
    }

    fn abandon_with(&self, code: VarInt) {
        if !lock(&self.state).ended {
            self.stop_with(code);
        }
    }
}

impl Member for ReceiveSide {
    fn session_ended(&self) {
        self.abandon_with(codes::SESSION_GONE);
    }
}

impl Drop for ReceiveSide {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            session.leave((self.id, false));
        }
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
        object::<SendSide>(stream)?.reset(code(error_code)?)?;
        Ok(0)
    })
}

/// Streams of higher priority are sent first.
#[unsafe(no_mangle)]
pub extern "C" fn xoq_quic_stream_priority(stream: f64, priority: i32) -> i32 {
    entry(|| {
        let stream = object::<SendSide>(stream)?;
        let state = lock(&stream.state);
        state
            .stream
            .set_priority(priority)
            .map_err(|_| stream.ended())?;
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
        object::<ReceiveSide>(stream)?.stop(code(error_code)?)?;
        Ok(0)
    })
}
