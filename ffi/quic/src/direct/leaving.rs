//! Who has still something to tell its peer before the socket may be closed.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts sessions that are being closed.
pub struct Leaving(watch::Sender<usize>);

/// One of them, until it is dropped.
pub struct Farewell(Arc<Leaving>);

impl Default for Leaving {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

impl Leaving {
    pub fn enter(self: &Arc<Self>) -> Farewell {
        self.0.send_modify(|count| *count += 1);
        Farewell(self.clone())
    }

    /// Resolves when there is none.
    pub async fn nobody(&self) {
        // Fails only when the sender is gone, which is `self`.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
