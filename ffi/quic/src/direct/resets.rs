//! Connection ids and stateless resets (RFC 9000, section 10.3) that outlive the process: who still
//! talks to a listener that was killed is told at once by the one that was started in its place,
//! instead of finding out by silence.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use noq::{ConnectionId, ConnectionIdGenerator, EndpointConfig, InvalidCid};
use ring::hmac::{HMAC_SHA256, Key, sign};
use ring::rand::{SecureRandom, SystemRandom};

/// What the keys of a listener are made of.
pub type Secret = [u8; 32];

/// Random bytes of a connection id: none comes twice under one key, as section 10.3.2 wants it.
const NONCE: usize = 8;
/// Bytes that say that the id is of this listener: other packets are not answered.
const TAG: usize = 4;
/// Only packets with an id of this listener are answered, so that many clients may be told at once.
const INTERVAL: Duration = Duration::from_millis(1);

/// Settings of a listener at `address`. Listeners of one secret at different addresses have different
/// keys: none can be made to end the connections of another (section 21.11).
pub fn endpoint_config(secret: &Secret, address: SocketAddr) -> EndpointConfig {
    let root = Key::new(HMAC_SHA256, secret);
    let derive = |label: &str| {
        let key = sign(&root, format!("xoq {label} {address}").as_bytes());
        Key::new(HMAC_SHA256, key.as_ref())
    };
    let ids = derive("connection id");
    let mut config = EndpointConfig::new(Arc::new(derive("stateless reset")));
    config
        .min_reset_interval(INTERVAL)
        .cid_generator(Arc::new(move || Box::new(Ids(ids.clone()))));
    config
}

/// Makes connection ids, and knows them again.
struct Ids(Key);

impl Ids {
    fn tag(&self, nonce: &[u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.copy_from_slice(&sign(&self.0, nonce).as_ref()[..TAG]);
        tag
    }
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; NONCE + TAG];
        SystemRandom::new()
            .fill(&mut id[..NONCE])
            .expect("the system has random bytes");
        let tag = self.tag(&id[..NONCE]);
        id[NONCE..].copy_from_slice(&tag);
        ConnectionId::new(&id)
    }

    fn validate(&self, id: ConnectionId) -> Result<(), InvalidCid> {
        let known = id.len() == NONCE + TAG && self.tag(&id[..NONCE]) == id[NONCE..];
        known.then_some(()).ok_or(InvalidCid)
    }

    fn cid_len(&self) -> usize {
        NONCE + TAG
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_by_their_key_alone() {
        let key = |byte| Key::new(HMAC_SHA256, &[byte; 32]);
        let (mut ours, theirs) = (Ids(key(1)), Ids(key(2)));
        let id = ours.generate_cid();
        assert_eq!(id.len(), 12);
        assert!(Ids(key(1)).validate(id).is_ok());
        assert!(theirs.validate(id).is_err());
        assert!(ours.validate(ConnectionId::new(&id[..8])).is_err());
        assert_ne!(ours.generate_cid(), id);
    }
}
