//! How much a connection takes before writes wait. What QUIC has taken can't be thought better of: on
//! a slow link a megabyte of it is seconds of a live track, in front of whatever comes next.

use std::time::Duration;

use noq::{Connection, PathId};
use tokio::time::sleep;

use crate::entry::runtime;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Data that waits behind what is in flight lasts so long, or one round trip where that is longer: the
/// time that writers have to bring more.
const AHEAD: Duration = Duration::from_millis(50);
/// Taken in any case.
const LEAST: u64 = 64 << 10;

/// Bytes that are taken, where so much may be in flight with such a round trip.
fn window(in_flight: u64, round_trip: Duration, most: u64) -> u64 {
    let ahead = AHEAD.as_secs_f64() / round_trip.as_secs_f64().max(1e-6);
    let wanted = in_flight as f64 * (1.0 + ahead.max(1.0));
    (wanted as u64).clamp(LEAST.min(most), most)
}

/// Keeps a connection's send window at what its path needs, `most` at most, while it lives.
pub fn follow_path(connection: &Connection, most: u64) {
    let connection = connection.weak_handle();
    runtime().spawn(async move {
        let mut current = most;
        loop {
            sleep(LOOK).await;
            let Some(connection) = connection.upgrade() else {
                return;
            };
            if connection.close_reason().is_some() {
                return;
            }
            let Some(path) = connection.path_stats(PathId::ZERO) else {
                continue;
            };
            let next = window(path.cwnd, path.rtt, most);
            if next != current {
                connection.set_send_window(next);
                current = next;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_what_is_in_flight_and_what_waits_for_its_turn() {
        let ms = Duration::from_millis;
        let most = 1 << 20;
        // Twice what is in flight on a long path.
        assert_eq!(window(100_000, ms(100), most), 200_000);
        // 50 ms of the rate on a short one.
        assert_eq!(window(10_000, ms(5), most), 110_000);
        // Everything where nothing is known, and on loopback.
        assert_eq!(window(100_000, ms(0), most), most);
        assert_eq!(window(3_000, ms(200), most), LEAST);
        assert_eq!(window(3_000, ms(200), 1_000), 1_000);
    }
}
