//! Reading HTTP/3: variable-length integers, and frames up to a bound.

use noq::RecvStream;
use tokio::io::AsyncReadExt;
use web_transport_proto::{Frame, VarInt};

/// Most bytes of a frame that is kept (headers) or looked at (settings).
pub const MAX_FRAME: u64 = 16 << 10;

/// What kept a frame from being read.
#[derive(Debug, PartialEq)]
pub enum FrameError {
    /// The stream ended, was reset, or its connection is gone.
    Ended,
    /// A frame of that many bytes.
    TooLarge(u64),
}

/// The next integer (RFC 9000, section 16); `None` when the stream ends before it does.
pub async fn integer(stream: &mut RecvStream) -> Option<u64> {
    let value = VarInt::read_optional(stream).await.ok()??;
    Some(value.into_inner())
}

/// The payload of the next frame of type `wanted`, skipping frames of unknown types; another known
/// type is given back instead.
pub async fn frame(
    stream: &mut RecvStream,
    wanted: Frame,
) -> Result<Result<Vec<u8>, Frame>, FrameError> {
    loop {
        let kind = integer(stream).await.ok_or(FrameError::Ended)?;
        if let Some(payload) = frame_after(stream, kind, wanted).await? {
            return Ok(payload);
        }
    }
}

/// As [`frame`], where the type has been read; `None` when the frame was skipped.
pub async fn frame_after(
    stream: &mut RecvStream,
    kind: u64,
    wanted: Frame,
) -> Result<Option<Result<Vec<u8>, Frame>>, FrameError> {
    let length = integer(stream).await.ok_or(FrameError::Ended)?;
    if kind == wanted.0.into_inner() {
        return payload(stream, length).await.map(|bytes| Some(Ok(bytes)));
    }
    if let Some(other) = [Frame::DATA, Frame::HEADERS, Frame::SETTINGS]
        .into_iter()
        .find(|other| other.0.into_inner() == kind)
    {
        return Ok(Some(Err(other)));
    }
    skip(stream, length).await.ok_or(FrameError::Ended)?;
    Ok(None)
}

async fn payload(stream: &mut RecvStream, length: u64) -> Result<Vec<u8>, FrameError> {
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let mut bytes = vec![0; length as usize];
    match stream.read_exact(&mut bytes).await {
        Ok(()) => Ok(bytes),
        Err(_) => Err(FrameError::Ended),
    }
}

async fn skip(stream: &mut RecvStream, length: u64) -> Option<()> {
    let mut part = AsyncReadExt::take(stream, length);
    let skipped = tokio::io::copy(&mut part, &mut tokio::io::sink()).await;
    (skipped.ok()? == length).then_some(())
}
