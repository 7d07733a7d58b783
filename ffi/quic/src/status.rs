//! What calls and completions answer: zero or more on success, one of these when not.

use std::error::Error;

use iroh::endpoint::{ConnectionError, ReadError, WriteError};

/// Not finished: a completion with the operation's number follows.
pub const PENDING: i32 = -1;
/// The handle was never given out, is of another kind, or has been freed.
pub const BAD_HANDLE: i32 = -2;
/// An argument could not be understood; the text says which.
pub const BAD_ARGUMENT: i32 = -3;
/// A bug in this library; the text is the panic's.
pub const PANIC: i32 = -4;
/// The operation was canceled, or what it waited on is gone.
pub const CANCELED: i32 = -5;
/// This side closed the connection or the endpoint.
pub const CLOSED_LOCALLY: i32 = -6;
/// The peer closed the connection: code and text are its own.
pub const CLOSED_BY_PEER: i32 = -7;
/// Nothing was heard of the peer for the idle timeout.
pub const TIMED_OUT: i32 = -8;
/// The handshake was refused: code is the QUIC transport or application error.
pub const REFUSED: i32 = -9;
/// No address was known, or none answered in time.
pub const UNREACHABLE: i32 = -10;
/// Stateless reset or a transport violation: code is the QUIC transport error, if any.
pub const CONNECTION_RESET: i32 = -11;
/// The peer reset the stream; code is its own.
pub const STREAM_RESET: i32 = -12;
/// The peer wants no more of the stream; code is its own.
pub const STREAM_STOPPED: i32 = -13;
/// This side finished, reset or stopped the stream before.
pub const STREAM_ENDED: i32 = -14;
/// The datagram is larger than the path takes.
pub const TOO_LARGE: i32 = -15;
/// The peer takes no datagrams.
pub const UNSUPPORTED: i32 = -16;
/// The operating system said no; code is errno, if known.
pub const IO: i32 = -17;
/// The server's certificate is not to be trusted; the text says why.
pub const UNTRUSTED: i32 = -18;
/// The server answered the request for a session with another status than success: code is that.
pub const REJECTED: i32 = -19;

/// A failure with everything the other side may want to know of it.
#[derive(Clone, Debug)]
pub struct Failure {
    pub status: i32,
    pub code: u64,
    pub text: String,
}

impl Failure {
    pub fn new(status: i32, text: impl Into<String>) -> Self {
        Self::with_code(status, 0, text)
    }

    pub fn with_code(status: i32, code: u64, text: impl Into<String>) -> Self {
        Self {
            status,
            code,
            text: text.into(),
        }
    }

    pub fn argument(text: impl Into<String>) -> Self {
        Self::new(BAD_ARGUMENT, text)
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        match &error {
            ConnectionError::ApplicationClosed(close) => Self::with_code(
                CLOSED_BY_PEER,
                close.error_code.into_inner(),
                String::from_utf8_lossy(&close.reason),
            ),
            ConnectionError::ConnectionClosed(close) => Self::with_code(
                CONNECTION_RESET,
                u64::from(close.error_code),
                error.to_string(),
            ),
            ConnectionError::TransportError(cause) => {
                Self::with_code(CONNECTION_RESET, u64::from(cause.code), error.to_string())
            }
            ConnectionError::TimedOut => Self::new(TIMED_OUT, error.to_string()),
            ConnectionError::LocallyClosed => Self::new(CLOSED_LOCALLY, error.to_string()),
            _ => Self::new(CONNECTION_RESET, error.to_string()),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped(code) => {
                Self::with_code(STREAM_STOPPED, code.into_inner(), "stopped by the peer")
            }
            WriteError::ConnectionLost(cause) => cause.into(),
            other => Self::new(STREAM_ENDED, other.to_string()),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Reset(code) => {
                Self::with_code(STREAM_RESET, code.into_inner(), "reset by the peer")
            }
            ReadError::ConnectionLost(cause) => cause.into(),
            other => Self::new(STREAM_ENDED, other.to_string()),
        }
    }
}

/// The first error of type `E` among `error` and its causes.
pub fn find_cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<E>() {
            return Some(found);
        }
        next = current.source();
    }
    None
}

/// An error and its causes on one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}
