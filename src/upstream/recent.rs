//! Counts of the recent past.

use std::time::Duration;

use tokio::time::Instant;

/// How many parts a window has.
const PARTS: usize = 10;

/// Counts over a window that moves along in tenths: at least the last `window`, at most a tenth more.
pub(super) struct Recent<T> {
    start: Instant,
    part: Duration,
    /// The counts of the part that is being filled, and of the ten before it. Part number `n` has place `n % 11`.
    counts: [T; PARTS + 1],
    /// The number of the part that is being filled.
    newest: u128,
}

impl<T: Copy + Default> Recent<T> {
    /// Nothing counted yet. `window` must be at least 10 ns.
    pub(super) fn new(window: Duration) -> Self {
        let part = window / u32::try_from(PARTS).expect("ten");
        Self { start: Instant::now(), part, counts: [T::default(); PARTS + 1], newest: 0 }
    }

    /// The counts of this moment, to add to.
    pub(super) fn now(&mut self) -> &mut T {
        let number = self.start.elapsed().as_nanos() / self.part.as_nanos();
        let places = self.counts.len() as u128;
        for over in (self.newest + 1..=number).rev().take(self.counts.len()) {
            self.counts[place(over, places)] = T::default();
        }
        self.newest = self.newest.max(number);
        &mut self.counts[place(self.newest, places)]
    }

    /// The counts of the window, part by part.
    pub(super) fn all(&mut self) -> impl Iterator<Item = T> {
        self.now();
        self.counts.into_iter()
    }
}

fn place(number: u128, places: u128) -> usize {
    usize::try_from(number % places).expect("a remainder of eleven")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::advance;

    use super::*;

    proptest! {
        /// Against a list of all moments. A part ends at a multiple of a second after the start.
        #[test]
        fn exactly_the_last_eleven_parts_count(steps in prop::collection::vec(0_u64..30_000, 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let mut recent = Recent::<usize>::new(Duration::from_secs(10));
                let (mut now, mut moments) = (0, Vec::new());
                for step in steps {
                    // Mostly short steps, some far beyond the window.
                    let step = if step < 27_000 { step / 20 } else { step };
                    advance(Duration::from_millis(step)).await;
                    now += step;
                    *recent.now() += 1;
                    moments.push(now);
                    let expected = moments.iter().filter(|moment| now / 1000 - *moment / 1000 <= 10).count();
                    assert_eq!(recent.all().sum::<usize>(), expected);
                }
            });
        }
    }
}
