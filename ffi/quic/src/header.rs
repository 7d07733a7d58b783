//! What a stream of a session begins with.

/// What is written together with a header: about a packet.
const HEADER_WRITE_BYTES: usize = 1_200;

/// What a stream begins with, before the first byte of its user's. It is sent with that byte, so that
/// opening a stream costs no packet.
#[derive(Default)]
pub struct Header {
    bytes: [u8; 16],
    length: u8,
    sent: u8,
}

impl Header {
    /// At most 16 bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut header = Self {
            length: bytes.len() as u8,
            ..Self::default()
        };
        header.bytes[..bytes.len()].copy_from_slice(bytes);
        header
    }

    pub fn rest(&self) -> &[u8] {
        &self.bytes[usize::from(self.sent)..usize::from(self.length)]
    }

    pub fn is_sent(&self) -> bool {
        self.sent == self.length
    }

    /// What is left of it and the first of `data`, so that they go in one packet, and the length of both.
    pub fn with(&self, data: &[u8]) -> ([u8; HEADER_WRITE_BYTES], usize) {
        let mut together = [0; HEADER_WRITE_BYTES];
        let rest = self.rest();
        together[..rest.len()].copy_from_slice(rest);
        let part = data.len().min(HEADER_WRITE_BYTES - rest.len());
        together[rest.len()..rest.len() + part].copy_from_slice(&data[..part]);
        (together, rest.len() + part)
    }

    /// Of [`Header::with`] so many bytes were taken; gives how many of them were data.
    pub fn advance(&mut self, count: usize) -> usize {
        let own = count.min(self.rest().len());
        self.sent += own as u8;
        count - own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_goes_with_the_first_data_and_is_sent_once() {
        let mut header = Header::new(&[1, 2, 3]);
        let (bytes, length) = header.with(&[9, 8]);
        assert_eq!(bytes[..length], [1, 2, 3, 9, 8]);
        assert_eq!(header.advance(2), 0);
        assert!(!header.is_sent());
        let (bytes, length) = header.with(&[9; 2_000]);
        assert_eq!((bytes[0], bytes[1], length), (3, 9, HEADER_WRITE_BYTES));
        assert_eq!(header.advance(11), 10);
        assert!(header.is_sent());
        assert!(Header::default().is_sent());
    }
}
