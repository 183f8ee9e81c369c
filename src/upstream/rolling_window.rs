//! Counts over a rolling window.

use std::time::Duration;

use tokio::time::Instant;

/// The number of buckets of a window.
const BUCKETS: usize = 10;

/// Counts over a window that moves in tenths. It covers at least the window, and at most a tenth more.
pub(super) struct RollingWindow<T> {
    start: Instant,
    bucket: Duration,
    /// A ring of the current bucket and the ten before it. Bucket `n` is at index `n % 11`.
    counts: [T; BUCKETS + 1],
    /// The number of the current bucket.
    newest: u128,
}

impl<T: Copy + Default> RollingWindow<T> {
    /// An empty window. `window` must be at least 10 ns.
    pub(super) fn new(window: Duration) -> Self {
        let bucket = window / u32::try_from(BUCKETS).expect("ten");
        Self { start: Instant::now(), bucket, counts: [T::default(); BUCKETS + 1], newest: 0 }
    }

    /// The counts of the current bucket, to add to.
    pub(super) fn now(&mut self) -> &mut T {
        let number = self.start.elapsed().as_nanos() / self.bucket.as_nanos();
        for expired in (self.newest + 1..=number).rev().take(self.counts.len()) {
            self.counts[index(expired)] = T::default();
        }
        self.newest = self.newest.max(number);
        &mut self.counts[index(self.newest)]
    }

    /// The counts of the window, bucket by bucket.
    pub(super) fn all(&mut self) -> impl Iterator<Item = T> {
        self.now();
        self.counts.into_iter()
    }
}

fn index(bucket: u128) -> usize {
    usize::try_from(bucket % (BUCKETS as u128 + 1)).expect("a remainder of eleven")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::advance;

    use super::*;

    proptest! {
        /// Against a list of all moments. A bucket ends at a multiple of a second after the start.
        #[test]
        fn exactly_the_last_eleven_buckets_count(steps in prop::collection::vec(0_u64..30_000, 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let mut window = RollingWindow::<usize>::new(Duration::from_secs(10));
                let (mut now, mut moments) = (0, Vec::new());
                for step in steps {
                    // Mostly short steps, some far beyond the window.
                    let step = if step < 27_000 { step / 20 } else { step };
                    advance(Duration::from_millis(step)).await;
                    now += step;
                    *window.now() += 1;
                    moments.push(now);
                    let expected = moments.iter().filter(|moment| now / 1000 - *moment / 1000 <= 10).count();
                    assert_eq!(window.all().sum::<usize>(), expected);
                }
            });
        }
    }
}
