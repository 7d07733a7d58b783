//! Incoming handshakes: all at the same time, at most so many, and none for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use iroh::endpoint::{Connection, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// Handshakes at once. Further ones are refused at once, so that the dialler knows.
const MAX_HANDSHAKES: usize = 256;
/// From so many on, the peer must first prove that it receives at the address it sends from.
const VALIDATE_FROM: usize = 64;
/// Connections that wait to be accepted by the program. A handshake that is through waits for room.
pub const BACKLOG: usize = 128;
/// A handshake that takes longer is given up.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of handshakes.
#[derive(Default)]
pub struct Counters {
    pub accepted: AtomicU64,
    pub failed: AtomicU64,
    pub refused: AtomicU64,
}

impl Counters {
    /// One `key=value` a line.
    pub fn lines(&self) -> String {
        [
            ("accepted", &self.accepted),
            ("failed", &self.failed),
            ("refused", &self.refused),
        ]
        .map(|(name, counter)| format!("{name}={}\n", counter.load(Ordering::Relaxed)))
        .concat()
    }
}

/// What to do with somebody who comes.
pub enum Verdict {
    /// Too many are under way.
    Refuse,
    /// Let them come again with a token that proves their address.
    Retry,
    /// Shake hands; the place is free again when this is dropped.
    Shake(OwnedSemaphorePermit),
}

/// Lets so many handshakes be under way.
pub struct Gate {
    room: Arc<Semaphore>,
    counters: Arc<Counters>,
}

impl Gate {
    pub fn new(counters: Arc<Counters>) -> Self {
        Self {
            room: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            counters,
        }
    }

    /// `validated`: whether their address is proven.
    pub fn admit(&self, validated: bool) -> Verdict {
        let Ok(permit) = self.room.clone().try_acquire_owned() else {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            return Verdict::Refuse;
        };
        let busy = MAX_HANDSHAKES - self.room.available_permits() > VALIDATE_FROM;
        if busy && !validated {
            return Verdict::Retry;
        }
        Verdict::Shake(permit)
    }
}

/// Accepts until the endpoint closes.
pub fn start(endpoint: iroh::Endpoint, counters: Arc<Counters>) -> mpsc::Receiver<Connection> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    tokio::spawn(async move {
        let gate = Gate::new(counters.clone());
        while let Some(incoming) = endpoint.accept().await {
            let permit = match gate.admit(incoming.remote_addr_validated()) {
                Verdict::Refuse => {
                    incoming.refuse();
                    continue;
                }
                Verdict::Retry => {
                    // Fails only for an address that is validated.
                    let _ = incoming.retry();
                    continue;
                }
                Verdict::Shake(permit) => permit,
            };
            let (sender, counters) = (sender.clone(), counters.clone());
            tokio::spawn(async move {
                match timeout(HANDSHAKE_TIMEOUT, shake(incoming)).await {
                    Ok(Some(connection)) => {
                        counters.accepted.fetch_add(1, Ordering::Relaxed);
                        // An error means that the endpoint is closing, and the connection with it.
                        let _ = sender.send(connection).await;
                    }
                    Ok(None) | Err(_) => {
                        counters.failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
                drop(permit);
            });
        }
    });
    receiver
}

async fn shake(incoming: Incoming) -> Option<Connection> {
    incoming.accept().ok()?.await.ok()
}
