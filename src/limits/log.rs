//! When things happened, as far as it matters for a limit.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::LimitWindow;

/// The times of what happened, oldest first, each with how often. Times are milliseconds since 1970, rounded up.
///
/// A window slides: at any moment, what happened within it before that moment counts. Where a window has room for many,
/// times are rounded up to a hundredth of it, so that a log never grows long: then a little more than the window counts,
/// and never less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Log(Vec<(i64, u32)>);

/// Up to so many are remembered one by one.
const FEW: u32 = 100;

/// What the times in a log of this window are multiples of, in milliseconds.
pub(super) fn grain(window: &LimitWindow) -> i64 {
    if window.max <= FEW { 1 } else { (millis(window.per) / i64::from(FEW)).max(1) }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Log {
    /// How long from `now` on there is no room in `window`; none where there is room.
    pub(super) fn wait(&self, window: &LimitWindow, now: Timestamp) -> Option<Duration> {
        // Only the newest matter: there is room once all of them but `max - 1` have left the window.
        let mut count = 0;
        let (blocking, _) = self.0.iter().rev().find(|(_, times)| {
            count += *times;
            count >= window.max
        })?;
        let free = Timestamp::from_millisecond(blocking.saturating_add(millis(window.per))).unwrap_or(Timestamp::MAX);
        Duration::try_from(free.duration_since(now)).ok().filter(|wait| !wait.is_zero())
    }

    /// Notes that it happens `now`, and tells the time that it is noted under.
    pub(super) fn note(&mut self, now: Timestamp, grain: i64) -> i64 {
        let millis = now.as_millisecond() + i64::from(now.subsec_nanosecond() % 1_000_000 != 0);
        let at = millis + (grain - millis.rem_euclid(grain)) % grain;
        // Clocks differ and are set back, so it need not be the newest.
        match self.0.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(place) => self.0[place].1 += 1,
            Err(place) => self.0.insert(place, (at, 1)),
        }
        at
    }

    /// Takes back what was noted under this time: it did not happen.
    pub(super) fn take_back(&mut self, at: i64) {
        if let Ok(place) = self.0.binary_search_by_key(&at, |(at, _)| *at) {
            self.0[place].1 -= 1;
            self.0.retain(|(_, times)| *times > 0);
        }
    }

    /// Forgets what has left all of the windows, or is so old that enough newer ones fill each window.
    pub(super) fn forget<'w>(&mut self, windows: impl Iterator<Item = &'w LimitWindow> + Clone, now: Timestamp) {
        let longest = windows.clone().map(|window| millis(window.per)).max().unwrap_or(0);
        let most = windows.map(|window| window.max).max().unwrap_or(0);
        let mut newer = 0;
        let needed = self.0.iter().rev().take_while(|(at, times)| {
            let needed = newer < most && at.saturating_add(longest) > now.as_millisecond();
            newer += *times;
            needed
        });
        let needed = needed.count();
        self.0.drain(..self.0.len() - needed);
    }

    /// Whether nothing is noted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(1_800_000_000_000_000 + micros).unwrap()
    }

    /// A naive log: everything that ever happened, with a window that is looked at whole.
    #[derive(Default)]
    struct Naive(Vec<Timestamp>);

    impl Naive {
        fn fits(&self, window: &LimitWindow, now: Timestamp) -> bool {
            let within = |then: &&Timestamp| now.duration_since(**then) < SignedDuration::try_from(window.per).unwrap();
            self.0.iter().filter(within).count() < window.max as usize
        }
    }

    fn window() -> impl Strategy<Value = LimitWindow> {
        (1..6_u32, 1..4000_u64).prop_map(|(max, per)| LimitWindow { max, per: Duration::from_millis(per) })
    }

    proptest! {
        /// With times of whole milliseconds the log says what the naive one says, at every step; and a wait that it
        /// tells is over when it says, and not a millisecond before.
        #[test]
        fn a_log_knows_what_a_naive_one_knows(
            windows in prop::collection::vec(window(), 1..4),
            steps in prop::collection::vec((0..900_i64, 0..8_u8), 1..120),
        ) {
            let (mut log, mut naive, mut now) = (Log::default(), Naive::default(), 0);
            for (step, choice) in steps {
                now += step;
                let moment = at(now * 1000);
                log.forget(windows.iter(), moment);
                for window in &windows {
                    let wait = log.wait(window, moment);
                    prop_assert_eq!(wait.is_none(), naive.fits(window, moment));
                    if let Some(wait) = wait {
                        prop_assert!(naive.fits(window, moment + wait));
                        prop_assert!(!naive.fits(window, moment + wait - SignedDuration::from_millis(1)));
                    }
                }
                if choice == 0 {
                    if let Some(last) = naive.0.pop() {
                        log.take_back(last.as_millisecond());
                    }
                } else if windows.iter().all(|window| log.wait(window, moment).is_none()) {
                    prop_assert_eq!(log.note(moment, 1), moment.as_millisecond());
                    naive.0.push(moment);
                }
                prop_assert!(log.0.len() <= windows.iter().map(|window| window.max as usize).max().unwrap());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Times that are rounded, up to a hundredth of the window, let no more pass than the naive log does, and bound
        /// the log however many there are.
        #[test]
        fn a_coarse_log_never_lets_too_many_pass(
            max in 101..300_u32,
            per in 1000..20_000_u64,
            steps in prop::collection::vec(0..300_000_i64, 400..800),
        ) {
            let window = LimitWindow { max, per: Duration::from_millis(per) };
            let (mut log, mut naive, mut now) = (Log::default(), Naive::default(), 0);
            for step in steps {
                now += step;
                log.forget([&window].into_iter(), at(now));
                if log.wait(&window, at(now)).is_none() {
                    prop_assert!(naive.fits(&window, at(now)));
                    log.note(at(now), grain(&window));
                    naive.0.push(at(now));
                } else {
                    // It is late by a hundredth and what rounding to milliseconds adds, at most.
                    let late = SignedDuration::from_millis(grain(&window) + 1);
                    prop_assert!(!naive.fits(&window, at(now) - late));
                }
                prop_assert!(log.0.len() <= 103, "{}", log.0.len());
            }
        }
    }

    #[test]
    fn what_happens_while_a_limit_is_only_observed_is_remembered_as_far_as_it_matters() {
        let window = LimitWindow { max: 3, per: Duration::from_secs(10) };
        let mut log = Log::default();
        for second in 0..1000 {
            log.note(at(second * 1_000_000), 1);
            log.forget([&window].into_iter(), at(second * 1_000_000));
        }
        assert_eq!(log.0.len(), 3);
        assert_eq!(log.wait(&window, at(999_000_000)), Some(Duration::from_secs(8)));
    }
}
