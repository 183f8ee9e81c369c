//! The time of day. A test or a simulation may move it forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The time of day plus an offset. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    base: Base,
    offset_nanos: Arc<AtomicI64>,
}

/// The time without the offset.
#[derive(Clone, Copy, Debug, Default)]
enum Base {
    /// The system's time.
    #[default]
    System,
    /// This time at that instant. It advances as Tokio's time does.
    Since(Timestamp, Instant),
    /// This time, always.
    Standing(Timestamp),
}

impl Clock {
    /// A clock that shows `at` until it is moved.
    #[must_use]
    pub fn standing_at(at: Timestamp) -> Self {
        Self { base: Base::Standing(at), offset_nanos: Arc::default() }
    }

    /// A clock that shows `start` now and advances as Tokio's time does, which a test may pause.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self { base: Base::Since(start, Instant::now()), offset_nanos: Arc::default() }
    }

    /// The same time, by a clock that counts from now on its own: a jump of the system's time does not move it.
    #[must_use]
    pub fn steady(&self) -> Self {
        match self.base {
            Base::System => self.steady_from(Timestamp::now(), Instant::now()),
            base @ (Base::Since(..) | Base::Standing(_)) => Self { base, offset_nanos: self.offset_nanos.clone() },
        }
    }

    /// A clock that showed `time` at `instant`, plus the offset of this one.
    #[must_use]
    pub fn steady_from(&self, time: Timestamp, instant: Instant) -> Self {
        Self { base: Base::Since(time, instant), offset_nanos: self.offset_nanos.clone() }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let base = match self.base {
            Base::System => Timestamp::now(),
            Base::Since(start, since) => start.saturating_add(since.elapsed()).unwrap_or(Timestamp::MAX),
            Base::Standing(at) => at,
        };
        match self.offset_nanos.load(Ordering::Relaxed) {
            0 => base,
            offset => base.saturating_add(SignedDuration::from_nanos(offset)).unwrap_or(Timestamp::MAX),
        }
    }

    /// Moves the clock forward, at most some 290 years in all.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let _ =
            self.offset_nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(by)));
    }

    /// Removes the offset.
    pub fn reset(&self) {
        self.offset_nanos.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_started_clock_advances_as_tokio_does() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::starting_at(start);
        tokio::time::advance(Duration::from_secs(5)).await;
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), start + SignedDuration::from_secs(7));
    }

    #[test]
    fn a_standing_clock_moves_only_by_advance() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::standing_at(at);
        assert_eq!(clock.now(), at);
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.now(), at + SignedDuration::from_millis(1));
    }

    #[test]
    fn clones_move_together() {
        let clock = Clock::default();
        let other = clock.clone();
        other.advance(Duration::from_hours(1));
        let ahead = clock.now().duration_since(Timestamp::now());
        assert!(ahead > SignedDuration::from_mins(59), "{ahead:?}");
        clock.reset();
        assert!(other.now() <= Timestamp::now());
    }
}
