//! Incoming handshakes: all at the same time, at most so many, and none for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use iroh::endpoint::{Connection, Incoming};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Handshakes at once. Further ones are refused at once, so that the dialler knows.
const MAX_HANDSHAKES: usize = 256;
/// From so many on, the peer must first prove that it receives at the address it sends from.
const VALIDATE_FROM: usize = 64;
/// Connections that wait to be accepted by the program. A handshake that is through waits for room.
const BACKLOG: usize = 128;
/// A handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of handshakes.
#[derive(Default)]
pub struct Counters {
    pub accepted: AtomicU64,
    pub failed: AtomicU64,
    pub refused: AtomicU64,
}

/// Accepts until the endpoint closes.
pub fn start(endpoint: iroh::Endpoint, counters: Arc<Counters>) -> mpsc::Receiver<Connection> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    tokio::spawn(async move {
        let room = Arc::new(Semaphore::new(MAX_HANDSHAKES));
        while let Some(incoming) = endpoint.accept().await {
            let Ok(permit) = room.clone().try_acquire_owned() else {
                incoming.refuse();
                counters.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let busy = MAX_HANDSHAKES - room.available_permits() > VALIDATE_FROM;
            if busy && !incoming.remote_addr_validated() {
                // Fails only for an address that is validated.
                let _ = incoming.retry();
                continue;
            }
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
