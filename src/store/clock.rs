//! The clock of the store, which all gateways of one store share.
//!
//! The gateway measures how far its own clock differs from the clock of the server. Between two measurements it counts
//! on a clock that never jumps. So a wrong or changed time of day on its machine changes nothing that counts.

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{clock::Clock, sync::Mutex};

/// How many measurements are remembered. The one with the shortest round trip counts.
const MAX_SAMPLES: usize = 8;

pub(super) struct StoreClock {
    /// The gateway's own clock.
    local: Clock,
    state: Mutex<ClockState>,
}

struct ClockState {
    steady: Clock,
    samples: VecDeque<ClockSample>,
}

/// The time of the server at an instant between a question and its answer.
#[derive(Clone, Copy)]
struct ClockSample {
    server: Timestamp,
    at: Instant,
    round_trip: Duration,
}

impl StoreClock {
    /// A clock that begins with the time of `local`.
    pub(super) fn new(local: Clock) -> Self {
        let state = ClockState { steady: local.steady(), samples: VecDeque::new() };
        Self { local, state: Mutex::new(state) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.state.lock().steady.now()
    }

    /// How far the gateway's clock is behind the clock of the store.
    pub(super) fn offset(&self) -> SignedDuration {
        self.now().duration_since(self.local.now())
    }

    /// Sets the clock by the time that a server returned for a question asked at `asked`.
    pub(super) fn measured(&self, server: Timestamp, asked: Instant) {
        let round_trip = asked.elapsed();
        let mut state = self.state.lock();
        state.samples.truncate(MAX_SAMPLES - 1);
        state.samples.push_front(ClockSample { server, at: asked + round_trip / 2, round_trip });
        if let Some(best) = state.samples.iter().min_by_key(|sample| sample.round_trip).copied() {
            state.steady = self.local.steady_from(best.server, best.at);
        }
    }

    /// Forgets the measurements: another server has another clock.
    pub(super) fn forget(&self) {
        self.state.lock().samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_measurement_with_the_shortest_round_trip_counts() {
        let clock = StoreClock::new(Clock::starting_at(start()));
        assert_eq!(clock.offset(), SignedDuration::ZERO);
        let ahead = |by: u64| start() + Duration::from_secs(by);
        let asked = Instant::now();
        tokio::time::advance(SECOND * 2).await;
        // It was 12:00:10 at the server when it was 12:00:01 here.
        clock.measured(ahead(10), asked);
        assert_eq!((clock.now(), clock.offset()), (ahead(11), SignedDuration::from_secs(9)));
        // A slower answer says less.
        let asked = Instant::now();
        tokio::time::advance(SECOND * 4).await;
        clock.measured(ahead(20), asked);
        assert_eq!(clock.offset(), SignedDuration::from_secs(9));
        clock.measured(ahead(26), Instant::now());
        assert_eq!(clock.offset(), SignedDuration::from_secs(20));
        // The best of the last eight counts.
        for _ in 0..8 {
            clock.measured(ahead(36), Instant::now() - SECOND * 2);
        }
        assert_eq!(clock.offset(), SignedDuration::from_secs(31));
        clock.forget();
        clock.measured(ahead(6), Instant::now() - SECOND);
        assert_eq!(clock.offset(), SignedDuration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_a_test_moves_moves_this_one() {
        let local = Clock::starting_at(start());
        let clock = StoreClock::new(local.clone());
        clock.measured(start() + SECOND, Instant::now());
        local.advance(SECOND * 60);
        assert_eq!(clock.now(), start() + SECOND * 61);
        assert_eq!(clock.offset(), SignedDuration::from_secs(1));
    }
}
