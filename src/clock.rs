//! The time of day, which a test or a simulation may move forward.

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
    /// Where a clock of its own stood, and when; none for the system's.
    start: Option<(Timestamp, Instant)>,
    offset_nanos: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that shows `start` now and goes as Tokio's time does, which a test may pause. The default one is the
    /// system's, which follows what corrects that.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start: Some((start, Instant::now())), offset_nanos: Arc::default() }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_nanos(self.offset_nanos.load(Ordering::Relaxed));
        let base = self.start.map_or_else(Timestamp::now, |(start, since)| {
            start.saturating_add(since.elapsed()).unwrap_or(Timestamp::MAX)
        });
        base.saturating_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward, at most some 290 years in all.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let _ =
            self.offset_nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(by)));
    }

    /// Takes the offset away.
    pub fn reset(&self) {
        self.offset_nanos.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_of_its_own_goes_as_tokio_does() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::starting_at(start);
        tokio::time::advance(Duration::from_secs(5)).await;
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), start + SignedDuration::from_secs(7));
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
