//! Error codes: HTTP/3's own, and those of WebTransport applications in their range of HTTP/3's
//! (draft-ietf-webtrans-http3, section 4.4).

use iroh::endpoint::VarInt;
use web_transport_proto::{error_from_http3, error_to_http3};

use crate::status::{CLOSED_BY_PEER, CONNECTION_RESET, Failure};

/// The connection is closed without anything wrong (RFC 9114, section 8.1, like those below).
pub const NO_ERROR: VarInt = VarInt::from_u32(0x100);
pub const STREAM_CREATION_ERROR: VarInt = VarInt::from_u32(0x103);
pub const CLOSED_CRITICAL_STREAM: VarInt = VarInt::from_u32(0x104);
pub const FRAME_UNEXPECTED: VarInt = VarInt::from_u32(0x105);
pub const REQUEST_REJECTED: VarInt = VarInt::from_u32(0x10b);
pub const MESSAGE_ERROR: VarInt = VarInt::from_u32(0x10e);
pub const SETTINGS_ERROR: VarInt = VarInt::from_u32(0x109);
/// A stream of a session that has ended (draft-ietf-webtrans-http3, section 4.6).
pub const SESSION_GONE: VarInt = VarInt::from_u32(0x170d_7b68);
/// A stream of a session that is not known here, when too many are kept already (section 4.5).
pub const BUFFERED_STREAM_REJECTED: VarInt = VarInt::from_u32(0x3994_bd84);

/// The application's code 0.
pub fn nothing() -> VarInt {
    wire(0)
}

/// An application's code as streams and connections carry it.
pub fn wire(code: u32) -> VarInt {
    VarInt::from_u64(error_to_http3(code)).expect("the range ends below 2^62")
}

/// As [`wire`]; codes have 32 bits.
pub fn to_wire(code: VarInt) -> Result<VarInt, Failure> {
    u32::try_from(code.into_inner())
        .map(wire)
        .map_err(|_| Failure::argument("WebTransport's codes have 32 bits"))
}

/// The application's code in one of a stream's; 0 for codes that are not an application's.
pub fn from_wire(code: u64) -> u64 {
    error_from_http3(code).map_or(0, u64::from)
}

/// What ended the QUIC connection, as what it is to a session on it.
pub fn session_failure(failure: Failure) -> Failure {
    if failure.status != CLOSED_BY_PEER {
        return failure;
    }
    if failure.code == NO_ERROR.into_inner() {
        return Failure::with_code(CLOSED_BY_PEER, 0, failure.text);
    }
    match error_from_http3(failure.code) {
        Some(code) => Failure::with_code(CLOSED_BY_PEER, code.into(), failure.text),
        None => {
            let text = format!("HTTP/3 error {:#x} {}", failure.code, failure.text);
            Failure::with_code(CONNECTION_RESET, failure.code, text.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_mapped_as_the_draft_has_it() {
        for (code, wire) in [
            (0u32, 0x52e4_a40f_a8db_u64),
            (1, 0x52e4_a40f_a8dc),
            (29, 0x52e4_a40f_a8f8),
            (30, 0x52e4_a40f_a8fa),
            (u32::MAX, 0x52e5_ac98_3162),
        ] {
            assert_eq!(to_wire(VarInt::from_u32(code)).unwrap().into_inner(), wire);
            assert_eq!(from_wire(wire), u64::from(code));
        }
        assert!(to_wire(VarInt::from_u64(1 << 32).unwrap()).is_err());
        assert_eq!(from_wire(NO_ERROR.into_inner()), 0);
    }

    #[test]
    fn the_end_of_the_connection_is_that_of_the_session() {
        let closed = |code: VarInt| {
            session_failure(Failure::with_code(CLOSED_BY_PEER, code.into_inner(), "x"))
        };
        let failure = closed(NO_ERROR);
        assert_eq!((failure.status, failure.code), (CLOSED_BY_PEER, 0));
        let failure = closed(wire(7));
        assert_eq!((failure.status, failure.code), (CLOSED_BY_PEER, 7));
        let failure = closed(CLOSED_CRITICAL_STREAM);
        assert_eq!(failure.status, CONNECTION_RESET);
        assert_eq!(failure.text, "HTTP/3 error 0x104 x");
    }
}
