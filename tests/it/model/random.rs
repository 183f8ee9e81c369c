//! Random choices that a seed repeats (`SplitMix64`, Steele et al. 2014).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// A stream of random choices. Clones share it.
#[derive(Clone)]
pub struct Random(Arc<Mutex<u64>>);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end
    }

    /// A share of one.
    pub fn share(&self) -> f64 {
        // 32 bits fit into the number without loss.
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// True with a probability of `percent` percent.
    pub fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A time below `end` milliseconds.
    pub fn millis(&self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }

    pub fn uuid(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes((u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes())
            .into_uuid()
    }
}
