//! The measurements of one account. Pure: offsets and moments come from outside.

use std::{collections::VecDeque, time::Duration};

use jiff::SignedDuration;
use tokio::time::Instant;

/// How long a measurement counts.
pub(super) const MEMORY: Duration = Duration::from_mins(10);
/// How much a clock may drift in this time, and how much the clocks of Telnyx's servers may differ, without a trace in the
/// measurements.
const DRIFT: SignedDuration = SignedDuration::from_millis(100);
/// How long measurements are added to one period. Periods are forgotten one by one.
const PERIOD: Duration = Duration::from_secs(30);
/// The most periods.
const MAX_PERIODS: usize = 32;

/// How far one clock is ahead of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetBounds {
    pub(super) low: SignedDuration,
    pub(super) high: SignedDuration,
}

/// Measurements, oldest first. All offsets are those from the monotonic clock.
#[derive(Default)]
pub(super) struct Measurements {
    periods: VecDeque<Period>,
    /// Whether the last measurement showed that the clocks differ too much.
    pub(super) is_skewed: bool,
}

/// Measurements that do not contradict each other.
struct Period {
    begun: Instant,
    ended: Instant,
    telnyx: OffsetBounds,
    /// The gateway's time of day.
    local: OffsetBounds,
    /// Whether it stands for periods that contradicted each other.
    is_merged: bool,
}

impl OffsetBounds {
    pub(super) const fn exactly(offset: SignedDuration) -> Self {
        Self { low: offset, high: offset }
    }

    pub(super) fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn widened(self, by: SignedDuration) -> Self {
        Self { low: self.low.saturating_sub(by), high: self.high.saturating_add(by) }
    }

    /// None if the two contradict each other.
    fn intersection(self, other: Self) -> Option<Self> {
        let both = Self { low: self.low.max(other.low), high: self.high.min(other.high) };
        (both.low <= both.high).then_some(both)
    }
}

impl Measurements {
    pub(super) fn add(&mut self, now: Instant, telnyx: OffsetBounds, local: OffsetBounds) {
        while self.periods.front().is_some_and(|oldest| now.duration_since(oldest.ended) > MEMORY) {
            self.periods.pop_front();
        }
        self.see_local(local);
        let telnyx = telnyx.widened(DRIFT);
        if let Some(newest) = self.periods.back_mut().filter(|newest| now.duration_since(newest.begun) < PERIOD)
            && let Some(both) = newest.telnyx.intersection(telnyx)
        {
            (newest.telnyx, newest.ended) = (both, now);
            return;
        }
        self.periods.push_back(Period { begun: now, ended: now, telnyx, local, is_merged: false });
        if self.periods.len() > MAX_PERIODS
            && let (Some(oldest), Some(second)) = (self.periods.pop_front(), self.periods.front_mut())
        {
            second.telnyx = second.telnyx.hull(oldest.telnyx);
            second.local = second.local.hull(oldest.local);
            second.is_merged = true;
        }
    }

    /// Takes into account how far the time of day is ahead: a time may have been read since it jumped.
    pub(super) fn see_local(&mut self, local: OffsetBounds) {
        if let Some(newest) = self.periods.back_mut() {
            newest.local = newest.local.hull(local);
        }
    }

    /// How far Telnyx's clock is ahead of the time of day, by all recent measurements. Where some contradict each other,
    /// because a clock jumped or because the servers of Telnyx differ, each may be right.
    pub(super) fn offset(&self, now: Instant) -> Option<OffsetBounds> {
        let mut recent = self.periods.iter().filter(|period| now.duration_since(period.ended) <= MEMORY);
        let Period { mut telnyx, mut local, mut is_merged, .. } = *recent.next()?;
        let mut contradicted = None::<OffsetBounds>;
        for period in recent {
            local = local.hull(period.local);
            let both = telnyx.intersection(period.telnyx).filter(|_| !is_merged);
            is_merged = false;
            telnyx = both.unwrap_or_else(|| {
                contradicted = Some(contradicted.map_or(telnyx, |others| others.hull(telnyx)));
                period.telnyx
            });
        }
        let telnyx = contradicted.map_or(telnyx, |others| others.hull(telnyx));
        let low = telnyx.low.saturating_sub(local.high);
        Some(OffsetBounds { low, high: telnyx.high.saturating_sub(local.low) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(millis: i64) -> SignedDuration {
        SignedDuration::from_millis(millis)
    }

    /// Telnyx's clock, `ahead` ms before the monotonic one, as an answer shows it that was `at` ms made and took `took`.
    fn measured(ahead: i64, at: i64, took: i64) -> OffsetBounds {
        let date = (ahead + at + took / 2).div_euclid(1000) * 1000;
        OffsetBounds { low: millis(date - at - took), high: millis(date + 1000 - at) }
    }

    fn bounds(low: i64, high: i64) -> OffsetBounds {
        OffsetBounds { low: millis(low), high: millis(high) }
    }

    proptest! {
        /// The true offset is within the bounds, whatever the clocks did in the last ten minutes.
        #[test]
        fn the_bounds_hold_for_every_clock_of_the_last_minutes(
            steps in prop::collection::vec((0_i64..40_000, 0_i64..3000, prop::option::weighted(0.1, (9000_i64..20_000, any::<bool>()))), 1..60),
            local in -5000_i64..5000,
        ) {
            let (origin, mut now, mut ahead) = (Instant::now(), 0, 0);
            let (mut measurements, mut seen) = (Measurements::default(), Vec::new());
            for (pause, took, jump) in steps {
                // A smaller jump may leave no trace.
                ahead += jump.map_or(0, |(by, back)| if back { -by } else { by });
                now += pause + took;
                let at = origin + Duration::from_millis(now.unsigned_abs());
                seen.push((now, ahead));
                measurements.add(at, measured(ahead, now - took, took), OffsetBounds::exactly(millis(local)));
                let offset = measurements.offset(at).unwrap();
                for (_, ahead) in seen.iter().filter(|(seen, _)| now - seen <= 600_000) {
                    let offset_is = millis(ahead - local);
                    assert!(offset.low <= offset_is && offset_is <= offset.high, "{offset:?} without {offset_is}");
                }
                assert!(measurements.periods.len() <= MAX_PERIODS);
            }
        }
    }

    #[test]
    fn answers_around_the_change_of_a_second_narrow_the_bounds() {
        let (now, mut measurements) = (Instant::now(), Measurements::default());
        for at in [100, 950, 1050] {
            measurements.add(now, measured(7000, at, 20), OffsetBounds::exactly(SignedDuration::ZERO));
        }
        assert_eq!(measurements.offset(now), Some(bounds(6830, 7150)));
    }

    #[test]
    fn servers_whose_clocks_differ_are_all_within_the_bounds_and_the_number_of_periods_is_bounded() {
        let (now, mut measurements) = (Instant::now(), Measurements::default());
        for ahead in [0].into_iter().chain([20_000, 40_000].repeat(20)) {
            measurements.add(now, bounds(ahead, ahead), OffsetBounds::exactly(SignedDuration::ZERO));
        }
        assert_eq!(measurements.offset(now), Some(bounds(-100, 40_100)));
        assert_eq!(measurements.periods.len(), MAX_PERIODS);
    }

    #[test]
    fn a_jump_of_the_time_of_day_widens_the_bounds_and_is_forgotten() {
        let (start, mut measurements) = (Instant::now(), Measurements::default());
        measurements.add(start, bounds(0, 1000), OffsetBounds::exactly(SignedDuration::ZERO));
        measurements.see_local(OffsetBounds::exactly(millis(60_000)));
        assert_eq!(measurements.offset(start), Some(bounds(-60_100, 1100)));
        let later = start + PERIOD;
        measurements.add(later, bounds(0, 1000), OffsetBounds::exactly(millis(60_000)));
        assert_eq!(measurements.offset(later), Some(bounds(-60_100, 1100)));
        assert_eq!(measurements.offset(start + MEMORY + Duration::from_secs(1)), Some(bounds(-60_100, -58_900)));
        assert_eq!(measurements.offset(later + MEMORY + Duration::from_secs(1)), None);
    }
}
