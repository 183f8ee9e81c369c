//! GCRA, the generic cell rate algorithm (ITU-T I.371), as a virtual schedule.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::LimitRate;

/// When the next call is due if calls come evenly. A call that comes early uses up some of the burst.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gcra {
    due: Timestamp,
}

impl Gcra {
    /// Admits a call at `now`. The error is how long until a call is admitted.
    pub(super) fn take(&mut self, rate: LimitRate, now: Timestamp) -> Result<(), Duration> {
        // Rounded up, so that the rate is never exceeded.
        let apart = Duration::from_nanos(1_000_000_000_u64.div_ceil(u64::from(rate.max)));
        let later = |by: Duration| now.saturating_add(by).unwrap_or(Timestamp::MAX);
        // At most a whole burst ahead: the clock may have been set back, or the rate changed.
        let due = self.due.clamp(now, later(apart * rate.burst));
        self.due = due;
        let early = due.duration_since(later(apart * (rate.burst - 1)));
        match Duration::try_from(early) {
            Ok(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.due = due.saturating_add(apart).unwrap_or(Timestamp::MAX);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const NANO: SignedDuration = SignedDuration::from_nanos(1);

    fn start() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    proptest! {
        /// A leaky bucket that holds `burst` drops, counted in nanoseconds, admits the same calls, and a call is admitted
        /// exactly when the wait is over.
        #[test]
        fn it_admits_what_a_leaky_bucket_admits(
            max in 1..2000_u32,
            burst in 1..40_u32,
            steps in prop::collection::vec(0..400_000_000_u64, 1..200),
        ) {
            let (rate, mut schedule) = (LimitRate { max, burst }, Gcra::default());
            let apart = 1_000_000_000_u64.div_ceil(u64::from(max));
            let (mut now, mut level) = (start(), 0_u64);
            for step in steps {
                now += SignedDuration::from_nanos(step.try_into().unwrap());
                level = level.saturating_sub(step);
                let fits = level + apart <= apart * u64::from(burst);
                let before = schedule;
                match schedule.take(rate, now) {
                    Ok(()) => {
                        prop_assert!(fits);
                        level += apart;
                    }
                    Err(wait) => {
                        prop_assert!(!fits);
                        let (mut at_last, mut early) = (before, before);
                        prop_assert_eq!(at_last.take(rate, now + wait), Ok(()));
                        prop_assert_eq!(early.take(rate, now + wait - NANO), Err(Duration::from_nanos(1)));
                    }
                }
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_refuses_for_no_longer_than_a_burst() {
        let (rate, mut schedule) = (LimitRate { max: 10, burst: 2 }, Gcra::default());
        let take = |schedule: &mut Gcra, now| schedule.take(rate, now);
        assert_eq!(take(&mut schedule, start()), Ok(()));
        let hour_ago = start() - SignedDuration::from_hours(1);
        assert_eq!(take(&mut schedule, hour_ago), Err(Duration::from_millis(100)));
        assert_eq!(take(&mut schedule, hour_ago + SignedDuration::from_millis(100)), Ok(()));
    }
}
