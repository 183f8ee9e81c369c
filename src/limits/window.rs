//! The sliding window: which events happened lately, as far as a limit needs to know.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::LimitWindow;

/// The times of events, oldest first, each with its count. Times are milliseconds since 1970, rounded up.
///
/// A limit of up to 100 events keeps every time. A larger one rounds times up to a hundredth of its window, so that the
/// list stays short. A rounded event counts a little longer than the window, and never shorter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct SlidingWindow(Vec<(i64, u32)>);

/// How many times a window keeps at most.
const MAX_TIMES: u32 = 100;

/// What the times in this window are multiples of, in milliseconds.
pub(super) fn resolution(window: &LimitWindow) -> i64 {
    if window.max <= MAX_TIMES { 1 } else { (millis(window.per) / i64::from(MAX_TIMES)).max(1) }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl SlidingWindow {
    /// How long from `now` until `window` has room for another event. None if it has room.
    pub(super) fn wait(&self, window: &LimitWindow, now: Timestamp) -> Option<Duration> {
        // Only the newest `max` events matter: there is room once the oldest of them has left the window.
        let mut count = 0;
        let (blocking, _) = self.0.iter().rev().find(|(_, times)| {
            count += *times;
            count >= window.max
        })?;
        let free = Timestamp::from_millisecond(blocking.saturating_add(millis(window.per))).unwrap_or(Timestamp::MAX);
        Duration::try_from(free.duration_since(now)).ok().filter(|wait| !wait.is_zero())
    }

    /// How many events are in `window`, as far as they matter.
    pub(super) fn count(&self, window: &LimitWindow, now: Timestamp) -> u32 {
        let start = now.as_millisecond().saturating_sub(millis(window.per));
        self.0.iter().filter(|(at, _)| *at > start).map(|(_, times)| times).sum()
    }

    /// Adds an event at `now`. Returns the time that [`SlidingWindow::remove`] needs.
    pub(super) fn add(&mut self, now: Timestamp, resolution: i64) -> i64 {
        let millis = now.as_millisecond() + i64::from(now.subsec_nanosecond() % 1_000_000 != 0);
        let at = millis + (resolution - millis.rem_euclid(resolution)) % resolution;
        // Replicas' clocks differ, so the event need not be the newest.
        match self.0.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(index) => self.0[index].1 += 1,
            Err(index) => self.0.insert(index, (at, 1)),
        }
        at
    }

    /// Removes an event that did not happen.
    pub(super) fn remove(&mut self, at: i64) {
        if let Ok(index) = self.0.binary_search_by_key(&at, |(at, _)| *at) {
            self.0[index].1 -= 1;
            self.0.retain(|(_, times)| *times > 0);
        }
    }

    /// Drops events that have left all `windows`, and those that enough newer ones make irrelevant.
    pub(super) fn prune<'w>(&mut self, windows: impl Iterator<Item = &'w LimitWindow> + Clone, now: Timestamp) {
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

    /// The naive way: every event is kept, and all of them are read each time.
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
        /// With times of whole milliseconds both give the same verdict at every step, and there is room exactly when
        /// the wait is over.
        #[test]
        fn it_gives_the_verdicts_of_a_naive_implementation(
            windows in prop::collection::vec(window(), 1..4),
            steps in prop::collection::vec((0..900_i64, 0..8_u8), 1..120),
        ) {
            let (mut events, mut naive, mut now) = (SlidingWindow::default(), Naive::default(), 0);
            for (step, choice) in steps {
                now += step;
                let moment = at(now * 1000);
                events.prune(windows.iter(), moment);
                for window in &windows {
                    let wait = events.wait(window, moment);
                    prop_assert_eq!(wait.is_none(), naive.fits(window, moment));
                    if let Some(wait) = wait {
                        prop_assert!(naive.fits(window, moment + wait));
                        prop_assert!(!naive.fits(window, moment + wait - SignedDuration::from_millis(1)));
                    }
                }
                if choice == 0 {
                    if let Some(last) = naive.0.pop() {
                        events.remove(last.as_millisecond());
                    }
                } else if windows.iter().all(|window| events.wait(window, moment).is_none()) {
                    prop_assert_eq!(events.add(moment, 1), moment.as_millisecond());
                    naive.0.push(moment);
                }
                prop_assert!(events.0.len() <= windows.iter().map(|window| window.max as usize).max().unwrap());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Rounded times let no more events pass than the naive implementation, and bound the list.
        #[test]
        fn a_rounded_window_never_lets_too_many_pass(
            max in 101..300_u32,
            per in 1000..20_000_u64,
            steps in prop::collection::vec(0..300_000_i64, 400..800),
        ) {
            let window = LimitWindow { max, per: Duration::from_millis(per) };
            let (mut events, mut naive, mut now) = (SlidingWindow::default(), Naive::default(), 0);
            for step in steps {
                now += step;
                events.prune([&window].into_iter(), at(now));
                if events.wait(&window, at(now)).is_none() {
                    prop_assert!(naive.fits(&window, at(now)));
                    events.add(at(now), resolution(&window));
                    naive.0.push(at(now));
                } else {
                    // Rounding delays by a hundredth of the window and a millisecond at most.
                    let late = SignedDuration::from_millis(resolution(&window) + 1);
                    prop_assert!(!naive.fits(&window, at(now) - late));
                }
                prop_assert!(events.0.len() <= 103, "{}", events.0.len());
            }
        }
    }

    #[test]
    fn events_above_an_observed_limit_do_not_grow_the_list() {
        let window = LimitWindow { max: 3, per: Duration::from_secs(10) };
        let mut events = SlidingWindow::default();
        for second in 0..1000 {
            events.add(at(second * 1_000_000), 1);
            events.prune([&window].into_iter(), at(second * 1_000_000));
        }
        assert_eq!(events.0.len(), 3);
        assert_eq!(events.wait(&window, at(999_000_000)), Some(Duration::from_secs(8)));
    }
}
