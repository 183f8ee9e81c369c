//! The time of the simulator, and of each account in it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const OUT_OF_RANGE: &str = "the clock must stay between the years 1970 and 9999";

/// A clock relative to another one: its time with an offset, or a frozen time.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
pub(super) struct RelativeClock {
    offset: SignedDuration,
    frozen: Option<Timestamp>,
}

/// A change of a clock. At least one field must be set.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockChange {
    /// The new time.
    pub now: Option<Timestamp>,
    /// Whether the time stands still.
    pub frozen: Option<bool>,
}

impl RelativeClock {
    /// The time, when the other clock shows `base`.
    pub(super) fn now(&self, base: Timestamp) -> Timestamp {
        self.frozen.unwrap_or_else(|| base.saturating_add(self.offset).unwrap_or(Timestamp::MAX))
    }

    pub(super) const fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// # Errors
    /// A text for people: the time is out of range. Nothing changes then.
    pub(super) fn advance(&mut self, by: Duration, base: Timestamp) -> Result<(), &'static str> {
        let now = self.now(base).checked_add(by).map_err(|_| OUT_OF_RANGE)?;
        self.change(ClockChange { now: Some(now), frozen: None }, base)
    }

    /// # Errors
    /// A text for people: the time is out of range, or nothing is to change. Nothing changes then.
    pub(super) fn change(&mut self, change: ClockChange, base: Timestamp) -> Result<(), &'static str> {
        if change.now.is_none() && change.frozen.is_none() {
            return Err("now or frozen is required");
        }
        let now = change.now.unwrap_or_else(|| self.now(base));
        if now < Timestamp::UNIX_EPOCH {
            return Err(OUT_OF_RANGE);
        }
        let frozen = change.frozen.unwrap_or(self.is_frozen());
        *self = Self { offset: now.duration_since(base), frozen: frozen.then_some(now) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_clock_is_set_frozen_advanced_and_resumed() {
        let mut clock = RelativeClock::default();
        assert_eq!(clock.now(at(10)), at(10));
        clock.advance(Duration::from_secs(5), at(10)).unwrap();
        assert_eq!(clock.now(at(11)), at(16));
        clock.change(ClockChange { now: None, frozen: Some(true) }, at(11)).unwrap();
        assert_eq!(clock.now(at(100)), at(16));
        clock.advance(Duration::from_secs(4), at(100)).unwrap();
        assert_eq!(clock.now(at(200)), at(20));
        clock.change(ClockChange { now: None, frozen: Some(false) }, at(200)).unwrap();
        assert_eq!(clock.now(at(201)), at(21));
        clock.change(ClockChange { now: Some(at(3)), frozen: None }, at(300)).unwrap();
        assert_eq!(clock.now(at(301)), at(4));
    }

    #[test]
    fn a_time_out_of_range_changes_nothing() {
        let mut clock = RelativeClock::default();
        assert!(clock.advance(Duration::MAX, at(10)).is_err());
        assert!(clock.change(ClockChange { now: Some(at(-1)), frozen: None }, at(10)).is_err());
        assert!(clock.change(ClockChange::default(), at(10)).is_err());
        assert_eq!(clock.now(at(10)), at(10));
    }
}
